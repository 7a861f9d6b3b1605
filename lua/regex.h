/* Texts against regular expressions. */
#ifndef LUA_REGEX_H
#define LUA_REGEX_H

#include <lua.h>

/* bpf.regex(expression) */
int lbpf_regex_new(lua_State *L);

#endif
