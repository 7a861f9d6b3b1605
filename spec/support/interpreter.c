/*
 * A Lua interpreter of its own, for builds with sanitizers: their runtime has to be in the program,
 * or be preloaded into it and then into every child as well. It runs one file with its arguments,
 * no more.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lua_State *running;

static void raise_interrupt(lua_State *L, lua_Debug *where)
{
    (void)where;
    lua_sethook(L, NULL, 0, 0);
    luaL_error(L, "interrupted!");
}

static void on_interrupt(int number)
{
    signal(number, SIG_DFL);
    lua_sethook(running, raise_interrupt, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT,
                1);
}

static int explain(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    int is_text = argc == 3 && !strcmp(argv[1], "-e");
    int status;

    if (!L || argc < 2) {
        fprintf(stderr, "usage: %s FILE [ARG...]\n", argv[0]);
        return EXIT_FAILURE;
    }
    running = L;
    luaL_openlibs(L);
    lua_createtable(L, argc, 0);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i - 1);
    }
    lua_setglobal(L, "arg");

    lua_pushcfunction(L, explain);
    status = is_text ? luaL_loadstring(L, argv[2]) : luaL_loadfile(L, argv[1]);
    for (int i = 2; status == LUA_OK && i < argc; i++)
        lua_pushstring(L, argv[i]);
    signal(SIGINT, on_interrupt);
    if (status == LUA_OK)
        status = lua_pcall(L, argc - 2, 0, 1);
    if (status != LUA_OK)
        fprintf(stderr, "%s: %s\n", argv[0], lua_tostring(L, -1));
    lua_close(L);
    return status == LUA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
