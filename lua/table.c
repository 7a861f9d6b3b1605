/*
 * Maps as Lua tables: one key at a time. What reads whole maps is in table_read.c, what prints them
 * in lua/bpf/. Method names win over keys that are strings: t:get(k) always looks a key up.
 */
#include "table.h"

#include "args.h"
#include "errors.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static const char metatable_name[] = "bpf.Table";

/* ---- making one ----------------------------------------------------------------------------- */

static void shape_init(struct lbpf_shape *shape, const struct lbpf_type *type, uint32_t size,
                       const char *what, const char *name)
{
    memset(shape, 0, sizeof *shape);
    if (type && type->size == size)
        shape->type = type; /* else the declaration does not describe these bytes */
    shape->size = size;
    shape->is_integer = shape->type && size <= 8 &&
                        (type->kind == LBPF_TYPE_INT || type->kind == LBPF_TYPE_CHAR ||
                         type->kind == LBPF_TYPE_ENUM || type->kind == LBPF_TYPE_POINTER);
    snprintf(shape->what, sizeof shape->what, "%s of table '%s'", what, name);
}

static size_t align8(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static bool has_indices(enum bpf_map_type type)
{
    switch (type) {
    case BPF_MAP_TYPE_ARRAY:
    case BPF_MAP_TYPE_PERCPU_ARRAY:
    case BPF_MAP_TYPE_PROG_ARRAY:
    case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
    case BPF_MAP_TYPE_CGROUP_ARRAY:
    case BPF_MAP_TYPE_ARRAY_OF_MAPS:
    case BPF_MAP_TYPE_DEVMAP:
    case BPF_MAP_TYPE_CPUMAP:
    case BPF_MAP_TYPE_XSKMAP:
        return true;
    default:
        return false;
    }
}

/* Keeps the metatable of a struct shape in user value n of the table on top of the stack. */
static void keep_metatable(lua_State *L, struct lbpf_shape *shape, int types, int n)
{
    if (!shape->type || !lbpf_type_is_record(shape->type))
        return;
    shape->record = lbpf_value_push_metatable(L, types, shape->type);
    lua_setiuservalue(L, -2, n);
}

void lbpf_table_push(lua_State *L, int bpf, const struct lbpf_map *map)
{
    size_t key_room = align8(map->key_size), leaf_room = align8(lbpf_map_value_bytes(map));
    struct lbpf_table *table;

    bpf = lua_absindex(L, bpf);
    lua_getiuservalue(L, bpf, LBPF_BPF_TYPES);
    table =
        lua_newuserdatauv(L, align8(sizeof *table) + key_room + leaf_room, LBPF_TABLE_USER_VALUES);
    memset(table, 0, sizeof *table);
    table->key_bytes = (unsigned char *)table + align8(sizeof *table);
    table->leaf_bytes = table->key_bytes + key_room;
    table->bpf = lua_touserdata(L, bpf);
    table->map = map;
    table->is_array = has_indices(map->type);
    table->is_stack_trace =
        map->type == BPF_MAP_TYPE_STACK_TRACE && !(map->flags & BPF_F_STACK_BUILD_ID);
    table->slot_size = lbpf_map_slot_size(map);
    luaL_setmetatable(L, metatable_name);
    lua_pushvalue(L, bpf);
    lua_setiuservalue(L, -2, LBPF_TABLE_BPF);
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, LBPF_TABLE_TYPES);
    shape_init(&table->key, map->key_type, map->key_size, "key", map->name);
    shape_init(&table->leaf, map->value_type, map->value_size, "leaf", map->name);
    keep_metatable(L, &table->key, lua_gettop(L) - 1, LBPF_TABLE_KEY_METATABLE);
    keep_metatable(L, &table->leaf, lua_gettop(L) - 1, LBPF_TABLE_LEAF_METATABLE);
    lua_remove(L, -2);
}

struct lbpf_table *lbpf_table_check(lua_State *L, int index)
{
    struct lbpf_table *table = luaL_checkudata(L, index, metatable_name);

    lbpf_bpf_check_open(L, table->bpf);
    return table;
}

