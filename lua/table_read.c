/*
 * Whole maps. Each function takes one snapshot of the map, through the kernel's batch calls where
 * it has them, and decodes from there: so entries may be changed or deleted while a loop runs over
 * them.
 */
#include "class.h"
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

static struct lbpf_table *check_listable(lua_State *L, unsigned needs, const char *method)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);

    lbpf_table_require(L, table, LBPF_CAN_LIST | needs, method);
    return table;
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
    struct lbpf_table *table = check_listable(L, LBPF_CAN_GET | (remove ? LBPF_CAN_DELETE : 0),
                                              remove ? "items_lookup_and_delete_batch" : "items");
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
    struct lbpf_table *table = check_listable(L, LBPF_CAN_GET, "keys");
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

/* t:values(): of a queue or stack those that it pops, as in BCC. */
static int table_values(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    int types = (lua_settop(L, 1), lbpf_table_push_context(L));
    struct snapshot *snapshot;

    if (table->can & LBPF_CAN_PUSH)
        return lbpf_table_pop_values(L, table, types);
    check_listable(L, LBPF_CAN_GET, "values");
    snapshot = push_snapshot(L, table, false);
    lua_createtable(L, (int)snapshot->count, 0);
    for (size_t i = 0; i < snapshot->count; i++) {
        lbpf_table_push_value(L, table, types, value_at(table, snapshot, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    snapshot_free(snapshot);
    return 1;
}

/* Upvalues: table, types, key metatable, leaf metatable, reducer, snapshot. */
static int pairs_next(lua_State *L)
{
    struct lbpf_table *table = lua_touserdata(L, lua_upvalueindex(1));
    struct snapshot *snapshot = lua_touserdata(L, lua_upvalueindex(6));
    size_t i = snapshot->next;

    if (i >= snapshot->count) {
        snapshot_free(snapshot);
        return 0;
    }
    lbpf_bpf_check_open(L, table->bpf);
    snapshot->next++;
    lua_settop(L, 0);
    for (int upvalue = 2; upvalue <= 5; upvalue++)
        lua_pushvalue(L, lua_upvalueindex(upvalue));
    lbpf_table_push_key(L, table, 1, key_at(table, snapshot, i));
    lbpf_table_push_value(L, table, 1, value_at(table, snapshot, i));
    return 2;
}

static int table_pairs(lua_State *L)
{
    struct lbpf_table *table = check_listable(L, LBPF_CAN_GET, "pairs");

    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    lbpf_table_push_context(L);
    push_snapshot(L, table, false);
    lua_pushcclosure(L, pairs_next, 6);
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
    check_listable(L, LBPF_CAN_GET, "length");
    snapshot = push_snapshot(L, table, false);
    lua_pushinteger(L, (lua_Integer)snapshot->count);
    snapshot_free(snapshot);
    return 1;
}

/* ---- many at once --------------------------------------------------------------------------- */

static lua_Integer check_batch(lua_State *L, int index, const struct lbpf_table *table)
{
    lua_Integer count, room = table->map->max_entries ? table->map->max_entries : INT32_MAX;

    luaL_checktype(L, index, LUA_TTABLE);
    count = (lua_Integer)lua_rawlen(L, index);
    if (count < 1 || count > room)
        lbpf_misuse(L, "Array's length is wrong: %d, while table '%s' has room for %d", (int)count,
                    table->map->name, (int)room);
    return count;
}

/* Whether keys or leaves are opened for each operation, so that they cannot go together. */
static bool goes_one_by_one(const struct lbpf_table *table)
{
    return table->key_object != LBPF_KEY_ITSELF || table->map->type == BPF_MAP_TYPE_CGROUP_ARRAY;
}

/* Appends the key at place i of the array at index 2. */
static void append_key(lua_State *L, const struct lbpf_table *table, lua_Integer i,
                       struct lbpf_buffer *keys)
{
    lua_rawgeti(L, 2, i);
    lbpf_table_read_key(L, table, -1);
    lua_pop(L, 1);
    lbpf_buffer_append(keys, table->key_bytes, table->map->key_size);
}

/* t:items_update_batch(keys, leaves) */
static int table_items_update_batch(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    struct lbpf_buffer *keys, *values;
    struct lbpf_error error = {0};
    lua_Integer count;

    lbpf_table_require(L, table, LBPF_CAN_SET, "items_update_batch");
    count = check_batch(L, 2, table);
    if (check_batch(L, 3, table) != count)
        return lbpf_misuse(L, "keys array length != values array length");
    lua_settop(L, 3);
    keys = lbpf_scratch_push(L);
    values = lbpf_scratch_push(L);
    for (lua_Integer i = 1; i <= count; i++) {
        append_key(L, table, i, keys);
        lua_rawgeti(L, 3, i);
        lbpf_table_read_value(L, table, -1);
        if (goes_one_by_one(table))
            lbpf_table_update(L, table);
        lua_pop(L, 1);
        lbpf_buffer_append(values, table->leaf_bytes, lbpf_map_value_bytes(table->map));
    }
    lbpf_scratch_check(L, keys);
    lbpf_scratch_check(L, values);
    if (!goes_one_by_one(table) &&
        lbpf_map_update_many(table->map, keys->data, values->data, (uint32_t)count, &error))
        return lbpf_raise(L, &error);
    lbpf_buffer_free(keys);
    lbpf_buffer_free(values);
    return 0;
}

/* t:items_delete_batch([keys]): all keys when none are given. */
static int table_items_delete_batch(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    struct lbpf_error error = {0};
    struct lbpf_buffer *keys;
    bool alone = goes_one_by_one(table) || lbpf_table_can_zero(table);
    lua_Integer count;

    lbpf_table_require(L, table, LBPF_CAN_DELETE, "items_delete_batch");
    if (lua_isnoneornil(L, 2)) {
        lbpf_table_require(L, table, LBPF_CAN_LIST, "items_delete_batch without keys");
        if (lbpf_map_clear(table->map, &error))
            return lbpf_raise(L, &error);
        return 0;
    }
    count = check_batch(L, 2, table);
    lua_settop(L, 2);
    keys = lbpf_scratch_push(L);
    for (lua_Integer i = 1; i <= count; i++) {
        append_key(L, table, i, keys);
        if (alone)
            lbpf_table_delete(L, table);
    }
    lbpf_scratch_check(L, keys);
    if (!alone && lbpf_map_delete_many(table->map, keys->data, (uint32_t)count, &error))
        return lbpf_raise(L, &error);
    lbpf_buffer_free(keys);
    return 0;
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
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
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
