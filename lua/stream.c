/*
 * Events on their way to callbacks. While a poll runs, each event is handed to Lua by a protected
 * call on the polling function's own stack: an error is kept there, ends the drain, and is raised
 * after core has returned. One view per buffer is used again for each event; when the callback
 * returns, the buffer's generation moves on, and whoever kept the view gets an error instead of
 * other bytes.
 */
#include "args.h"
#include "bpf.h"
#include "class.h"
#include "errors.h"
#include "interrupt.h"
#include "table.h"
#include "value.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* One open buffer; a userdata, kept in the BPF object's list of handlers. */
struct handler {
    struct lbpf_lifetime lifetime;
    struct lbpf_bpf *bpf;
    const struct lbpf_map *map;   /* only compared */
    const struct lbpf_type *type; /* of its events, or NULL */
    struct lbpf_view *view;       /* for structs and unions, else NULL */
    lua_Integer slot;             /* where its values start in the list */
    bool is_closed;               /* by a callback: the list lets go of it after the poll */
};

/* What the list of handlers holds for each, from its slot on. */
enum { HANDLER, CALLBACK, LOST_CALLBACK, VIEW, SLOT_SIZE };

/* An event that takes allocation to hand over; that must happen in the protected call. */
struct delivery {
    const struct handler *handler;
    const void *data;
    uint32_t size;
};

/* Runs protected: callback, cpu, light userdata delivery -> the callback's result. */
static int deliver(lua_State *L)
{
    const struct delivery *delivery = lua_touserdata(L, 3);
    const struct lbpf_type *type = delivery->handler->type;

    lua_settop(L, 2);
    if (type && delivery->size >= type->size)
        lbpf_value_push(L, 0, type, delivery->data);
    else
        lua_pushlstring(L, delivery->data, delivery->size);
    lua_pushinteger(L, delivery->size);
    lua_call(L, 3, 1);
    return 1;
}

/* Takes the outcome of a callback off the stack. Negative: the drain ends here. */
static int finish_callback(const struct handler *handler, int status)
{
    struct lbpf_bpf *bpf = handler->bpf;
    lua_State *L = bpf->L;
    bool stop = lua_isboolean(L, -1) && !lua_toboolean(L, -1);

    if (status != LUA_OK) {
        lua_replace(L, bpf->failure_index);
        bpf->has_failed = true;
        return -ECANCELED;
    }
    lua_pop(L, 1);
    if (!stop && !bpf->close_pending && !handler->is_closed)
        return 0;
    bpf->has_stopped = true;
    return -ECANCELED;
}

static int on_event(void *context, int cpu, const void *data, uint32_t size)
{
    struct handler *handler = context;
    struct lbpf_bpf *bpf = handler->bpf;
    lua_State *L = bpf->L;
    int status;

    bpf->handled++;
    if (handler->view && size >= handler->type->size) {
        lua_rawgeti(L, bpf->handlers_index, handler->slot + CALLBACK);
        if (cpu >= 0)
            lua_pushinteger(L, cpu);
        else
            lua_pushnil(L);
        lua_rawgeti(L, bpf->handlers_index, handler->slot + VIEW);
        lbpf_view_point(handler->view, data, size);
        lua_pushinteger(L, size);
        status = lua_pcall(L, 3, 1, 0);
        handler->lifetime.generation++;
    } else {
        struct delivery delivery = {handler, data, size};

        lua_pushcfunction(L, deliver);
        lua_rawgeti(L, bpf->handlers_index, handler->slot + CALLBACK);
        if (cpu >= 0)
            lua_pushinteger(L, cpu);
        else
            lua_pushnil(L);
        lua_pushlightuserdata(L, &delivery);
        status = lua_pcall(L, 3, 1, 0);
    }
    return finish_callback(handler, status);
}

static int on_lost(void *context, int cpu, uint64_t count)
{
    struct handler *handler = context;
    struct lbpf_bpf *bpf = handler->bpf;
    lua_State *L = bpf->L;

    (void)cpu;
    if (lua_rawgeti(L, bpf->handlers_index, handler->slot + LOST_CALLBACK) == LUA_TBOOLEAN) {
        lua_pop(L, 1);
        fprintf(stderr, "Possibly lost %llu samples\n", (unsigned long long)count);
        return 0;
    }
    lua_pushinteger(L, (lua_Integer)count);
    return finish_callback(handler, lua_pcall(L, 1, 1, 0));
}

/* ---- opening -------------------------------------------------------------------------------- */

static struct lbpf_stream *check_stream(lua_State *L, const struct lbpf_bpf *bpf)
{
    struct lbpf_stream *stream = lbpf_session_stream(bpf->session);

    if (!stream)
        luaL_error(L, "out of memory");
    return stream;
}

