/*
 * What only some kinds of maps do: queues and stacks, which have no keys; events; and leaves that
 * stand for something that the kernel keeps. Those are written as a file descriptor, and read as
 * another number: the id of the program or map.
 */
#include "table.h"

#include "args.h"
#include "errors.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

/* ---- leaves that are descriptors ------------------------------------------------------------ */

static bool has_descriptors(enum bpf_map_type type)
{
    switch (type) {
    case BPF_MAP_TYPE_PROG_ARRAY:
    case BPF_MAP_TYPE_ARRAY_OF_MAPS:
    case BPF_MAP_TYPE_HASH_OF_MAPS:
        return true;
    default:
        return false;
    }
}

bool lbpf_table_read_descriptor(lua_State *L, const struct lbpf_table *table, int index)
{
    bool wants_program = table->map->type == BPF_MAP_TYPE_PROG_ARRAY;
    const struct lbpf_table *inner = lbpf_table_test(L, index);
    int is_integer = 0;
    lua_Integer fd;

    if (!has_descriptors(table->map->type) || table->map->value_size != sizeof(uint32_t))
        return false;
    if (inner && !wants_program) {
        fd = lbpf_table_check(L, index)->map->fd;
        is_integer = 1;
    } else if (lua_istable(L, index) && wants_program) {
        lua_getfield(L, index, "fd");
        fd = lua_tointegerx(L, -1, &is_integer);
        lua_pop(L, 1);
    } else {
        fd = lua_tointegerx(L, index, &is_integer);
    }
    if (!is_integer || fd < 0 || fd > INT32_MAX)
        lbpf_misuse(L, "%s: %s or a file descriptor expected, got %s", table->leaf.what,
                    wants_program ? "a function that b:load_func gives" : "a table of a BPF object",
                    luaL_typename(L, index));
    memcpy(table->leaf_bytes, &(uint32_t){(uint32_t)fd}, sizeof(uint32_t));
    return true;
}

/* ---- queues and stacks ---------------------------------------------------------------------- */

static struct lbpf_table *check_queue(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);

    if (table->map->type != BPF_MAP_TYPE_QUEUE && table->map->type != BPF_MAP_TYPE_STACK)
        lbpf_misuse(L, "table '%s' is no queue or stack", table->map->name);
    return table;
}

/* t:push(leaf[, flags]): flag 2 (BPF_EXIST) drops the oldest leaf when there is no room. */
static int table_push(lua_State *L)
{
    struct lbpf_table *table = check_queue(L);
    lua_Integer flags = luaL_optinteger(L, 3, BPF_ANY);
    struct lbpf_error error = {0};

    luaL_checkany(L, 2);
    lbpf_table_read_value(L, table, 2);
    if (lbpf_map_update(table->map, NULL, table->leaf_bytes, (uint64_t)flags, &error))
        return lbpf_raise(L, &error);
    return 0;
}

static int push_first(lua_State *L, bool remove)
{
    struct lbpf_table *table = check_queue(L);
    struct lbpf_error error = {0};
    int result = (remove ? lbpf_map_pop : lbpf_map_peek)(table->map, table->leaf_bytes, &error);

    if (result == -ENOENT) {
        lua_pushnil(L);
        return 1;
    }
    if (result)
        return lbpf_raise(L, &error);
    lua_settop(L, 1);
    lbpf_table_push_value(L, table, lbpf_table_push_context(L), table->leaf_bytes);
    return 1;
}

/* t:pop(): the next leaf, removed; nil when there is none. */
static int table_pop(lua_State *L)
{
    return push_first(L, true);
}

/* t:peek(): the next leaf, which stays; nil when there is none. */
static int table_peek(lua_State *L)
{
    return push_first(L, false);
}

/* ---- event buffers -------------------------------------------------------------------------- */

/* t:event(raw): raw bytes as the struct that the program sends through this buffer. */
static int table_event(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    const struct lbpf_type *type = table->map->event_type, *given = NULL;
    const char *bytes;
    size_t size;

    if (lbpf_value_bytes(L, 2, &given, NULL)) {
        lua_settop(L, 2);
        return 1;
    }
    bytes = luaL_checklstring(L, 2, &size);
    if (!type)
        return lbpf_misuse(L, "the program does not say what it sends through '%s'",
                           table->map->name);
    if (size < type->size)
        return lbpf_misuse(L, "an event of '%s' has %u bytes, these are %zu", table->map->name,
                           type->size, size);
    lbpf_value_push(L, lbpf_table_push_context(L), type, bytes);
    return 1;
}

void lbpf_table_kind_methods(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"push", table_push},   {"pop", table_pop}, {"peek", table_peek},
        {"event", table_event}, {NULL, NULL},
    };

    lua_pushvalue(L, methods);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
