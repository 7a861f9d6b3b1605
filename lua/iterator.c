/*
 * Iterators as Lua reads them: for line in b:iter("bpf_iter__task") do … end. The link that such a
 * walk needs belongs to the walk; attach_iter makes one that stays, for those who want to read
 * again.
 */
#include "iterator.h"

#include "args.h"
#include "attach.h"
#include "bpf.h"
#include "class.h"
#include "errors.h"
#include "interrupt.h"
#include "table.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

static const char metatable_name[] = "bpf.Iterator";
static const char *const iter_names[] = {"fn_name", "map",   "pid", "tid",
                                         "cgroup",  "order", "raw", NULL};
static const struct lbpf_options iter_options = {"iter", iter_names};
static const char *const attach_names[] = {"fn_name", "map", "pid", "tid", "cgroup", "order", NULL};
static const struct lbpf_options attach_options = {"attach_iter", attach_names};
static const char *const link_iter_names[] = {"raw", NULL};
static const struct lbpf_options link_iter_options = {"iter", link_iter_names};
static const char *const detach_names[] = {"fn_name", NULL};
static const struct lbpf_options detach_options = {"detach_iter", detach_names};

struct iterator {
    struct lbpf_link *link; /* of this walk alone, or NULL */
    int fd;                 /* -1: closed */
    bool is_at_end;
    struct lbpf_buffer text;
    size_t start; /* what of text was given out */
};

/* ---- a walk --------------------------------------------------------------------------------- */

static int iterator_close(lua_State *L)
{
    struct iterator *self = luaL_checkudata(L, 1, metatable_name);

    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    self->is_at_end = true;
    lbpf_link_free(self->link);
    self->link = NULL;
    lbpf_buffer_free(&self->text);
    self->text = (struct lbpf_buffer){0};
    self->start = 0;
    return 0;
}

/* Pushes it before anything is open, so that nothing leaks when Lua has no memory. */
static struct iterator *push_new(lua_State *L)
{
    struct iterator *self = lua_newuserdatauv(L, sizeof *self, 0);

    memset(self, 0, sizeof *self);
    self->fd = -1;
    luaL_setmetatable(L, metatable_name);
    return self;
}

/* Reads more behind what is there. The kernel answers EAGAIN when it has skipped many. */
static void fill(lua_State *L, struct iterator *self)
{
    struct lbpf_error error = {0};
    ssize_t got = -1;
    char *to;

    if (self->start > 0) {
        memmove(self->text.data, self->text.data + self->start, self->text.size - self->start);
        self->text.size -= self->start;
        self->start = 0;
    }
    to = lbpf_buffer_reserve(&self->text, READ_SIZE);
    if (!to) {
        lbpf_error_no_memory(&error, "read iterator");
        lbpf_raise(L, &error);
        return;
    }
    do {
        lbpf_interrupt_check(L);
        got = self->fd < 0 ? 0 : read(self->fd, to, READ_SIZE);
    } while (got < 0 && (errno == EAGAIN || errno == EINTR));
    if (got < 0) {
        int code = errno;

        lbpf_error_set(&error, code, "read iterator", "Could not read the iterator: %s",
                       strerror(code));
        lbpf_raise(L, &error);
        return;
    }
    self->text.size += (size_t)got;
    self->is_at_end = got == 0;
}

/* iterator(): the next line without its end, or nil. */
static int iterator_call(lua_State *L)
{
    struct iterator *self = luaL_checkudata(L, 1, metatable_name);
    size_t looked = 0, rest;
    const char *from, *newline;

    for (;;) {
        rest = self->text.size - self->start;
        from = rest ? self->text.data + self->start : "";
        newline = rest ? memchr(from + looked, '\n', rest - looked) : NULL;
        if (newline || self->is_at_end)
            break;
        looked = rest;
        fill(L, self);
    }
    if (!newline && !rest) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushlstring(L, from, newline ? (size_t)(newline - from) : rest);
    self->start += newline ? (size_t)(newline - from) + 1 : rest;
    return 1;
}

/* iterator:read(): all that is left, as it is. */
static int iterator_read(lua_State *L)
{
    struct iterator *self = luaL_checkudata(L, 1, metatable_name);
    size_t rest;

    while (!self->is_at_end)
        fill(L, self);
    rest = self->text.size - self->start;
    lua_pushlstring(L, rest ? self->text.data + self->start : "", rest);
    self->start = self->text.size;
    return 1;
}

/* The walk is on top of the stack, and open. What a generic for takes, or all the text. */
static int give(lua_State *L, bool is_raw)
{
    int index = lua_gettop(L);

    if (is_raw) {
        lua_pushcfunction(L, iterator_read);
        lua_pushvalue(L, index);
        lua_call(L, 1, 1);
        lua_pushcfunction(L, iterator_close);
        lua_pushvalue(L, index);
        lua_call(L, 1, 0);
        return 1;
    }
    lua_pushnil(L);
    lua_pushnil(L);
    lua_pushvalue(L, index);
    return 4;
}

/* ---- options -------------------------------------------------------------------------------- */

