/*
 * One key of a map: read, stored, deleted; t[k] and its like. Method names win over keys that are
 * strings: t:get(k) always looks a key up.
 */
#include "table.h"

#include "args.h"
#include "errors.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

/* ---- operations ----------------------------------------------------------------------------- */

/* Opens what the key and the leaf stand for, and puts the descriptors in their place. */
static int open_objects(const struct lbpf_table *table, int fds[2], struct lbpf_error *error)
{
    const struct lbpf_table_objects *objects = table->objects;

    fds[0] = fds[1] = -1;
    if (table->key_object == LBPF_KEY_PROCESS)
        fds[0] = lbpf_open_process(objects->process, error);
    else if (objects->key_path && table->key_object == LBPF_KEY_FILE)
        fds[0] = lbpf_open_file(objects->key_path, error);
    else if (objects->key_path)
        fds[0] = lbpf_open_cgroup(objects->key_path, error);
    if (objects->leaf_path && !error->code)
        fds[1] = lbpf_open_cgroup(objects->leaf_path, error);
    if (fds[0] >= 0)
        memcpy(table->key_bytes, &fds[0], sizeof fds[0]);
    if (fds[1] >= 0)
        memcpy(table->leaf_bytes, &fds[1], sizeof fds[1]);
    return -error->code;
}

enum operation { LOOKUP, UPDATE, DELETE };

/* 0; -ENOENT for a key that is not there, also because its process has ended; else it raises. */
static int run(lua_State *L, const struct lbpf_table *table, enum operation operation)
{
    struct lbpf_error error = {0};
    int fds[2], result = open_objects(table, fds, &error);

    if (!result && operation == LOOKUP)
        result = lbpf_map_lookup(table->map, table->key_bytes, table->leaf_bytes, &error);
    else if (!result && operation == UPDATE)
        result = lbpf_map_update(table->map, table->key_bytes, table->leaf_bytes, BPF_ANY, &error);
    else if (!result)
        result = lbpf_map_delete(table->map, table->key_bytes, &error);
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    memset(table->objects, 0, sizeof *table->objects);
    if (operation != UPDATE && table->key_object == LBPF_KEY_PROCESS && result == -ESRCH)
        return -ENOENT;
    if (result && error.code)
        lbpf_raise(L, &error);
    return result;
}

bool lbpf_table_lookup(lua_State *L, const struct lbpf_table *table)
{
    return run(L, table, LOOKUP) == 0;
}

void lbpf_table_update(lua_State *L, const struct lbpf_table *table)
{
    run(L, table, UPDATE);
}

bool lbpf_table_delete(lua_State *L, const struct lbpf_table *table)
{
    if (!lbpf_table_can_zero(table))
        return run(L, table, DELETE) == 0;
    memset(table->leaf_bytes, 0, lbpf_map_value_bytes(table->map));
    run(L, table, UPDATE);
    return true;
}

bool lbpf_table_can_zero(const struct lbpf_table *table)
{
    return table->map->type == BPF_MAP_TYPE_ARRAY || table->map->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* ---- methods and metamethods ---------------------------------------------------------------- */

static int get(lua_State *L, const struct lbpf_table *table)
{
    int types;

    lbpf_table_require(L, table, LBPF_CAN_GET, "get");
    lbpf_table_read_key(L, table, 2);
    if (!lbpf_table_lookup(L, table)) {
        lua_settop(L, 3);
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

/* t:get(k[, fallback]) */
static int table_get(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);

    luaL_checkany(L, 2);
    return get(L, table);
}

static bool remove_key(lua_State *L, const struct lbpf_table *table)
{
    lbpf_table_require(L, table, LBPF_CAN_DELETE, "delete");
    lbpf_table_read_key(L, table, 2);
    return lbpf_table_delete(L, table);
}

static void set(lua_State *L, const struct lbpf_table *table)
{
    lbpf_table_require(L, table, LBPF_CAN_SET, "set");
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
static bool has_string_keys(const struct lbpf_table *table, const char *text, size_t size)
{
    const struct lbpf_type *type = table->key.type;

    if (table->is_array)
        return false;
    if (table->can & LBPF_CAN_PREFIX && strpbrk(text, ".:/"))
        return true;
    if (table->key_object != LBPF_KEY_ITSELF)
        return strchr(text, '/') != NULL;
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
    struct lbpf_table *table = lbpf_table_test(L, 1);
    const char *text;
    size_t size;

    luaL_argexpected(L, table, 1, "bpf.Table");
    if (lua_type(L, 2) == LUA_TSTRING) {
        lua_pushvalue(L, 2);
        if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
            return 1;
        lua_pop(L, 1);
        table = lbpf_table_check(L, 1);
        text = lua_tolstring(L, 2, &size);
        if (push_attribute(L, table->map, text))
            return 1;
        if (!has_string_keys(table, text, size)) {
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
    struct lbpf_table *table = lbpf_table_check(L, 1);
    struct lbpf_error error = {0};

    if (!(table->can & LBPF_CAN_PUSH))
        lbpf_table_require(L, table, LBPF_CAN_LIST | LBPF_CAN_DELETE, "clear");
    if (lbpf_map_clear(table->map, &error))
        return lbpf_raise(L, &error);
    return 0;
}

static int table_zero(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    struct lbpf_error error = {0};

    lbpf_table_require(L, table, LBPF_CAN_LIST | LBPF_CAN_GET | LBPF_CAN_SET, "zero");
    if (lbpf_map_zero(table->map, &error))
        return lbpf_raise(L, &error);
    return 0;
}

/* t:next([key]): the key after it, or the first; nil at the end. */
static int table_next(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    struct lbpf_error error = {0};
    bool is_first = lua_isnoneornil(L, 2);
    unsigned char *next = lua_newuserdatauv(L, table->map->key_size + 1, 0);
    int result;

    lbpf_table_require(L, table, LBPF_CAN_LIST, "next");
    if (!is_first)
        lbpf_table_read_key(L, table, 2);
    result = lbpf_map_next_key(table->map, is_first ? NULL : table->key_bytes, next, &error);
    if (result == -ENOENT) {
        lua_pushnil(L);
        return 1;
    }
    if (result)
        return lbpf_raise(L, &error);
    lbpf_table_push_key(L, table, lbpf_table_push_context(L), next);
    return 1;
}

/* t:prefix(key): a key of an LPM trie as text, "10.0.0.0/8". */
static int table_prefix(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);

    lbpf_table_require(L, table, LBPF_CAN_PREFIX, "prefix");
    luaL_checkany(L, 2);
    lbpf_table_read_key(L, table, 2);
    lbpf_table_push_prefix(L, table);
    return 1;
}

/* t:get_fd(): BCC's spelling of t.map_fd. */
static int table_get_fd(lua_State *L)
{
    lua_pushinteger(L, lbpf_table_check(L, 1)->map->fd);
    return 1;
}

void lbpf_table_element_methods(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"get", table_get},          {"set", table_set},
        {"delete", table_delete},    {"clear", table_clear},
        {"zero", table_zero},        {"next", table_next},
        {"prefix", table_prefix},    {"get_fd", table_get_fd},
        {"clearitem", table_delete}, {NULL, NULL},
    };

    lua_pushvalue(L, methods);
    luaL_setfuncs(L, functions, 0);
    lbpf_table_push_metatable(L);
    lua_pushvalue(L, methods);
    lua_pushcclosure(L, table_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, table_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pop(L, 2);
}
