/*
 * A Lua module that makes Lua states.
 *   fork(f)    runs f in a forked child, which then ends as scripts do, with its Lua state closed;
 *              returns its exit status, 0 without error
 *   run(text)  runs a script in a new state of this process and closes that
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int run_forked(lua_State *L)
{
    int status = -1;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        lua_settop(L, 1);
        status = lua_pcall(L, 0, 0, 0);
        if (status)
            fprintf(stderr, "%s\n", lua_tostring(L, -1));
        lua_getglobal(L, "os");
        lua_getfield(L, -1, "exit"); /* closing the state here would unload this very function */
        lua_pushinteger(L, status != 0);
        lua_pushboolean(L, 1);
        lua_call(L, 2, 0);
    }
    if (child > 0)
        waitpid(child, &status, 0);
    lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return 1;
}

static int run_new(lua_State *L)
{
    lua_State *other = luaL_newstate();
    int failed;

    luaL_openlibs(other);
    failed = luaL_dostring(other, luaL_checkstring(L, 1));
    if (failed)
        lua_pushstring(L, lua_tostring(other, -1));
    lua_close(other);
    return failed ? lua_error(L) : 0;
}

int luaopen_states(lua_State *L)
{
    static const luaL_Reg functions[] = {{"fork", run_forked}, {"run", run_new}, {NULL, NULL}};

    luaL_newlib(L, functions);
    return 1;
}
