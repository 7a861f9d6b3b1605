/* bpf.spawn: a command as an object. It can be waited for like everything that has pollfd(). */
#include "child.h"

#include "class.h"
#include "errors.h"
#include "interrupt.h"
#include "lbpf.h"
#include "scratch.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

static const char metatable_name[] = "bpf.Child";

struct child {
    struct lbpf_child *child; /* NULL after close */
};

static struct lbpf_child *check(lua_State *L)
{
    struct child *self = luaL_checkudata(L, 1, metatable_name);

    if (!self->child)
        lbpf_misuse(L, "the command is closed");
    return self->child;
}

/* core.spawn{"command", "argument", …}; bpf.spawn, in Lua, splits a text first. */
int lbpf_child_spawn(lua_State *L)
{
    struct lbpf_error error = {0};
    struct child *self;
    char **argv;
    lua_Integer count;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    count = luaL_len(L, 1);
    if (count < 1 || count > INT_MAX / 16)
        return lbpf_misuse(L, "spawn: a command has one word at least");
    luaL_checkstack(L, 8, NULL);
    argv = lbpf_scratch_push_bytes(L, ((size_t)count + 1) * sizeof *argv);
    lua_createtable(L, (int)count, 0); /* holds the strings while argv points to them */
    for (lua_Integer i = 0; i < count; i++) {
        size_t length;
        const char *word;

        lua_geti(L, 1, i + 1);
        word = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
        if (!word || strlen(word) != length)
            return lbpf_misuse(L, "spawn: word %d is no string, or has a NUL in it", (int)i + 1);
        argv[i] = (char *)word;
        lua_rawseti(L, -2, i + 1);
    }
    self = lua_newuserdatauv(L, sizeof *self, 0);
    self->child = NULL;
    luaL_setmetatable(L, metatable_name);
    if (lbpf_child_new(argv, &self->child, &error) < 0)
        return lbpf_raise(L, &error);
    return 1;
}

static int child_start(lua_State *L)
{
    struct lbpf_error error = {0};

    if (lbpf_child_start(check(L), &error) < 0)
        return lbpf_raise(L, &error);
    lua_settop(L, 1);
    return 1;
}

static int child_pid(lua_State *L)
{
    lua_pushinteger(L, lbpf_child_pid(check(L)));
    return 1;
}

static int child_pollfd(lua_State *L)
{
    lua_pushinteger(L, lbpf_child_pollfd(check(L)));
    return 1;
}

static int child_events(lua_State *L)
{
    check(L);
    lua_pushliteral(L, "r");
    return 1;
}

static int child_timeout(lua_State *L)
{
    check(L);
    lua_pushnil(L);
    return 1;
}

static int child_kill(lua_State *L)
{
    struct lbpf_child *child = check(L);
    lua_Integer number = luaL_optinteger(L, 2, SIGTERM);
    struct lbpf_error error = {0};

    luaL_argcheck(L, number >= 0 && number < NSIG, 2, "no signal has this number");
    if (lbpf_child_signal(child, (int)number, &error) < 0)
        return lbpf_raise(L, &error);
    return 0;
}

/* child:wait([seconds]): "exit", status, or "signal", number; nil when the time is over. */
static int child_wait(lua_State *L)
{
    struct lbpf_child *child = check(L);
    lua_Number seconds = luaL_optnumber(L, 2, -1);
    struct lbpf_error error = {0};
    struct lbpf_child_end end;
    struct lbpf_wait wait;
    int slice, result;

    if (!lbpf_child_is_started(child) && seconds < 0)
        return lbpf_misuse(L, "wait: the command was not started, so it would never end");
    lbpf_wait_start(L, &wait, seconds >= 0 && seconds < 9e9 ? (int64_t)(seconds * 1e9) : -1);
    do {
        struct pollfd fd = {.fd = lbpf_child_pollfd(child), .events = POLLIN};

        slice = lbpf_wait_slice_ms(L, &wait);
        poll(&fd, 1, slice);
        result = lbpf_child_end(child, &end, &error);
    } while (result == 0 && slice > 0);
    if (result < 0)
        return lbpf_raise(L, &error);
    if (seconds != 0)
        lbpf_interrupt_check(L);
    if (result == 0) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushstring(L, end.by_signal ? "signal" : "exit");
    lua_pushinteger(L, end.status);
    return 2;
}

static int child_gc(lua_State *L)
{
    struct child *self = luaL_checkudata(L, 1, metatable_name);

    lbpf_child_free(self->child);
    self->child = NULL;
    return 0;
}

/* Also asks a command that runs to end. */
static int child_close(lua_State *L)
{
    struct child *self = luaL_checkudata(L, 1, metatable_name);
    struct lbpf_error error = {0};
    struct lbpf_child_end end;

    if (self->child && lbpf_child_is_started(self->child) &&
        lbpf_child_end(self->child, &end, &error) == 0)
        lbpf_child_signal(self->child, SIGTERM, &error);
    lbpf_error_clear(&error);
    return child_gc(L);
}

static int child_tostring(lua_State *L)
{
    struct child *self = luaL_checkudata(L, 1, metatable_name);

    if (self->child)
        lua_pushfstring(L, "bpf.Child %d%s", (int)lbpf_child_pid(self->child),
                        lbpf_child_is_started(self->child) ? "" : " (not started)");
    else
        lua_pushliteral(L, "bpf.Child (closed)");
    return 1;
}

void lbpf_children_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"start", child_start},     {"pid", child_pid},     {"pollfd", child_pollfd},
        {"events", child_events},   {"kill", child_kill},   {"wait", child_wait},
        {"timeout", child_timeout}, {"close", child_close}, {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__gc", child_gc},
        {"__close", child_close},
        {"__tostring", child_tostring},
        {NULL, NULL},
    };

    lbpf_class(L, metatable_name, methods, metamethods);
}
