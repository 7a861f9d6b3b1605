/*
 * Maps as Lua tables: their userdata, and how keys and leaves travel between bytes and Lua values.
 * What is done with one key is in table_element.c, with all of them in table_read.c, what only some
 * kinds of maps do in table_kinds.c, what prints them in lua/bpf/.
 */
#include "table.h"

#include "errors.h"
#include "type_table.h"

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
    lbpf_table_push_as(L, bpf, map, map->key_type, map->value_type, 0);
}

void lbpf_table_push_as(lua_State *L, int bpf, const struct lbpf_map *map,
                        const struct lbpf_type *key, const struct lbpf_type *leaf, int reducer)
{
    size_t key_room = align8(map->key_size), leaf_room = align8(lbpf_map_value_bytes(map));
    struct lbpf_table *table;

    bpf = lua_absindex(L, bpf);
    lua_getiuservalue(L, bpf, LBPF_BPF_TYPES);
    table = lua_newuserdatauv(
        L, align8(sizeof *table) + align8(sizeof *table->objects) + key_room + leaf_room,
        LBPF_TABLE_USER_VALUES);
    memset(table, 0, align8(sizeof *table) + sizeof *table->objects);
    table->objects = (void *)((unsigned char *)table + align8(sizeof *table));
    table->key_bytes = (unsigned char *)table->objects + align8(sizeof *table->objects);
    table->leaf_bytes = table->key_bytes + key_room;
    table->bpf = lua_touserdata(L, bpf);
    table->map = map;
    table->is_array = has_indices(map->type);
    table->is_stack_trace = map->type == BPF_MAP_TYPE_STACK_TRACE;
    table->can = lbpf_table_abilities(map);
    table->key_object = lbpf_table_key_object(map);
    table->slot_size = lbpf_map_slot_size(map);
    luaL_setmetatable(L, metatable_name);
    lua_pushvalue(L, bpf);
    lua_setiuservalue(L, -2, LBPF_TABLE_BPF);
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, LBPF_TABLE_TYPES);
    shape_init(&table->key, key, map->key_size, "key", map->name);
    shape_init(&table->leaf, leaf, map->value_size, "leaf", map->name);
    keep_metatable(L, &table->key, lua_gettop(L) - 1, LBPF_TABLE_KEY_METATABLE);
    keep_metatable(L, &table->leaf, lua_gettop(L) - 1, LBPF_TABLE_LEAF_METATABLE);
    lua_remove(L, -2);
    if (!reducer)
        return;
    lbpf_table_require(L, table, LBPF_CAN_REDUCE, "reducer");
    lua_pushvalue(L, reducer);
    lua_setiuservalue(L, -2, LBPF_TABLE_REDUCER);
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

    for (int i = LBPF_TABLE_TYPES; i <= LBPF_TABLE_REDUCER; i++)
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

/* A stack with build ids is an array of {status=1, build_id="…", offset=} for code of files, and
 * {status=2, ip=} where the kernel could not read the file. It ends with the first empty entry. */
static void push_build_id_stack(lua_State *L, const struct lbpf_table *table,
                                const unsigned char *bytes)
{
    static const char digits[] = "0123456789abcdef";
    struct bpf_stack_build_id entry;

    lua_newtable(L);
    for (uint32_t i = 0; i < table->map->value_size / sizeof entry; i++) {
        char id[2 * sizeof entry.build_id];

        memcpy(&entry, bytes + i * sizeof entry, sizeof entry);
        if (entry.status != BPF_STACK_BUILD_ID_VALID && entry.status != BPF_STACK_BUILD_ID_IP)
            return;
        lua_createtable(L, 0, 3);
        lua_pushinteger(L, entry.status);
        lua_setfield(L, -2, "status");
        if (entry.status == BPF_STACK_BUILD_ID_VALID) {
            for (size_t at = 0; at < sizeof id; at++)
                id[at] = digits[entry.build_id[at / 2] >> (at % 2 ? 0 : 4) & 15];
            lua_pushlstring(L, id, sizeof id);
            lua_setfield(L, -2, "build_id");
        }
        lua_pushinteger(L, (lua_Integer)entry.offset); /* in one place with the address */
        lua_setfield(L, -2, entry.status == BPF_STACK_BUILD_ID_VALID ? "offset" : "ip");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
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

/* Replaces the array on top of the stack by f(f(f(a[1], a[2]), a[3]), …). */
static void reduce(lua_State *L, int function)
{
    int array = lua_gettop(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, array);

    luaL_checkstack(L, 6, NULL);
    lua_rawgeti(L, array, 1);
    for (lua_Integer i = 2; i <= count; i++) {
        lua_pushvalue(L, function);
        lua_insert(L, -2);
        lua_rawgeti(L, array, i);
        lua_call(L, 2, 1);
    }
    lua_replace(L, array);
}

void lbpf_table_push_value(lua_State *L, const struct lbpf_table *table, int types,
                           const void *bytes)
{
    const unsigned char *at = bytes;
    bool reduces = table->map->per_cpu && !lua_isnil(L, types + 3);

    if (table->is_stack_trace) {
        if (table->map->flags & BPF_F_STACK_BUILD_ID)
            push_build_id_stack(L, table, bytes);
        else
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
    if (reduces)
        reduce(L, types + 3);
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

    if (lbpf_table_read_key_object(L, table, index) || lbpf_table_read_prefix(L, table, index))
        return;
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
    if (lbpf_table_read_leaf_object(L, table, index))
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

/* t:key([v]): a key to fill and to look up or store with; v gives its first content. */
static int table_key(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    int types;

    memset(table->key_bytes, 0, table->key.size);
    if (!lua_isnoneornil(L, 2) && !lbpf_table_read_prefix(L, table, 2))
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
    lua_pushnil(L);
    lua_replace(L, types + 3); /* not reduced: it is to be filled */
    lbpf_table_push_value(L, table, types, table->leaf_bytes);
    return 1;
}

static int table_tostring(lua_State *L)
{
    struct lbpf_table *table = luaL_checkudata(L, 1, metatable_name);
    const char *name = strstr(table->key.what, " '");

    if (!table->bpf->session)
        lua_pushfstring(L, "bpf.Table%s (closed)", name);
    else
        lua_pushfstring(L, "bpf.Table%s (%s, max_entries %I)", name, lbpf_map_kind(table->map),
                        (LUAI_UACINT)table->map->max_entries);
    return 1;
}

void lbpf_table_push_metatable(lua_State *L)
{
    luaL_getmetatable(L, metatable_name);
}

void lbpf_tables_open(lua_State *L)
{
    static const luaL_Reg methods[] = {{"key", table_key}, {"leaf", table_leaf}, {NULL, NULL}};

    luaL_newlib(L, methods);
    luaL_newmetatable(L, metatable_name);
    lua_pushcfunction(L, table_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "bpf.Table");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    lbpf_table_element_methods(L, lua_gettop(L));
    lbpf_table_read_methods(L, lua_gettop(L));
    lbpf_table_text_methods(L, lua_gettop(L));
    lbpf_type_table_methods(L, lua_gettop(L));
    lbpf_table_mapping_methods(L, lua_gettop(L));
    lbpf_table_reduce_methods(L, lua_gettop(L));
    lbpf_table_kind_methods(L, lua_gettop(L));
}
