/* What kinds of maps can do, and what only some do: queues and stacks, which have no keys; events.
 */
#include "table.h"

#include "args.h"
#include "class.h"
#include "errors.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* ---- what a kind can do --------------------------------------------------------------------- */

enum {
    ELEMENTS = LBPF_CAN_GET | LBPF_CAN_SET | LBPF_CAN_DELETE,
    ALL_KEYS = ELEMENTS | LBPF_CAN_LIST,
};

unsigned lbpf_table_abilities(const struct lbpf_map *map)
{
    unsigned per_cpu = map->per_cpu ? LBPF_CAN_REDUCE : 0;

    switch ((int)map->type) {
    case BPF_MAP_TYPE_QUEUE:
    case BPF_MAP_TYPE_STACK:
        return LBPF_CAN_PUSH;
    case BPF_MAP_TYPE_RINGBUF:
        return LBPF_CAN_RING;
    case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
        return LBPF_CAN_PERF | LBPF_CAN_SET | LBPF_CAN_DELETE;
    case BPF_MAP_TYPE_CGROUP_ARRAY:
    case BPF_MAP_TYPE_XSKMAP:
        return LBPF_CAN_SET | LBPF_CAN_DELETE;
    case BPF_MAP_TYPE_SOCKMAP:
    case BPF_MAP_TYPE_SOCKHASH:
    case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY: /* what is read is the socket's cookie of 8 bytes */
        return map->value_size == 8 ? ALL_KEYS : LBPF_CAN_SET | LBPF_CAN_DELETE;
    case BPF_MAP_TYPE_STACK_TRACE:
        return LBPF_CAN_GET | LBPF_CAN_DELETE | LBPF_CAN_LIST | LBPF_CAN_STACK;
    case BPF_MAP_TYPE_LPM_TRIE:
        return ALL_KEYS | (map->key_size == 8 || map->key_size == 20 ? LBPF_CAN_PREFIX : 0);
    case BPF_MAP_TYPE_CGROUP_STORAGE:
    case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
        return LBPF_CAN_GET | LBPF_CAN_SET | LBPF_CAN_LIST | per_cpu;
    case BPF_MAP_TYPE_SK_STORAGE:
    case BPF_MAP_TYPE_INODE_STORAGE:
    case BPF_MAP_TYPE_TASK_STORAGE:
    case LBPF_MAP_TYPE_CGRP_STORAGE:
        return ELEMENTS;
    default: /* what this version does not know is left to the kernel */
        return ALL_KEYS | per_cpu;
    }
}

/* Method names and what they need, in the order in which a message lists them. */
static const struct {
    unsigned needs;
    const char *names;
} method_needs[] = {
    {LBPF_CAN_GET, "get, contains"},
    {LBPF_CAN_SET, "set, update, items_update_batch"},
    {LBPF_CAN_DELETE, "delete, items_delete_batch"},
    {LBPF_CAN_GET | LBPF_CAN_SET, "setdefault"},
    {LBPF_CAN_GET | LBPF_CAN_DELETE, "pop"},
    {LBPF_CAN_LIST, "next"},
    {LBPF_CAN_LIST | LBPF_CAN_GET, "pairs, items, keys, values"},
    {LBPF_CAN_LIST | LBPF_CAN_GET | LBPF_CAN_SET, "zero"},
    {LBPF_CAN_LIST | LBPF_CAN_DELETE, "popitem, clear"},
    {LBPF_CAN_REDUCE, "getvalue, sum, average, max, min"},
    {LBPF_CAN_STACK, "get_stack, walk"},
    {LBPF_CAN_PREFIX, "prefix"},
    {LBPF_CAN_PUSH, "push, pop, peek, values, clear"},
    {LBPF_CAN_PERF, "open_perf_buffer, event"},
    {LBPF_CAN_RING, "open_ring_buffer, event"},
};

void lbpf_table_require(lua_State *L, const struct lbpf_table *table, unsigned needs,
                        const char *method)
{
    char list[256] = "";
    size_t used = 0;

    if ((table->can & needs) == needs)
        return;
    for (size_t i = 0; i < sizeof method_needs / sizeof *method_needs; i++)
        if ((table->can & method_needs[i].needs) == method_needs[i].needs && used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "",
                                     method_needs[i].names);
    lbpf_misuse(L, "table '%s' is of kind '%s' and has no %s: it has %s", table->map->name,
                lbpf_map_kind(table->map), method, list);
}

/* ---- queues and stacks ---------------------------------------------------------------------- */

static struct lbpf_table *check_queue(lua_State *L, const char *method)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);

    lbpf_table_require(L, table, LBPF_CAN_PUSH, method);
    return table;
}

/* t:push(leaf[, flags]): flag 2 (BPF_EXIST) drops the oldest leaf when there is no room. */
static int table_push(lua_State *L)
{
    struct lbpf_table *table = check_queue(L, "push");
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
    struct lbpf_table *table = check_queue(L, remove ? "pop" : "peek");
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

int lbpf_table_pop_values(lua_State *L, const struct lbpf_table *table, int types)
{
    struct lbpf_error error = {0};
    int result = 0;

    lua_newtable(L);
    for (uint32_t i = 1; !result && i <= table->map->max_entries; i++) {
        result = lbpf_map_pop(table->map, table->leaf_bytes, &error);
        if (result)
            break;
        lbpf_table_push_value(L, table, types, table->leaf_bytes);
        lua_rawseti(L, -2, i);
    }
    return result && result != -ENOENT ? lbpf_raise(L, &error) : 1;
}

/* The next leaf, removed; nil when there is none. */
int lbpf_table_pop_first(lua_State *L)
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
    lbpf_value_push_event(L, lbpf_table_push_context(L), type, bytes, (uint32_t)size);
    return 1;
}

/* ---- counters ------------------------------------------------------------------------------- */

static const char *const counter_names[] = {"type", "config", "pid", NULL};
static const struct lbpf_options counter_options = {"open_perf_event", counter_names};

/* t:open_perf_event(type, config[, pid]): on how many CPUs it counts. */
static int table_open_perf_event(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    struct lbpf_error error = {0};
    lua_Integer type, config;
    pid_t pid;
    int count;

    if (table->map->type != BPF_MAP_TYPE_PERF_EVENT_ARRAY)
        return lbpf_misuse(L, "table '%s' is no BPF_PERF_ARRAY", table->map->name);
    lbpf_args_collect(L, 2, &counter_options);
    if (!lbpf_args_has(L, "type") || !lbpf_args_has(L, "config"))
        return lbpf_misuse(L, "open_perf_event: type and config are needed, such as "
                              "bpf.PerfType.SOFTWARE, bpf.PerfSWConfig.CPU_CLOCK");
    type = lbpf_args_in_range(L, &counter_options, "type", 0, 0, UINT32_MAX);
    config = lbpf_args_integer(L, &counter_options, "config", 0);
    pid = (pid_t)lbpf_args_in_range(L, &counter_options, "pid", -1, -1, INT32_MAX);
    count = lbpf_perf_counter_open(table->map, (uint32_t)type, (uint64_t)config, pid, &error);
    if (count < 0)
        return lbpf_raise(L, &error);
    lua_pushinteger(L, count);
    return 1;
}

void lbpf_table_kind_methods(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"push", table_push},   {"peek", table_peek},
        {"event", table_event}, {"open_perf_event", table_open_perf_event},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
}
