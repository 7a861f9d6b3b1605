#include "link.h"

#include "args.h"
#include "attach.h"
#include "class.h"
#include "errors.h"
#include "interrupt.h"
#include "iterator.h"

#include <errno.h>
#include <lauxlib.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static const char metatable_name[] = "bpf.Link";

struct link {
    struct lbpf_bpf *bpf;   /* pinned by user value 1 */
    struct lbpf_link *link; /* valid while the BPF object is open; NULL before that */
    const char *kind;       /* static */
    size_t count;
};

void lbpf_link_push(lua_State *L, int bpf, struct lbpf_link *link)
{
    struct link *self;

    bpf = lua_absindex(L, bpf);
    self = lua_newuserdatauv(L, sizeof *self, 1);
    self->bpf = lua_touserdata(L, bpf);
    self->link = link;
    self->kind = lbpf_link_kind(link);
    self->count = lbpf_link_count(link);
    luaL_setmetatable(L, metatable_name);
    lua_pushvalue(L, bpf);
    lua_setiuservalue(L, -2, 1);
}

int lbpf_attach_give_link(lua_State *L, struct lbpf_bpf *bpf, int result, struct lbpf_link *link,
                          struct lbpf_error *error)
{
    if (result < 0)
        return lbpf_raise(L, error);
    lbpf_bpf_print_load_log(bpf);
    lbpf_link_push(L, 1, link);
    return 1;
}

int lbpf_attach_give_detached(lua_State *L, int result, struct lbpf_error *error)
{
    if (result < 0)
        return lbpf_raise(L, error);
    lua_pushinteger(L, result);
    return 1;
}

static struct link *check(lua_State *L)
{
    return luaL_checkudata(L, 1, metatable_name);
}

static bool is_open(const struct link *self)
{
    return self->bpf->session && lbpf_link_is_open(self->link);
}

/* link:detach(), link:close(): silent when it is detached already. */
static int link_detach(lua_State *L)
{
    struct link *self = check(L);

    if (self->bpf->session)
        lbpf_link_close(self->link);
    return 0;
}

/* link:kind(): the mechanism that was chosen. */
static int link_kind(lua_State *L)
{
    lua_pushstring(L, check(L)->kind);
    return 1;
}

/* link:count(): how many places it covers. */
static int link_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check(L)->count);
    return 1;
}

/* link:places(): their names, in the order of their attach cookies. */
static int link_places(lua_State *L)
{
    struct link *self = check(L);
    const char *name;

    if (!self->bpf->session)
        return lbpf_misuse(L, "the link's object is closed");
    lua_newtable(L);
    for (size_t i = 0; (name = lbpf_link_place(self->link, i)); i++) {
        lua_pushstring(L, name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* link:fd(): the descriptor of its first place, lent; nil when detached. */
static int link_fd(lua_State *L)
{
    struct link *self = check(L);

    if (is_open(self))
        lua_pushinteger(L, lbpf_link_fd(self->link));
    else
        lua_pushnil(L);
    return 1;
}

/* link:iter([{raw=}]): what b:iter gives, of a link that attach_iter made. */
static int link_iter(lua_State *L)
{
    struct link *self = check(L);

    if (!is_open(self))
        return lbpf_misuse(L, "the link is detached");
    return lbpf_iterator_of_link(L, self->link);
}

/* Waits for a packet. False when none came in time. */
static bool wait_for_packet(lua_State *L, int fd, int timeout_ms)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    struct lbpf_wait wait;
    int slice, ready;

    lbpf_wait_start(L, &wait, timeout_ms < 0 ? -1 : (int64_t)timeout_ms * 1000000);
    do {
        slice = lbpf_wait_slice_ms(L, &wait);
        ready = poll(&wanted, 1, slice);
        if (timeout_ms != 0)
            lbpf_interrupt_check(L);
    } while (ready == 0 && slice > 0);
    return ready > 0;
}

/* link:recv([timeout_ms]): the next packet that the filter let through, cut to what it returned;
 * nil when none came in time, or a signal. */
static int link_recv(lua_State *L)
{
    struct link *self = check(L);
    int timeout_ms = lbpf_args_timeout(L, 2), fd;
    struct lbpf_error error = {0};
    luaL_Buffer buffer;
    ssize_t size;

    if (!is_open(self) || lbpf_link_family(self->link) != LBPF_LINK_RAW_SOCKET)
        return lbpf_misuse(L, "only an open link that attach_raw_socket gave receives packets");
    fd = lbpf_link_fd(self->link);
    if (!wait_for_packet(L, fd, timeout_ms)) {
        lua_pushnil(L);
        return 1;
    }
    size = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
    if (size >= 0)
        size = recv(fd, luaL_buffinitsize(L, &buffer, (size_t)size + 1), (size_t)size + 1, 0);
    if (size < 0) {
        lbpf_error_set(&error, errno, "recv", "Could not read from the raw socket: %s",
                       strerror(errno));
        return lbpf_raise(L, &error);
    }
    luaL_pushresultsize(&buffer, (size_t)size);
    return 1;
}

static int link_tostring(lua_State *L)
{
    struct link *self = check(L);

    if (is_open(self))
        lua_pushfstring(L, "bpf.Link %s %s -> %s", self->kind, lbpf_link_target(self->link),
                        lbpf_link_function(self->link));
    else
        lua_pushfstring(L, "bpf.Link %s (detached)", self->kind);
    return 1;
}

void lbpf_links_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"detach", link_detach}, {"close", link_detach},  {"kind", link_kind},
        {"count", link_count},   {"places", link_places}, {"fd", link_fd},
        {"iter", link_iter},     {"recv", link_recv},     {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__close", link_detach},
        {"__tostring", link_tostring},
        {NULL, NULL},
    };

    lbpf_class(L, metatable_name, methods, metamethods);
}
