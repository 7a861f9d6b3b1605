/*
 * Whole maps. Each function takes one snapshot of the map, through the kernel's batch calls where
 * it has them, and decodes from there: so entries may be changed or deleted while a loop runs over
 * them.
 */
#include "errors.h"
#include "scratch.h"
#include "table.h"

#include <lauxlib.h>
#include <string.h>

struct snapshot {
    struct lbpf_buffer keys, values;
    size_t count, next;
};

static const char snapshot_name[] = "bpf.snapshot";

static int snapshot_gc(lua_State *L)
{
    struct snapshot *snapshot = luaL_checkudata(L, 1, snapshot_name);

    lbpf_buffer_free(&snapshot->keys);
    lbpf_buffer_free(&snapshot->values);
    return 0;
}

/* Pushes a snapshot of the table; remove: what was read is deleted. */
static struct snapshot *push_snapshot(lua_State *L, const struct lbpf_table *table, bool remove)
{
    struct snapshot *snapshot = lua_newuserdatauv(L, sizeof *snapshot, 0);
    struct lbpf_error error = {0};

    memset(snapshot, 0, sizeof *snapshot);
    luaL_setmetatable(L, snapshot_name);
    if (lbpf_map_read_all(table->map, remove, &snapshot->keys, &snapshot->values, &snapshot->count,
                          &error))
        lbpf_raise(L, &error);
    return snapshot;
}

static const void *key_at(const struct lbpf_table *table, const struct snapshot *snapshot, size_t i)
{
    return snapshot->keys.data + i * table->map->key_size;
}

static const void *value_at(const struct lbpf_table *table, const struct snapshot *snapshot,
                            size_t i)
{
    return snapshot->values.data + i * lbpf_map_value_bytes(table->map);
}

static void snapshot_free(struct snapshot *snapshot)
{
    lbpf_buffer_free(&snapshot->keys);
    lbpf_buffer_free(&snapshot->values);
    snapshot->count = 0;
}

/* ---- items ---------------------------------------------------------------------------------- */

/*
 * Calling an array of pairs makes it the iterator of a for loop: (items, state, last key). Keys are
 * distinct, so the last key tells the place; upvalue 1 remembers it to save the search.
 */
static int items_next(lua_State *L)
{
    lua_Integer count, place = 0;

    lua_settop(L, 3);
    count = (lua_Integer)lua_rawlen(L, 1);
    if (!lua_isnil(L, 3)) {
        lua_Integer hint = lua_tointeger(L, lua_upvalueindex(1));

        for (lua_Integer tried = 0; tried < count && !place; tried++) {
            lua_Integer i = (hint - 1 + tried) % count + 1;

            if (i < 1 || lua_rawgeti(L, 1, i) != LUA_TTABLE)
                continue;
            lua_rawgeti(L, -1, 1);
            if (lua_rawequal(L, -1, 3))
                place = i;
            lua_settop(L, 3);
        }
        if (!place)
            return 0;
    }
    if (++place > count || lua_rawgeti(L, 1, place) != LUA_TTABLE)
        return 0;
    lua_pushinteger(L, place);
    lua_replace(L, lua_upvalueindex(1));
    lua_rawgeti(L, 4, 1);
    lua_rawgeti(L, 4, 2);
    return 2;
}

static int push_items(lua_State *L, bool remove)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    int types = (lua_settop(L, 1), lbpf_table_push_context(L));
    struct snapshot *snapshot = push_snapshot(L, table, remove);

    lua_createtable(L, (int)snapshot->count, 0);
    for (size_t i = 0; i < snapshot->count; i++) {
        lua_createtable(L, 2, 0);
        lbpf_table_push_key(L, table, types, key_at(table, snapshot, i));
        lua_rawseti(L, -2, 1);
        lbpf_table_push_value(L, table, types, value_at(table, snapshot, i));
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    snapshot_free(snapshot);
    lua_createtable(L, 0, 1);
    lua_pushinteger(L, 1);
    lua_pushcclosure(L, items_next, 1);
    lua_setfield(L, -2, "__call");
    lua_setmetatable(L, -2);
    return 1;
}

static int table_items(lua_State *L)
{
    return push_items(L, false);
}

static int table_items_lookup_and_delete_batch(lua_State *L)
{
    return push_items(L, true);
}