/* Structs are shown by a view; anything else is decoded on the way, as far as that needs no type
 * but its own. */
static bool is_decodable(const struct lbpf_type *type)
{
    if (!type || type->kind == LBPF_TYPE_VOID)
        return false;
    if (lbpf_type_is_record(type))
        return true;
    while (type->kind == LBPF_TYPE_ARRAY)
        type = type->element;
    return !lbpf_type_is_record(type);
}

/* Puts a handler for the table at index 1 into the list. Stack: callback and lost_cb on top; pops
 * both. */
static struct handler *add_handler(lua_State *L, const struct lbpf_table *table)
{
    const struct lbpf_type *type = table->map->event_type;
    int lost = lua_gettop(L), callback = lost - 1, bpf = lost + 1, list = lost + 2;
    struct handler *handler;

    lua_getiuservalue(L, 1, LBPF_TABLE_BPF);
    lua_getiuservalue(L, bpf, LBPF_BPF_HANDLERS);
    handler = lua_newuserdatauv(L, sizeof *handler, 0);
    memset(handler, 0, sizeof *handler);
    handler->bpf = table->bpf;
    handler->map = table->map;
    handler->type = is_decodable(type) ? type : NULL;
    handler->slot = (lua_Integer)lua_rawlen(L, list) + 1;
    if (handler->type && lbpf_type_is_record(type)) {
        lua_getiuservalue(L, 1, LBPF_TABLE_TYPES);
        handler->view =
            lbpf_view_push(L, lua_gettop(L), type, &handler->lifetime, lua_gettop(L) - 1);
        lua_rawseti(L, list, handler->slot + VIEW);
        lua_pop(L, 1);
    } else {
        lua_pushboolean(L, 0);
        lua_rawseti(L, list, handler->slot + VIEW);
    }
    lua_rawseti(L, list, handler->slot + HANDLER);
    lua_pushvalue(L, callback);
    lua_rawseti(L, list, handler->slot + CALLBACK);
    if (lua_isnil(L, lost))
        lua_pushboolean(L, 0);
    else
        lua_pushvalue(L, lost);
    lua_rawseti(L, list, handler->slot + LOST_CALLBACK);
    lua_settop(L, callback - 1);
    return handler;
}

/* Takes a handler's values out of the list on top of the stack. */
static void clear_slot(lua_State *L, lua_Integer slot)
{
    for (lua_Integer i = SLOT_SIZE; i-- > 0;) {
        lua_pushboolean(L, 0);
        lua_rawseti(L, -2, slot + i);
    }
}

/* The handler at a slot of the list on top of the stack; NULL where it was let go. */
static struct handler *handler_at(lua_State *L, lua_Integer slot)
{
    struct handler *handler;

    lua_rawgeti(L, -1, slot);
    handler = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return handler;
}

/* Core holds on to the handler of a map that was opened last, and to none that is closed: the list
 * on top of the stack lets go of the others. */
static void forget_handlers(lua_State *L, const struct lbpf_map *map, const struct handler *kept)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);

    for (lua_Integer slot = 1; slot + SLOT_SIZE <= count + 1; slot += SLOT_SIZE) {
        const struct handler *handler = handler_at(L, slot);

        if (handler && handler != kept && (handler->map == map || handler->is_closed))
            clear_slot(L, slot);
    }
}

static void push_handlers(lua_State *L)
{
    lua_getiuservalue(L, 1, LBPF_TABLE_BPF);
    lua_getiuservalue(L, -1, LBPF_BPF_HANDLERS);
    lua_remove(L, -2);
}

static void forget_others(lua_State *L, const struct handler *kept)
{
    push_handlers(L);
    forget_handlers(L, kept->map, kept);
    lua_pop(L, 1);
}

static void check_map_type(lua_State *L, const struct lbpf_table *table, enum bpf_map_type type,
                           const char *what)
{
    if (table->map->type != type)
        lbpf_misuse(L, "table '%s' is no %s", table->map->name, what);
}

static const char *const perf_names[] = {"callback", "page_cnt", "lost_cb", "wakeup_events", NULL};
static const struct lbpf_options perf_options = {"open_perf_buffer", perf_names};
static const char *const ring_names[] = {"callback", NULL};
static const struct lbpf_options ring_options = {"open_ring_buffer", ring_names};

/* Pushes the callback, which must be there. */
static void push_callback(lua_State *L, const struct lbpf_options *options)
{
    lbpf_args_push_function(L, options, "callback");
    if (lua_isnil(L, -1))
        lbpf_misuse(L, "%s: the callback is missing", options->function);
}

