/* USDT objects: static tracepoints of a process or a file. */
#ifndef LUA_USDT_H
#define LUA_USDT_H

#include "lbpf.h"

#include <lua.h>

/* Registers the metatable and pushes the method table. */
void lbpf_usdts_open(lua_State *L);

/* bpf.USDT{pid=, path=} */
int lbpf_usdt_new(lua_State *L);

/* The context of the open USDT object at index; NULL for anything else. */
struct lbpf_usdt *lbpf_usdt_test(lua_State *L, int index);

#endif