static int table_keys(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    int types = (lua_settop(L, 1), lbpf_table_push_context(L));
    struct snapshot *snapshot = push_snapshot(L, table, false);

    lua_createtable(L, (int)snapshot->count, 0);
    for (size_t i = 0; i < snapshot->count; i++) {
        lbpf_table_push_key(L, table, types, key_at(table, snapshot, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    snapshot_free(snapshot);
    return 1;
}

static int table_values(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    int types = (lua_settop(L, 1), lbpf_table_push_context(L));
    struct snapshot *snapshot = push_snapshot(L, table, false);

    lua_createtable(L, (int)snapshot->count, 0);
    for (size_t i = 0; i < snapshot->count; i++) {
        lbpf_table_push_value(L, table, types, value_at(table, snapshot, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    snapshot_free(snapshot);
    return 1;
}

/* Upvalues: table, types, key metatable, leaf metatable, snapshot. */
static int pairs_next(lua_State *L)
{
    struct lbpf_table *table = lua_touserdata(L, lua_upvalueindex(1));
    struct snapshot *snapshot = lua_touserdata(L, lua_upvalueindex(5));
    size_t i = snapshot->next;

    if (i >= snapshot->count) {
        snapshot_free(snapshot);
        return 0;
    }
    lbpf_bpf_check_open(L, table->bpf);
    snapshot->next++;
    lua_settop(L, 0);
    for (int upvalue = 2; upvalue <= 4; upvalue++)
        lua_pushvalue(L, lua_upvalueindex(upvalue));
    lbpf_table_push_key(L, table, 1, key_at(table, snapshot, i));
    lbpf_table_push_value(L, table, 1, value_at(table, snapshot, i));
    return 2;
}

static int table_pairs(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);

    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    lbpf_table_push_context(L);
    push_snapshot(L, table, false);
    lua_pushcclosure(L, pairs_next, 5);
    return 1;
}

static int table_len(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    struct snapshot *snapshot;

    if (table->is_array) {
        lua_pushinteger(L, table->map->max_entries);
        return 1;
    }
    if (table->map->type == BPF_MAP_TYPE_RINGBUF) {
        lua_pushinteger(L, 0);
        return 1;
    }
    snapshot = push_snapshot(L, table, false);
    lua_pushinteger(L, (lua_Integer)snapshot->count);
    snapshot_free(snapshot);
    return 1;
}

/* ---- many at once --------------------------------------------------------------------------- */

static lua_Integer check_batch(lua_State *L, int index, const struct lbpf_table *table)
{
    lua_Integer count;

    luaL_checktype(L, index, LUA_TTABLE);
    count = (lua_Integer)lua_rawlen(L, index);
    if (count < 1 || count > (lua_Integer)table->map->max_entries)
        lbpf_misuse(L, "Array's length is wrong: %d, while table '%s' has room for %u", (int)count,
                    table->map->name, table->map->max_entries);
    return count;
}

/* t:items_update_batch(keys, leaves) */
static int table_items_update_batch(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    lua_Integer count = check_batch(L, 2, table);

    if (check_batch(L, 3, table) != count)
        return lbpf_misuse(L, "keys array length != values array length");
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, i);
        lbpf_table_read_key(L, table, -1);
        lua_rawgeti(L, 3, i);
        lbpf_table_read_value(L, table, -1);
        lbpf_table_update(L, table);
        lua_pop(L, 2);
    }
    return 0;
}

/* t:items_delete_batch([keys]): all keys when none are given. */
static int table_items_delete_batch(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    struct lbpf_error error = {0};
    lua_Integer count;

    if (lua_isnoneornil(L, 2)) {
        if (lbpf_map_clear(table->map, &error))
            return lbpf_raise(L, &error);
        return 0;
    }
    count = check_batch(L, 2, table);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, i);
        lbpf_table_read_key(L, table, -1);
        lbpf_table_delete(L, table);
        lua_pop(L, 1);
    }
    return 0;
}

/* ---- per-CPU and stacks --------------------------------------------------------------------- */

/* Looks up the key at index 2 of a per-CPU table whose leaves are integers; NULL when it is absent.
 */
static const struct lbpf_table *lookup_per_cpu(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);

    luaL_checkany(L, 2);
    if (!table->map->per_cpu)
        lbpf_misuse(L, "table '%s' is not per CPU", table->map->name);
    if (!table->leaf.is_integer)
        lbpf_misuse(L, "Leaf must be an integer type for this function; use t:getvalue(k)");
    lbpf_table_read_key(L, table, 2);
    return lbpf_table_lookup(L, table) ? table : NULL;
}