/* t:open_perf_buffer(callback, {page_cnt=, lost_cb=, wakeup_events=}) */
static int table_open_perf_buffer(lua_State *L)
{
    const struct lbpf_table *table = lbpf_table_check(L, 1);
    struct lbpf_stream *stream = check_stream(L, table->bpf);
    struct lbpf_error error = {0};
    struct handler *handler;
    lua_Integer pages, wakeup;

    check_map_type(L, table, BPF_MAP_TYPE_PERF_EVENT_ARRAY, "perf buffer (BPF_PERF_OUTPUT)");
    lbpf_args_collect(L, 2, &perf_options);
    pages = lbpf_args_integer(L, &perf_options, "page_cnt", 8);
    wakeup = lbpf_args_integer(L, &perf_options, "wakeup_events", 1);
    if (pages < 1 || pages > 1 << 20 || (pages & (pages - 1)))
        return lbpf_misuse(L, "Perf buffer page_cnt must be a power of two");
    if (wakeup < 1 || wakeup > UINT32_MAX)
        return lbpf_misuse(L, "open_perf_buffer: option 'wakeup_events' is out of range");
    lbpf_args_push_function(L, &perf_options, "lost_cb");
    lua_insert(L, -2);
    push_callback(L, &perf_options);
    lua_remove(L, -2);
    lua_insert(L, -2); /* callback, lost_cb */
    handler = add_handler(L, table);
    if (lbpf_stream_open_perf(stream, table->map, (uint32_t)pages, (uint32_t)wakeup, on_event,
                              on_lost, handler, &error) < 0)
        return lbpf_raise(L, &error);
    forget_others(L, handler);
    return 0;
}

/* t:open_ring_buffer(callback) */
static int table_open_ring_buffer(lua_State *L)
{
    const struct lbpf_table *table = lbpf_table_check(L, 1);
    struct lbpf_stream *stream = check_stream(L, table->bpf);
    struct lbpf_error error = {0};
    struct handler *handler;

    check_map_type(L, table, BPF_MAP_TYPE_RINGBUF, "ring buffer (BPF_RINGBUF_OUTPUT)");
    lbpf_args_collect(L, 2, &ring_options);
    push_callback(L, &ring_options);
    lua_pushnil(L);
    handler = add_handler(L, table);
    if (lbpf_stream_open_ring(stream, table->map, on_event, handler, &error) < 0)
        return lbpf_raise(L, &error);
    forget_others(L, handler);
    return 0;
}

/* Events of a drain that is going on still come from the handler, which the list must keep. */
static void mark_closed(lua_State *L, const struct lbpf_map *map)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);

    for (lua_Integer slot = 1; slot + SLOT_SIZE <= count + 1; slot += SLOT_SIZE) {
        struct handler *handler = handler_at(L, slot);

        if (handler && handler->map == map)
            handler->is_closed = true;
    }
}

/* t:close_buffer(): whether it was open. */
static int table_close_buffer(lua_State *L)
{
    const struct lbpf_table *table = lbpf_table_check(L, 1);
    bool was_open;

    if (table->map->type != BPF_MAP_TYPE_PERF_EVENT_ARRAY &&
        table->map->type != BPF_MAP_TYPE_RINGBUF)
        return lbpf_misuse(L,
                           "table '%s' has no buffer: it is no BPF_PERF_OUTPUT and no "
                           "BPF_RINGBUF_OUTPUT",
                           table->map->name);
    was_open = lbpf_stream_close(check_stream(L, table->bpf), table->map);
    push_handlers(L);
    mark_closed(L, table->map);
    if (!table->bpf->is_polling)
        forget_handlers(L, table->map, NULL);
    lua_pushboolean(L, was_open);
    return 1;
}

/* ---- polling -------------------------------------------------------------------------------- */

enum {
    CONSUME = -2
}; /* instead of a timeout: drain what is there, also what waits for a wake-up */

/* Polls until events came, time is over, or the VM has to run. Lets nothing raise in between. */
static int run(lua_State *L, struct lbpf_bpf *bpf, struct lbpf_stream *stream, unsigned kinds,
               int timeout_ms, struct lbpf_error *error)
{
    struct lbpf_wait wait;
    int result, slice;

    if (timeout_ms == CONSUME)
        return lbpf_stream_consume(stream, kinds, error);
    lbpf_wait_start(L, &wait, timeout_ms < 0 ? -1 : (int64_t)timeout_ms * 1000000);
    do {
        slice = lbpf_wait_slice_ms(L, &wait);
        result = lbpf_stream_poll(stream, kinds, slice, error);
    } while (result >= 0 && slice > 0 && !bpf->handled && !bpf->has_failed && !bpf->has_stopped);
    return result;
}

