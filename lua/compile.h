/* bpf.compile: a program's text to an object, without loading it. */
#ifndef LUA_COMPILE_H
#define LUA_COMPILE_H

#include <lua.h>

/* Takes text or src_file, cflags, portable, arch, cache. Gives the object's bytes, and a line for
 * each thing that ties a portable object to this kernel. */
int lbpf_compile_object(lua_State *L);

#endif