struct lbpf_table *lbpf_table_test(lua_State *L, int index)
{
    return luaL_testudata(L, index, metatable_name);
}

int lbpf_table_push_context(lua_State *L)
{
    int types = lua_gettop(L) + 1;

    for (int i = LBPF_TABLE_TYPES; i <= LBPF_TABLE_LEAF_METATABLE; i++)
        lua_getiuservalue(L, 1, i);
    return types;
}

/* ---- values --------------------------------------------------------------------------------- */

static void push_shape(lua_State *L, const struct lbpf_shape *shape, int types, int metatable,
                       const void *bytes)
{
    if (shape->is_integer)
        lua_pushinteger(L, lbpf_decode_integer(shape->type, bytes, 0, 0));
    else if (shape->record)
        lbpf_value_push_record(L, metatable, shape->record, bytes);
    else if (shape->type)
        lbpf_value_push(L, types, shape->type, bytes);
    else
        lua_pushlstring(L, bytes, shape->size);
}

static void push_index(lua_State *L, const void *bytes)
{
    uint32_t index;

    memcpy(&index, bytes, sizeof index);
    lua_pushinteger(L, index);
}

void lbpf_table_push_key(lua_State *L, const struct lbpf_table *table, int types, const void *bytes)
{
    if ((table->is_array || table->is_stack_trace) && table->map->key_size == 4)
        push_index(L, bytes);
    else
        push_shape(L, &table->key, types, types + 1, bytes);
}

