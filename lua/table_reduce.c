/*
 * Leaves that are made of many: one for each CPU, reduced to one number, and stacks. Sums have 64
 * bits whatever the leaf has, and wrap as C's do.
 */
#include "class.h"
#include "errors.h"
#include "table.h"

#include <lauxlib.h>
#include <string.h>

/* ---- per-CPU and stacks --------------------------------------------------------------------- */

/* Looks up the key at index 2 of a per-CPU table whose leaves are integers; NULL when it is absent.
 */
static const struct lbpf_table *lookup_per_cpu(lua_State *L, const char *method)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);

    lbpf_table_require(L, table, LBPF_CAN_REDUCE, method);
    luaL_checkany(L, 2);
    if (!table->leaf.is_integer)
        lbpf_misuse(L,
                    "Leaf must be an integer type for %s: take t:getvalue(k), or "
                    "b:get_table('%s', {reducer = function(a, b) … end})",
                    method, table->map->name);
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
    const struct lbpf_table *table = lookup_per_cpu(L, "sum");

    if (table)
        lua_pushinteger(L, (lua_Integer)sum_of(table));
    else
        lua_pushnil(L);
    return 1;
}

static int table_average(lua_State *L)
{
    const struct lbpf_table *table = lookup_per_cpu(L, "average");

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
    const struct lbpf_table *table = lookup_per_cpu(L, largest ? "max" : "min");
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

/* t:getvalue(k): the leaves of all CPUs, also where t[k] reduces them. */
static int table_getvalue(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    int types;

    lbpf_table_require(L, table, LBPF_CAN_REDUCE, "getvalue");
    luaL_checkany(L, 2);
    lbpf_table_read_key(L, table, 2);
    if (!lbpf_table_lookup(L, table)) {
        lua_pushnil(L);
        return 1;
    }
    types = lbpf_table_push_context(L);
    lua_pushnil(L);
    lua_replace(L, types + 3); /* the reducer */
    lbpf_table_push_value(L, table, types, table->leaf_bytes);
    return 1;
}

/* t:get_stack(id): the addresses, innermost first; nil for an id that is an error or not there. */
static int table_get_stack(lua_State *L)
{
    struct lbpf_table *table = lbpf_table_check(L, 1);
    lua_Integer id;
    uint32_t key;

    lbpf_table_require(L, table, LBPF_CAN_STACK, "get_stack");
    id = luaL_checkinteger(L, 2);
    key = (uint32_t)id;
    if (id >= 0 && id < (lua_Integer)table->map->max_entries) {
        memcpy(table->key_bytes, &key, sizeof key);
        if (lbpf_table_lookup(L, table)) {
            lbpf_table_push_value(L, table, lbpf_table_push_context(L), table->leaf_bytes);
            return 1;
        }
    }
    lua_pushnil(L);
    return 1;
}

void lbpf_table_reduce_methods(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"sum", table_sum}, {"average", table_average},   {"max", table_max},
        {"min", table_min}, {"getvalue", table_getvalue}, {"get_stack", table_get_stack},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
}
