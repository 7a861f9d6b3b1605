/*
 * Methods of struct values, the same for all types: copies, plain tables, bytes, names of
 * enumerators. A field that has a method's name hides the method.
 */
#include "errors.h"
#include "value.h"
#include "value_private.h"

#include <lauxlib.h>

int lbpf_value_eq(lua_State *L)
{
    const struct lbpf_type *left_type, *right_type;
    const struct lbpf_view *left = lbpf_value_any(L, 1, &left_type);
    const struct lbpf_view *right = lbpf_value_any(L, 2, &right_type);
    bool equal = false;

    if (left && right && left_type == right_type) {
        lbpf_value_check_alive(L, left);
        lbpf_value_check_alive(L, right);
        equal = lbpf_value_is_equal(left_type, left->bytes, right->bytes);
    }
    lua_pushboolean(L, equal);
    return 1;
}

static struct lbpf_view *check_any(lua_State *L, const struct lbpf_type **type)
{
    struct lbpf_view *view = lbpf_value_any(L, 1, type);

    luaL_argexpected(L, view, 1, "struct value");
    lbpf_value_check_alive(L, view);
    return view;
}

/* value:copy(): a struct value that owns its bytes; an event's with all that was sent. */
static int value_copy(lua_State *L)
{
    const struct lbpf_view *view = check_any(L, NULL);

    lua_getmetatable(L, 1);
    lbpf_value_push_copy(L, lua_gettop(L), view);
    return 1;
}

/* value:bytes([field]): the raw bytes; an event's with all that was sent. */
static int value_bytes(lua_State *L)
{
    const struct lbpf_type *type;
    const struct lbpf_view *view = check_any(L, &type);
    const char *name = luaL_optstring(L, 2, NULL);
    struct lbpf_member member;
    uint32_t size;

    if (!name) {
        lua_pushlstring(L, (const char *)view->bytes, view->size);
        return 1;
    }
    if (!lbpf_type_find_member(type, name, &member))
        return lbpf_value_unknown_field(L, type, name);
    if (member.bit_size)
        return lbpf_misuse(L, "'%s' is a bit field and has no bytes of its own", name);
    size = member.type->size;
    if (member.type->kind == LBPF_TYPE_ARRAY && !size && view->size > type->size)
        size = view->size - member.bit_offset / 8;
    lua_pushlstring(L, (const char *)view->bytes + member.bit_offset / 8, size);
    return 1;
}

static void to_table(lua_State *L, int index);

/* Replaces struct values inside the table at index by plain tables. */
static void flatten_elements(lua_State *L, int index)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, index);

    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, index, i);
        to_table(L, lua_gettop(L));
        lua_rawseti(L, index, i);
    }
}

/* Replaces the value at index by a plain one. Depth is bounded by the type's. */
static void to_table(lua_State *L, int index)
{
    luaL_checkstack(L, 8, "a struct value is nested too deep");
    if (lua_istable(L, index)) {
        flatten_elements(L, index);
        return;
    }
    if (!lbpf_value_any(L, index, NULL))
        return;
    lua_newtable(L);
    luaL_getmetafield(L, index, "__pairs");
    lua_pushvalue(L, index);
    lua_call(L, 1, 2); /* next, value */
    lua_pushnil(L);
    for (;;) {
        lua_pushvalue(L, -3);
        lua_pushvalue(L, -3);
        lua_pushvalue(L, -3);
        lua_call(L, 2, 2); /* table, next, value, old name, name, field */
        if (lua_isnil(L, -2))
            break;
        to_table(L, lua_gettop(L));
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_settable(L, -7);
        lua_remove(L, -2);
    }
    lua_pop(L, 5);
    lua_replace(L, index);
}

/* value:totable(): a plain table, nested ones too. */
static int value_totable(lua_State *L)
{
    check_any(L, NULL);
    lua_settop(L, 1);
    to_table(L, 1);
    return 1;
}

/* value:enumerator(field): the name of the enumerator that the field has, or nil. */
static int value_enumerator(lua_State *L)
{
    const struct lbpf_type *type;
    const struct lbpf_view *view = check_any(L, &type);
    const char *name = luaL_checkstring(L, 2);
    struct lbpf_member member;

    if (!lbpf_type_find_member(type, name, &member))
        return lbpf_value_unknown_field(L, type, name);
    if (member.type->kind != LBPF_TYPE_ENUM)
        return lbpf_misuse(L, "'%s' is no enum", name);
    lua_pushstring(L, lbpf_type_enumerator(
                          member.type, lbpf_decode_integer(member.type, view->bytes,
                                                           member.bit_offset, member.bit_size)));
    return 1;
}

void lbpf_value_push_methods(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"copy", value_copy},
        {"bytes", value_bytes},
        {"totable", value_totable},
        {"enumerator", value_enumerator},
        {NULL, NULL},
    };

    luaL_newlib(L, methods);
}
