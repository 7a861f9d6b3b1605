/* Commands that are run to be traced. */
#ifndef LUA_CHILD_H
#define LUA_CHILD_H

#include <lua.h>

/* Registers the metatable and pushes the method table. */
void lbpf_children_open(lua_State *L);

/* core.spawn{"command", "argument", …} */
int lbpf_child_spawn(lua_State *L);

#endif
