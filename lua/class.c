/* Classes of userdata. Scripts see a class's name where its metatable is, so none can change it. */
#include "class.h"

void lbpf_class(lua_State *L, const char *name, const luaL_Reg *methods,
                const luaL_Reg *metamethods)
{
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, metamethods, 0);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void lbpf_class_add(lua_State *L, int table, const luaL_Reg *functions)
{
    lua_pushvalue(L, table);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
