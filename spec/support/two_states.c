/*
 * Runs a Lua file in two states at once, each in a thread of its own: what the module keeps for the
 * whole process must bear that. two_states FILE
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct thread {
    const char *file;
    int number;
    int status;
};

static void *run(void *argument)
{
    struct thread *thread = argument;
    lua_State *L = luaL_newstate();

    luaL_openlibs(L);
    thread->status = luaL_loadfile(L, thread->file);
    lua_pushinteger(L, thread->number);
    if (thread->status == LUA_OK)
        thread->status = lua_pcall(L, 1, 0, 0);
    if (thread->status != LUA_OK)
        fprintf(stderr, "state %d: %s\n", thread->number, luaL_tolstring(L, -1, NULL));
    lua_close(L);
    return NULL;
}

int main(int argc, char **argv)
{
    struct thread threads[2];
    pthread_t ids[2];
    int failed = 0;

    if (argc != 2)
        return EXIT_FAILURE;
    for (int i = 0; i < 2; i++) {
        threads[i] = (struct thread){.file = argv[1], .number = i + 1};
        if (pthread_create(&ids[i], NULL, run, &threads[i]))
            return EXIT_FAILURE;
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(ids[i], NULL);
        failed |= threads[i].status;
    }
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