static int64_t leaf_of_cpu(const struct lbpf_table *table, uint32_t cpu)
{
    return lbpf_decode_integer(table->leaf.type, table->leaf_bytes + cpu * table->slot_size, 0, 0);
}

static uint64_t sum_of(const struct lbpf_table *table)
{
    uint64_t sum = 0;

    for (uint32_t cpu = 0; cpu < table->map->cpu_count; cpu++)
        sum += (uint64_t)leaf_of_cpu(table, cpu);
    return sum;
}

static int table_sum(lua_State *L)
{
    const struct lbpf_table *table = lookup_per_cpu(L);

    if (table)
        lua_pushinteger(L, (lua_Integer)sum_of(table));
    else
        lua_pushnil(L);
    return 1;
}

static int table_average(lua_State *L)
{
    const struct lbpf_table *table = lookup_per_cpu(L);

    if (!table) {
        lua_pushnil(L);
        return 1;
    }
    if (table->leaf.type->is_signed)
        lua_pushnumber(L, (lua_Number)(int64_t)sum_of(table) / table->map->cpu_count);
    else
        lua_pushnumber(L, (lua_Number)sum_of(table) / table->map->cpu_count);
    return 1;
}

static bool is_less(const struct lbpf_table *table, int64_t a, int64_t b)
{
    return table->leaf.type->is_signed ? a < b : (uint64_t)a < (uint64_t)b;
}

static int push_extreme(lua_State *L, bool largest)
{
    const struct lbpf_table *table = lookup_per_cpu(L);
    int64_t best;

    if (!table) {
        lua_pushnil(L);
        return 1;
    }
    best = leaf_of_cpu(table, 0);
    for (uint32_t cpu = 1; cpu < table->map->cpu_count; cpu++) {
        int64_t value = leaf_of_cpu(table, cpu);

        if (largest ? is_less(table, best, value) : is_less(table, value, best))
            best = value;
    }
    lua_pushinteger(L, best);
    return 1;
}

static int table_max(lua_State *L)
{
    return push_extreme(L, true);
}

static int table_min(lua_State *L)
{
    return push_extreme(L, false);
}

/* t:getvalue(k): the leaves of all CPUs, as t[k]. */
static int table_getvalue(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    int types;

    luaL_checkany(L, 2);
    if (!table->map->per_cpu)
        return lbpf_misuse(L, "table '%s' is not per CPU", table->map->name);
    lbpf_table_read_key(L, table, 2);
    if (!lbpf_table_lookup(L, table)) {
        lua_pushnil(L);
        return 1;
    }
    types = lbpf_table_push_context(L);
    lbpf_table_push_value(L, table, types, table->leaf_bytes);
    return 1;
}

/* t:get_stack(id): the addresses, innermost first; nil for an id that is an error or not there. */
static int table_get_stack(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    lua_Integer id = luaL_checkinteger(L, 2);
    uint32_t key = (uint32_t)id;

    if (!table->is_stack_trace)
        return lbpf_misuse(L, "table '%s' holds no stacks", table->map->name);
    if (id >= 0 && id < (lua_Integer)table->map->max_entries) {
        memcpy(table->key_bytes, &key, sizeof key);
        if (lbpf_table_lookup(L, table)) {
            lbpf_table_push_value(L, table, 0, table->leaf_bytes);
            return 1;
        }
    }
    lua_pushnil(L);
    return 1;
}

void lbpf_table_read_methods(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"items", table_items},
        {"keys", table_keys},
        {"values", table_values},
        {"items_lookup_batch", table_items},
        {"items_lookup_and_delete_batch", table_items_lookup_and_delete_batch},
        {"items_update_batch", table_items_update_batch},
        {"items_delete_batch", table_items_delete_batch},
        {"sum", table_sum},
        {"average", table_average},
        {"max", table_max},
        {"min", table_min},
        {"getvalue", table_getvalue},
        {"get_stack", table_get_stack},
        {NULL, NULL},
    };

    lua_pushvalue(L, methods);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
    luaL_newmetatable(L, snapshot_name);
    lua_pushcfunction(L, snapshot_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    lbpf_table_push_metatable(L);
    lua_pushcfunction(L, table_pairs);
    lua_setfield(L, -2, "__pairs");
    lua_pushcfunction(L, table_len);
    lua_setfield(L, -2, "__len");
    lua_pop(L, 1);
}
