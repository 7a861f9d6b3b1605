/* C types as Lua tables. */
#ifndef LUA_TYPE_TABLE_H
#define LUA_TYPE_TABLE_H

#include <lua.h>

/* bpf.type_of(value) */
int lbpf_type_of(lua_State *L);

/* Adds key_type and leaf_type to the table at index methods. */
void lbpf_type_table_methods(lua_State *L, int methods);

#endif
