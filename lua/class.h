/* Classes of userdata. */
#ifndef LBPF_LUA_CLASS_H
#define LBPF_LUA_CLASS_H

#include <lauxlib.h>

/* Registers a class: its metatable, called name also for those who ask for it, and its methods,
 * whose table is pushed. */
void lbpf_class(lua_State *L, const char *name, const luaL_Reg *methods,
                const luaL_Reg *metamethods);

/* Adds functions to the table at an index. */
void lbpf_class_add(lua_State *L, int table, const luaL_Reg *functions);

#endif
