/*
 * What Python's dictionaries offer and BCC's tables have from them, where Lua's own tables have no
 * word for it. None of these is one step for the kernel: a program may act between two.
 */
#include "table.h"

#include "class.h"
#include "errors.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

static struct lbpf_table *check(lua_State *L, unsigned needs, const char *method)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);

    lbpf_table_require(L, table, needs, method);
    return table;
}

/* Pushes what table->leaf_bytes holds. */
static void push_leaf(lua_State *L, const struct lbpf_table *table)
{
    lbpf_table_push_value(L, table, lbpf_table_push_context(L), table->leaf_bytes);
}

/* t:contains(k) */
static int table_contains(lua_State *L)
{
    const struct lbpf_table *table = check(L, LBPF_CAN_GET, "contains");

    luaL_checkany(L, 2);
    lbpf_table_read_key(L, table, 2);
    lua_pushboolean(L, lbpf_table_lookup(L, table));
    return 1;
}

/* t:setdefault(k, v): the leaf of k, which is v when there was none. */
static int table_setdefault(lua_State *L)
{
    const struct lbpf_table *table = check(L, LBPF_CAN_GET | LBPF_CAN_SET, "setdefault");

    luaL_checkany(L, 3);
    lbpf_table_read_key(L, table, 2);
    if (!lbpf_table_lookup(L, table)) {
        lbpf_table_read_key(L, table, 2);
        lbpf_table_read_value(L, table, 3);
        lbpf_table_update(L, table);
    }
    push_leaf(L, table);
    return 1;
}

/* t:update(other): stores every pair of a Lua table, or of another table. */
static int table_update(lua_State *L)
{
    const struct lbpf_table *table = check(L, LBPF_CAN_SET, "update");

    luaL_checkany(L, 2);
    lua_settop(L, 2);
    if (luaL_getmetafield(L, 2, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 2);
        lua_call(L, 1, 3); /* the iterator, its state, the first key */
    } else {
        luaL_checktype(L, 2, LUA_TTABLE);
        lua_getglobal(L, "next");
        lua_pushvalue(L, 2);
        lua_pushnil(L);
    }
    for (;;) {
        lua_pushvalue(L, 3);
        lua_pushvalue(L, 4);
        lua_pushvalue(L, 5);
        lua_call(L, 2, 2); /* 6: key, 7: leaf */
        if (lua_isnil(L, 6))
            return 0;
        lbpf_table_read_key(L, table, 6);
        lbpf_table_read_value(L, table, 7);
        lbpf_table_update(L, table);
        lua_pop(L, 1);
        lua_replace(L, 5);
    }
}

/* t:pop(k[, fallback]): the leaf of k, which is deleted. Queues and stacks: t:pop(). */
static int table_pop(lua_State *L)
{
    const struct lbpf_table *table = lbpf_table_check(L, 1);

    if (table->can & LBPF_CAN_PUSH)
        return lbpf_table_pop_first(L);
    lbpf_table_require(L, table, LBPF_CAN_GET | LBPF_CAN_DELETE, "pop");
    luaL_checkany(L, 2);
    lua_settop(L, 3);
    lbpf_table_read_key(L, table, 2);
    if (!lbpf_table_lookup(L, table))
        return 1;
    push_leaf(L, table);
    lbpf_table_read_key(L, table, 2);
    lbpf_table_delete(L, table);
    return 1;
}

/* t:popitem(): some key and its leaf, which is deleted; nothing when the table is empty. */
static int table_popitem(lua_State *L)
{
    const unsigned needs = LBPF_CAN_GET | LBPF_CAN_DELETE | LBPF_CAN_LIST;
    const struct lbpf_table *table = check(L, needs, "popitem");
    struct lbpf_error error = {0};
    int types = (lua_settop(L, 1), lbpf_table_push_context(L));
    int result;

    while ((result = lbpf_map_next_key(table->map, NULL, table->key_bytes, &error)) == 0) {
        if (!lbpf_table_lookup(L, table)) /* gone meanwhile */
            continue;
        lbpf_table_push_key(L, table, types, table->key_bytes);
        lbpf_table_push_value(L, table, types, table->leaf_bytes);
        lbpf_table_delete(L, table);
        return 2;
    }
    return result == -ENOENT ? 0 : lbpf_raise(L, &error);
}

void lbpf_table_mapping_methods(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"contains", table_contains}, {"setdefault", table_setdefault}, {"update", table_update},
        {"pop", table_pop},           {"popitem", table_popitem},       {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
}
