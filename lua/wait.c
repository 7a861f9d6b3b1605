/* bpf.wait: waits for several sources of events at once, for scripts without an event loop. */
#include "wait.h"

#include "errors.h"
#include "interrupt.h"
#include "lbpf.h"
#include "scratch.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

/* The file descriptor of a source: a number, or an object with the method pollfd. */
static int source_fd(lua_State *L, int source)
{
    int is_number, fd;

    if (lua_type(L, source) == LUA_TUSERDATA || lua_type(L, source) == LUA_TTABLE) {
        lua_getfield(L, source, "pollfd");
        lua_pushvalue(L, source);
        lua_call(L, 1, 1);
    } else {
        lua_pushvalue(L, source);
    }
    fd = (int)lua_tointegerx(L, -1, &is_number);
    if (!is_number || fd < 0)
        return lbpf_misuse(L, "wait: a source is a file descriptor or has the method pollfd");
    lua_pop(L, 1);
    return fd;
}

/* Until one is readable, or the time is over: how many are. */
static int wait_until_ready(lua_State *L, struct pollfd *fds, nfds_t count, int64_t timeout_ns)
{
    struct lbpf_error error = {0};
    struct lbpf_wait wait;
    int slice, ready;

    lbpf_wait_start(L, &wait, timeout_ns);
    do {
        slice = lbpf_wait_slice_ms(L, &wait);
        ready = poll(fds, count, slice);
        if (ready < 0 && errno != EINTR) {
            lbpf_error_set(&error, errno, "poll", "Could not wait: %s", strerror(errno));
            return lbpf_raise(L, &error);
        }
    } while (ready <= 0 && slice > 0);
    lbpf_interrupt_check(L);
    return ready;
}

int lbpf_wait_for_sources(lua_State *L)
{
    lua_Number seconds = luaL_optnumber(L, 2, -1);
    struct pollfd *fds;
    lua_Integer count, ready_count = 0;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    count = luaL_len(L, 1);
    luaL_argcheck(L, count <= INT_MAX / (lua_Integer)sizeof *fds, 1, "too many sources");
    fds = lbpf_scratch_push_bytes(L, (size_t)count * sizeof *fds);
    for (lua_Integer i = 0; i < count; i++) {
        lua_geti(L, 1, i + 1);
        fds[i] = (struct pollfd){.fd = source_fd(L, lua_gettop(L)), .events = POLLIN};
        lua_pop(L, 1);
    }
    wait_until_ready(L, fds, (nfds_t)count,
                     seconds >= 0 && seconds < 9e9 ? (int64_t)(seconds * 1e9) : -1);
    lua_newtable(L);
    for (lua_Integer i = 0; i < count; i++)
        if (fds[i].revents) {
            lua_geti(L, 1, i + 1);
            lua_seti(L, -2, ++ready_count);
        }
    return 1;
}
