#ifndef LBPF_LUA_MACHINE_H
#define LBPF_LUA_MACHINE_H

#include <lua.h>

/* Adds features, cache, toolchain, … to the module table at the stack index. */
void lbpf_machine_functions(lua_State *L, int module);

#endif