/* The object at index 1. Leaves the number of events that callbacks took. */
static int poll_buffers(lua_State *L, unsigned kinds, int timeout_ms)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_stream *stream = check_stream(L, bpf);
    struct lbpf_error error = {0};
    int result;

    if (bpf->is_polling)
        return lbpf_misuse(L, "buffers cannot be polled from inside their callback");
    lua_settop(L, 1);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_getiuservalue(L, 1, LBPF_BPF_HANDLERS);
    lua_pushnil(L);
    bpf->L = L;
    bpf->handlers_index = 2;
    bpf->failure_index = 3;
    bpf->handled = 0;
    bpf->has_failed = bpf->has_stopped = false;
    bpf->is_polling = true;
    result = run(L, bpf, stream, kinds, timeout_ms, &error);
    bpf->is_polling = false;
    bpf->L = NULL;
    lua_pushvalue(L, 2);
    forget_handlers(L, NULL, NULL);
    lua_pop(L, 1);
    if (bpf->close_pending)
        lbpf_bpf_finish_close(bpf);
    if (bpf->has_failed) {
        lbpf_error_clear(&error);
        lua_settop(L, 3);
        return lua_error(L);
    }
    if (result < 0 && result != -EINTR && error.code)
        return lbpf_raise(L, &error);
    if (timeout_ms != 0 && timeout_ms != CONSUME)
        lbpf_interrupt_check(L);
    lua_pushinteger(L, bpf->handled);
    return 1;
}

/* b:perf_buffer_poll([timeout_ms]); without buffers it only waits, as BCC's does. */
static int bpf_perf_buffer_poll(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    int timeout_ms = lbpf_args_timeout(L, 2);

    if (lbpf_stream_count(check_stream(L, bpf), LBPF_STREAM_PERF) == 0 && !bpf->is_polling) {
        struct lbpf_wait wait;

        lbpf_wait_start(L, &wait, timeout_ms < 0 ? -1 : (int64_t)timeout_ms * 1000000);
        lbpf_wait_sleep(L, &wait);
        if (timeout_ms != 0)
            lbpf_interrupt_check(L);
        lua_pushinteger(L, 0);
        return 1;
    }
    return poll_buffers(L, LBPF_STREAM_PERF, timeout_ms);
}

static int bpf_perf_buffer_consume(lua_State *L)
{
    return poll_buffers(L, LBPF_STREAM_PERF, CONSUME);
}

static void check_ring_buffers(lua_State *L)
{
    if (!lbpf_stream_count(check_stream(L, lbpf_bpf_check(L, 1)), LBPF_STREAM_RING))
        lbpf_misuse(L, "No ring buffers to poll");
}

static int bpf_ring_buffer_poll(lua_State *L)
{
    int timeout_ms = lbpf_args_timeout(L, 2);

    check_ring_buffers(L);
    return poll_buffers(L, LBPF_STREAM_RING, timeout_ms);
}

static int bpf_ring_buffer_consume(lua_State *L)
{
    check_ring_buffers(L);
    return poll_buffers(L, LBPF_STREAM_RING, CONSUME);
}

/* ---- for event loops ------------------------------------------------------------------------ */

/* b:pollfd(): readable when there is something to poll. */
static int bpf_pollfd(lua_State *L)
{
    lua_pushinteger(L, lbpf_stream_fd(check_stream(L, lbpf_bpf_check(L, 1))));
    return 1;
}

/* b:events(): what to wait for on pollfd, in cqueues' words. */
static int bpf_events(lua_State *L)
{
    lbpf_bpf_check(L, 1);
    lua_pushliteral(L, "r");
    return 1;
}

/* b:timeout(): nil, the fd tells all. */
static int bpf_timeout(lua_State *L)
{
    lbpf_bpf_check(L, 1);
    lua_pushnil(L);
    return 1;
}

/* b:lost(): events lost so far, in all buffers. */
static int bpf_lost(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)lbpf_stream_lost(check_stream(L, lbpf_bpf_check(L, 1))));
    return 1;
}

void lbpf_stream_methods(lua_State *L, int methods, int table_methods)
{
    static const luaL_Reg functions[] = {
        {"perf_buffer_poll", bpf_perf_buffer_poll},
        {"perf_buffer_consume", bpf_perf_buffer_consume},
        {"ring_buffer_poll", bpf_ring_buffer_poll},
        {"ring_buffer_consume", bpf_ring_buffer_consume},
        {"pollfd", bpf_pollfd},
        {"events", bpf_events},
        {"timeout", bpf_timeout},
        {"lost", bpf_lost},
        {NULL, NULL},
    };
    static const luaL_Reg table_functions[] = {
        {"open_perf_buffer", table_open_perf_buffer},
        {"open_ring_buffer", table_open_ring_buffer},
        {"close_buffer", table_close_buffer},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
    lbpf_class_add(L, table_methods, table_functions);
}
