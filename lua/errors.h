/* Errors on their way from core to Lua. */
#ifndef LUA_ERRORS_H
#define LUA_ERRORS_H

#include "lbpf.h"

#include <lua.h>

/* Registers the metatable of error objects. */
void lbpf_errors_open(lua_State *L);

/*
 * Raises what error holds as an error object {op, errno, message, hint, where, log, position} and
 * clears the record. Never returns; the int is for `return lbpf_raise(…)`.
 */
int lbpf_raise(lua_State *L, struct lbpf_error *error);

/* Pushes "script.lua:12: " of the nearest Lua function on the stack, or "". */
void lbpf_push_position(lua_State *L);

/* Raises misuse as a plain string at the nearest Lua caller's line. Never returns. */
int lbpf_misuse(lua_State *L, const char *format, ...) LBPF_PRINTF(2, 3);

#endif
