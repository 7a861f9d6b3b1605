/*
 * Methods of struct values and arrays, the same for all types: copies, plain tables, bytes, names
 * of enumerators, text. A field that has a method's name hides the method.
 */
#include "errors.h"
#include "scratch.h"
#include "value.h"
#include "value_private.h"

#include <lauxlib.h>

int lbpf_value_eq(lua_State *L)
{
    const struct lbpf_view *left = lbpf_value_any(L, 1, NULL);
    const struct lbpf_view *right = lbpf_value_any(L, 2, NULL);
    bool equal = false;

    if (left && right && left->record == right->record) {
        lbpf_value_check_alive(L, left);
        lbpf_value_check_alive(L, right);
        equal = lbpf_value_is_equal(left, right);
    }
    lua_pushboolean(L, equal);
    return 1;
}

int lbpf_value_tostring(lua_State *L)
{
    const struct lbpf_type *type;
    const struct lbpf_view *view = lbpf_value_any(L, 1, &type);
    struct lbpf_buffer *text;
    char name[160];

    luaL_argexpected(L, view, 1, "struct value or array");
    if (view->lifetime && view->lifetime->generation != view->generation) {
        lbpf_value_name_type(name, sizeof name, type);
        lua_pushfstring(L, "%s (its event is over)", name);
        return 1;
    }
    text = lbpf_scratch_push(L);
    lbpf_value_describe(text, view);
    lbpf_scratch_check(L, text);
    lua_pushlstring(L, lbpf_buffer_string(text), text->size);
    lbpf_buffer_free(text);
    return 1;
}

static struct lbpf_view *check_any(lua_State *L, const struct lbpf_type **type)
{
    struct lbpf_view *view = lbpf_value_any(L, 1, type);

    luaL_argexpected(L, view, 1, "struct value or array");
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

/* The element or field that argument 2 tells. */
static void check_member(lua_State *L, const struct lbpf_view *view, struct lbpf_member *member)
{
    const struct lbpf_type *type = view->record->type;
    lua_Integer place;
    const char *name;

    if (type->kind == LBPF_TYPE_ARRAY) {
        place = luaL_checkinteger(L, 2);
        luaL_argcheck(L, place >= 1 && place <= lbpf_array_count(view), 2, "no such element");
        *member = (struct lbpf_member){
            .name = "[]",
            .type = type->element,
            .bit_offset = (uint32_t)(place - 1) * type->element->size * 8,
        };
        return;
    }
    name = luaL_checkstring(L, 2);
    if (!lbpf_type_find_member(type, name, member))
        lbpf_value_unknown_field(L, type, name);
}

/* value:bytes([field]): the raw bytes; an event's with all that was sent. */
static int value_bytes(lua_State *L)
{
    const struct lbpf_view *view = check_any(L, NULL);
    struct lbpf_member member;
    uint32_t size;

    if (lua_isnoneornil(L, 2)) {
        lua_pushlstring(L, (const char *)view->bytes, view->size);
        return 1;
    }
    check_member(L, view, &member);
    if (member.bit_size)
        return lbpf_misuse(L, "'%s' is a bit field and has no bytes of its own", member.name);
    size = member.type->size;
    if (member.type->kind == LBPF_TYPE_ARRAY && !size && view->size > view->record->type->size)
        size = view->size - member.bit_offset / 8;
    lua_pushlstring(L, (const char *)view->bytes + member.bit_offset / 8, size);
    return 1;
}

/* Replaces the struct value or array at index by a plain table. Depth is bounded by the type's. */
static void to_table(lua_State *L, int index)
{
    luaL_checkstack(L, 8, "a value is nested too deep");
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
    const struct lbpf_view *view = check_any(L, NULL);
    struct lbpf_member member;
    int64_t value;

    check_member(L, view, &member);
    if (member.type->kind != LBPF_TYPE_ENUM)
        return lbpf_misuse(L, "'%s' is no enum", luaL_tolstring(L, 2, NULL));
    value = lbpf_decode_integer(member.type, view->bytes, member.bit_offset, member.bit_size);
    lua_pushstring(L, lbpf_type_enumerator(member.type, value));
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