/* A stack is an array of addresses that ends with the first 0. */
static void push_stack(lua_State *L, const struct lbpf_table *table, const unsigned char *bytes)
{
    uint64_t address;

    lua_newtable(L);
    for (uint32_t i = 0; i < table->map->value_size / sizeof address; i++) {
        memcpy(&address, bytes + i * sizeof address, sizeof address);
        if (!address)
            break;
        lua_pushinteger(L, (lua_Integer)address);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

void lbpf_table_push_value(lua_State *L, const struct lbpf_table *table, int types,
                           const void *bytes)
{
    const unsigned char *at = bytes;

    if (table->is_stack_trace) {
        push_stack(L, table, bytes);
        return;
    }
    if (!table->map->per_cpu) {
        push_shape(L, &table->leaf, types, types + 2, bytes);
        return;
    }
    lua_createtable(L, (int)table->map->cpu_count, 0);
    for (uint32_t cpu = 0; cpu < table->map->cpu_count; cpu++, at += table->slot_size) {
        push_shape(L, &table->leaf, types, types + 2, at);
        lua_rawseti(L, -2, (lua_Integer)cpu + 1);
    }
}

static void read_shape(lua_State *L, const struct lbpf_shape *shape, int index, void *bytes)
{
    size_t size;

    memset(bytes, 0, shape->size);
    if (shape->type) {
        lbpf_value_read(L, index, shape->type, bytes, shape->what);
        return;
    }
    if (lua_type(L, index) != LUA_TSTRING)
        lbpf_misuse(L, "%s: its type is not known; a string of %u bytes expected, got %s",
                    shape->what, shape->size, luaL_typename(L, index));
    lua_tolstring(L, index, &size);
    if (size != shape->size)
        lbpf_misuse(L, "%s: its type is not known; a string of %u bytes expected, got %zu bytes",
                    shape->what, shape->size, size);
    memcpy(bytes, lua_tostring(L, index), size);
}

void lbpf_table_read_key(lua_State *L, const struct lbpf_table *table, int index)
{
    lua_Integer count = table->map->max_entries, position;
    int is_integer;
    uint32_t word;

    if (!table->is_array || table->map->key_size != sizeof word) {
        read_shape(L, &table->key, index, table->key_bytes);
        return;
    }
    position = lua_tointegerx(L, index, &is_integer);
    if (!is_integer || lua_type(L, index) != LUA_TNUMBER)
        lbpf_misuse(L, "%s: an integer expected, got %s", table->key.what, luaL_typename(L, index));
    if (position < 0)
        position += count;
    if (position < 0 || position >= count)
        lbpf_misuse(L, "Array index out of range: table '%s' has indices 0 to %d", table->map->name,
                    (int)(count - 1));
    word = (uint32_t)position;
    memcpy(table->key_bytes, &word, sizeof word);
}

void lbpf_table_read_value(lua_State *L, const struct lbpf_table *table, int index)
{
    uint32_t cpus = table->map->cpu_count;

    index = lua_absindex(L, index);
    memset(table->leaf_bytes, 0, lbpf_map_value_bytes(table->map));
    if (lbpf_table_read_descriptor(L, table, index))
        return;
    if (!table->map->per_cpu) {
        read_shape(L, &table->leaf, index, table->leaf_bytes);
        return;
    }
    if (!lua_istable(L, index) || lua_rawlen(L, index) != cpus)
        lbpf_misuse(L, "%s: an array of %u leaves expected, one for each possible CPU",
                    table->leaf.what, cpus);
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        lua_rawgeti(L, index, (lua_Integer)cpu + 1);
        read_shape(L, &table->leaf, lua_gettop(L), table->leaf_bytes + cpu * table->slot_size);
        lua_pop(L, 1);
    }
}

/* ---- operations ----------------------------------------------------------------------------- */

bool lbpf_table_lookup(lua_State *L, const struct lbpf_table *table)
{
    struct lbpf_error error = {0};
    int result = lbpf_map_lookup(table->map, table->key_bytes, table->leaf_bytes, &error);

    if (result && result != -ENOENT)
        lbpf_raise(L, &error);
    return result == 0;
}

void lbpf_table_update(lua_State *L, const struct lbpf_table *table)
{
    struct lbpf_error error = {0};

    if (lbpf_map_update(table->map, table->key_bytes, table->leaf_bytes, BPF_ANY, &error))
        lbpf_raise(L, &error);
}

bool lbpf_table_delete(lua_State *L, const struct lbpf_table *table)
{
    struct lbpf_error error = {0};
    int result = lbpf_map_delete(table->map, table->key_bytes, &error);

    if (result && result != -ENOENT)
        lbpf_raise(L, &error);
    return result == 0;
}

static int get(lua_State *L, const struct lbpf_table *table)
{
    int types;

    lbpf_table_read_key(L, table, 2);
    if (!lbpf_table_lookup(L, table)) {
        lua_pushnil(L);
        return 1;
    }
    if (table->leaf.is_integer && !table->map->per_cpu) {
        lua_pushinteger(L, lbpf_decode_integer(table->leaf.type, table->leaf_bytes, 0, 0));
        return 1;
    }
    types = lbpf_table_push_context(L);
    lbpf_table_push_value(L, table, types, table->leaf_bytes);
    return 1;
}

static int table_get(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);

    luaL_checkany(L, 2);
    return get(L, table);
}

static bool can_zero(const struct lbpf_table *table)
{
    return table->map->type == BPF_MAP_TYPE_ARRAY || table->map->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* Deletes the key at index 2; what can not be deleted is zeroed. */
static bool remove_key(lua_State *L, const struct lbpf_table *table)
{
    lbpf_table_read_key(L, table, 2);
    if (!can_zero(table))
        return lbpf_table_delete(L, table);
    memset(table->leaf_bytes, 0, lbpf_map_value_bytes(table->map));
    lbpf_table_update(L, table);
    return true;
}

static void set(lua_State *L, const struct lbpf_table *table)
{
    lbpf_table_read_key(L, table, 2);
    lbpf_table_read_value(L, table, 3);
    lbpf_table_update(L, table);
}

static int table_set(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);

    luaL_checkany(L, 3);
    set(L, table);
    return 0;
}

static int table_delete(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);

    luaL_checkany(L, 2);
    lua_pushboolean(L, remove_key(L, table));
    return 1;
}

/* Whether t["text"] can be a look-up rather than a misspelt method. */
static bool has_string_keys(const struct lbpf_table *table, size_t size)
{
    const struct lbpf_type *type = table->key.type;

    if (table->is_array)
        return false;
    if (!type || lbpf_type_is_record(type) || (type->kind == LBPF_TYPE_INT && type->size == 16))
        return size == table->key.size;
    return type->kind == LBPF_TYPE_ARRAY || type->kind == LBPF_TYPE_ENUM;
}