static int read_map(lua_State *L, const struct lbpf_options *names)
{
    lua_Integer fd = -1;

    lua_getfield(L, -1, "map");
    if (lbpf_table_test(L, -1))
        fd = lbpf_table_check(L, -1)->map->fd;
    else if (lua_isinteger(L, -1))
        fd = lua_tointeger(L, -1);
    if ((lua_isnil(L, -1) ? fd != -1 : fd < 0) || fd > INT_MAX)
        lbpf_misuse(L, "%s: option 'map' must be a table of a BPF object, or a map's descriptor",
                    names->function);
    lua_pop(L, 1);
    return (int)fd;
}

static int read_order(lua_State *L, const struct lbpf_options *names)
{
    static const struct {
        const char *name;
        int order;
    } orders[] = {{"self", BPF_CGROUP_ITER_SELF_ONLY},
                  {"down", BPF_CGROUP_ITER_DESCENDANTS_PRE},
                  {"post", BPF_CGROUP_ITER_DESCENDANTS_POST},
                  {"up", BPF_CGROUP_ITER_ANCESTORS_UP}};
    const char *text = lbpf_args_string(L, names, "order", "down");

    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (!strcmp(text, orders[i].name))
            return orders[i].order;
    }
    return lbpf_misuse(L, "%s: option 'order' must be \"self\", \"down\", \"post\" or \"up\"",
                       names->function);
}

static void read_options(lua_State *L, const struct lbpf_options *names,
                         struct lbpf_iterator_options *options)
{
    lbpf_args_collect(L, 2, names);
    options->function = lbpf_args_required(L, names, "fn_name");
    options->map_fd = read_map(L, names);
    options->pid = (pid_t)lbpf_args_in_range(L, names, "pid", 0, 0, INT_MAX);
    options->tid = (pid_t)lbpf_args_in_range(L, names, "tid", 0, 0, INT_MAX);
    options->cgroup = lbpf_args_string(L, names, "cgroup", NULL);
    options->cgroup_order = read_order(L, names);
    if ((options->map_fd >= 0) + (options->pid || options->tid) + (options->cgroup != NULL) > 1)
        lbpf_misuse(L, "%s: options 'map', 'cgroup', and 'pid' or 'tid' exclude one another",
                    names->function);
}

/* ---- methods -------------------------------------------------------------------------------- */

/* b:iter("bpf_iter__task"[, {map=, pid=, tid=, cgroup=, order=, raw=}]) */
static int bpf_iter(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_iterator_options options = {0};
    struct lbpf_error error = {0};
    struct iterator *self;
    bool is_raw;

    read_options(L, &iter_options, &options);
    is_raw = lbpf_args_boolean(L, &iter_options, "raw");
    self = push_new(L);
    if (lbpf_attach_iterator(lbpf_session_object(bpf->session), &options, &self->link, &error))
        return lbpf_raise(L, &error);
    lbpf_bpf_print_load_log(bpf);
    self->fd = lbpf_iterator_open(self->link, &error);
    if (self->fd < 0)
        return lbpf_raise(L, &error);
    return give(L, is_raw);
}

int lbpf_iterator_of_link(lua_State *L, const struct lbpf_link *link)
{
    struct lbpf_error error = {0};
    struct iterator *self;
    bool is_raw;

    lbpf_args_collect(L, 2, &link_iter_options);
    is_raw = lbpf_args_boolean(L, &link_iter_options, "raw");
    if (lbpf_link_family(link) != LBPF_LINK_ITERATOR)
        return lbpf_misuse(L, "only a link that attach_iter gave can be read");
    self = push_new(L);
    self->fd = lbpf_iterator_open(link, &error);
    if (self->fd < 0)
        return lbpf_raise(L, &error);
    return give(L, is_raw);
}

static int bpf_attach_iter(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_iterator_options options = {0};
    struct lbpf_error error = {0};
    struct lbpf_link *link = NULL;
    int result;

    read_options(L, &attach_options, &options);
    result = lbpf_session_attach_iterator(bpf->session, &options, &link, &error);
    return lbpf_attach_give_link(L, bpf, result, link, &error);
}

static int bpf_detach_iter(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_error error = {0};
    const char *function;
    char name[512];

    lbpf_args_collect(L, 2, &detach_options);
    function = lbpf_iterator_function(lbpf_session_object(bpf->session),
                                      lbpf_args_required(L, &detach_options, "fn_name"), name,
                                      sizeof name);
    return lbpf_attach_give_detached(
        L, lbpf_session_detach(bpf->session, LBPF_LINK_ITERATOR, function, NULL, &error), &error);
}

void lbpf_iterators_open(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"attach_iter", bpf_attach_iter},
        {"detach_iter", bpf_detach_iter},
        {"iter", bpf_iter},
        {NULL, NULL},
    };
    static const luaL_Reg iterator_methods[] = {
        {"read", iterator_read},
        {"close", iterator_close},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__call", iterator_call},
        {"__close", iterator_close},
        {"__gc", iterator_close},
        {NULL, NULL},
    };

    methods = lua_absindex(L, methods);
    lbpf_class(L, metatable_name, iterator_methods, metamethods);
    lbpf_class_add(L, methods, functions);
}
