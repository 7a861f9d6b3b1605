/*
 * Arrays inside struct values and events: userdata that show the elements where they lie, so that
 * an assignment to one is never lost, and reading one decodes no other. They count from 1 as all
 * arrays of Lua do; `#`, pairs, ipairs, table.unpack, table.concat and table.sort work. An element
 * behind the last one is nil when it is read, which is what ends ipairs; a C index (0) raises.
 */
#include "errors.h"
#include "value_private.h"

uint32_t lbpf_array_count(const struct lbpf_view *array)
{
    const struct lbpf_type *type = array->record->type;

    return type->element->size ? array->size / type->element->size : type->count;
}

static uint32_t element_offset(const struct lbpf_view *array, lua_Integer place)
{
    return (uint32_t)(place - 1) * array->record->type->element->size * 8;
}

/* The element's place that argument 2 tells; raises when it is none. */
static lua_Integer check_place(lua_State *L, const struct lbpf_view *array)
{
    int is_integer;
    lua_Integer place = lua_tointegerx(L, 2, &is_integer);

    if (!is_integer || lua_type(L, 2) != LUA_TNUMBER)
        lbpf_misuse(L, "an array has elements 1 to %d, not '%s'", (int)lbpf_array_count(array),
                    luaL_tolstring(L, 2, NULL));
    if (place < 1)
        lbpf_misuse(L, "arrays count from 1: there is no element %s", luaL_tolstring(L, 2, NULL));
    return place;
}

static void push_element(lua_State *L, const struct lbpf_view *array, lua_Integer place)
{
    lbpf_value_push_part(L, lua_upvalueindex(LBPF_VALUE_TYPES), array->record->type->element,
                         array->bytes, element_offset(array, place), 0, 1);
}

static int array_index(lua_State *L)
{
    const struct lbpf_view *array = lbpf_value_check_self(L);
    lua_Integer place;

    if (lua_type(L, 2) == LUA_TSTRING) {
        lua_pushvalue(L, 2);
        if (lua_rawget(L, lua_upvalueindex(LBPF_VALUE_FIELDS)) == LUA_TFUNCTION)
            return 1;
    }
    place = check_place(L, array);
    if (place > lbpf_array_count(array))
        return 0;
    push_element(L, array, place);
    return 1;
}

static int array_newindex(lua_State *L)
{
    struct lbpf_view *array = lbpf_value_check_self(L);
    lua_Integer place = check_place(L, array);
    struct lbpf_path path = {.index = (uint32_t)place};

    lbpf_value_check_writable(L, array);
    if (place > lbpf_array_count(array))
        return lbpf_misuse(L, "there is no element %s in an array of %d",
                           luaL_tolstring(L, 2, NULL), (int)lbpf_array_count(array));
    lbpf_value_read_part(L, 3, array->record->type->element, array->bytes,
                         element_offset(array, place), 0, &path);
    return 0;
}

static int array_length(lua_State *L)
{
    lua_pushinteger(L, lbpf_array_count(lbpf_value_check_self(L)));
    return 1;
}

static int array_next(lua_State *L)
{
    const struct lbpf_view *array = lbpf_value_check_self(L);
    lua_Integer place = lua_isnoneornil(L, 2) ? 1 : check_place(L, array) + 1;

    if (place > lbpf_array_count(array))
        return 0;
    lua_pushinteger(L, place);
    push_element(L, array, place);
    return 2;
}

static int array_pairs(lua_State *L)
{
    return lbpf_value_push_walk(L, array_next);
}

const luaL_Reg lbpf_array_metamethods[] = {
    {"__index", array_index}, {"__newindex", array_newindex}, {"__len", array_length},
    {"__pairs", array_pairs}, {"__eq", lbpf_value_eq},        {NULL, NULL},
};