/* What BCC has as attributes of a table: t.max_entries and its like. */
static bool push_attribute(lua_State *L, const struct lbpf_map *map, const char *name)
{
    const struct {
        const char *name;
        lua_Integer value;
    } attributes[] = {
        {"max_entries", map->max_entries}, {"flags", map->flags},          {"ttype", map->type},
        {"key_size", map->key_size},       {"leaf_size", map->value_size}, {"map_fd", map->fd},
    };

    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        if (strcmp(attributes[i].name, name) != 0)
            continue;
        lua_pushinteger(L, attributes[i].value);
        return true;
    }
    if (strcmp(name, "name") != 0)
        return false;
    lua_pushstring(L, map->name);
    return true;
}

static int table_index(lua_State *L)
{
    struct lbpf_table *table = luaL_checkudata(L, 1, metatable_name);
    size_t size;

    if (lua_type(L, 2) == LUA_TSTRING) {
        lua_pushvalue(L, 2);
        if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
            return 1;
        lua_pop(L, 1);
        table = lbpf_table_check(L, 1);
        if (push_attribute(L, table->map, lua_tolstring(L, 2, &size)))
            return 1;
        if (!has_string_keys(table, size)) {
            lua_pushvalue(L, lua_upvalueindex(1));
            return lbpf_args_unknown(L, "a table has no method", lua_tostring(L, 2), lua_gettop(L),
                                     0);
        }
    }
    lbpf_bpf_check_open(L, table->bpf);
    return get(L, table);
}

static int table_newindex(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);

    if (lua_isnil(L, 3))
        remove_key(L, table);
    else
        set(L, table);
    return 0;
}

static int table_clear(lua_State *L)
{
    struct lbpf_error error = {0};

    if (lbpf_map_clear(lbpf_table_check(L, 1)->map, &error))
        return lbpf_raise(L, &error);
    return 0;
}

static int table_zero(lua_State *L)
{
    struct lbpf_error error = {0};

    if (lbpf_map_zero(lbpf_table_check(L, 1)->map, &error))
        return lbpf_raise(L, &error);
    return 0;
}

/* t:key([v]): a key to fill and to look up or store with; v gives its first content. */
static int table_key(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    int types;

    memset(table->key_bytes, 0, table->key.size);
    if (!lua_isnoneornil(L, 2))
        read_shape(L, &table->key, 2, table->key_bytes);
    types = lbpf_table_push_context(L);
    lbpf_table_push_key(L, table, types, table->key_bytes);
    return 1;
}

/* t:leaf([v]): the same for a leaf; for per-CPU maps an array of leaves. */
static int table_leaf(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    int types;

    memset(table->leaf_bytes, 0, lbpf_map_value_bytes(table->map));
    if (!lua_isnoneornil(L, 2))
        lbpf_table_read_value(L, table, 2);
    types = lbpf_table_push_context(L);
    lbpf_table_push_value(L, table, types, table->leaf_bytes);
    return 1;
}

static int table_tostring(lua_State *L)
{
    struct lbpf_table *table = luaL_checkudata(L, 1, metatable_name);

    lua_pushfstring(L, "bpf.Table%s", strstr(table->key.what, " '"));
    return 1;
}

static const luaL_Reg methods[] = {
    {"get", table_get},   {"set", table_set}, {"delete", table_delete}, {"clear", table_clear},
    {"zero", table_zero}, {"key", table_key}, {"leaf", table_leaf},     {NULL, NULL},
};

void lbpf_table_push_metatable(lua_State *L)
{
    luaL_getmetatable(L, metatable_name);
}

void lbpf_tables_open(lua_State *L)
{
    luaL_newlib(L, methods);
    luaL_newmetatable(L, metatable_name);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, table_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, table_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, table_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "bpf.Table");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    lbpf_table_read_methods(L, lua_gettop(L));
    lbpf_table_kind_methods(L, lua_gettop(L));
}
