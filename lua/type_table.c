/*
 * C types as Lua tables, for what handles values of any type: output for other programs, pages
 * that describe a table. They are built once for each struct type, and shared: a value's metatable
 * keeps its own.
 */
#include "type_table.h"

#include "class.h"
#include "table.h"
#include "value_private.h"

#include <lauxlib.h>

static const char type_table_name[] = "bpf.type_table";

static void push_type(lua_State *L, const struct lbpf_type *type);

static const char *kind_name(const struct lbpf_type *type)
{
    static const char *const names[] = {
        [LBPF_TYPE_VOID] = "void",       [LBPF_TYPE_INT] = "int",     [LBPF_TYPE_CHAR] = "char",
        [LBPF_TYPE_BOOL] = "bool",       [LBPF_TYPE_FLOAT] = "float", [LBPF_TYPE_ENUM] = "enum",
        [LBPF_TYPE_POINTER] = "pointer", [LBPF_TYPE_ARRAY] = "array", [LBPF_TYPE_STRUCT] = "struct",
        [LBPF_TYPE_UNION] = "union",
    };

    return names[type->kind];
}

static void set_integer(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static void push_members(lua_State *L, const struct lbpf_type *type)
{
    lua_createtable(L, (int)type->member_count, 0);
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct lbpf_member *member = &type->members[i];

        lua_createtable(L, 0, 4);
        lua_pushstring(L, member->name);
        lua_setfield(L, -2, "name");
        set_integer(L, "offset", member->bit_offset / 8);
        if (member->bit_size)
            set_integer(L, "bits", member->bit_size);
        push_type(L, member->type);
        lua_setfield(L, -2, "type");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* Of enumerators with one value the first gives the name, as elsewhere. */
static void push_enumerators(lua_State *L, const struct lbpf_type *type)
{
    lua_createtable(L, 0, (int)type->enumerator_count);
    for (uint32_t i = type->enumerator_count; i-- > 0;) {
        lua_pushstring(L, type->enumerators[i].name);
        lua_rawseti(L, -2, type->enumerators[i].value);
    }
}

/* Depth is bounded by the type's: pointers are not followed. */
static void push_type(lua_State *L, const struct lbpf_type *type)
{
    luaL_checkstack(L, 8, "a type is nested too deep");
    lua_createtable(L, 0, 5);
    lua_pushstring(L, kind_name(type));
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, type->name ? type->name : "");
    lua_setfield(L, -2, "name");
    set_integer(L, "size", type->size);
    if (type->kind == LBPF_TYPE_INT || type->kind == LBPF_TYPE_ENUM) {
        lua_pushboolean(L, type->is_signed);
        lua_setfield(L, -2, "signed");
    }
    if (type->kind == LBPF_TYPE_ENUM) {
        push_enumerators(L, type);
        lua_setfield(L, -2, "enumerators");
    } else if (type->kind == LBPF_TYPE_ARRAY) {
        set_integer(L, "count", type->count);
        push_type(L, type->element);
        lua_setfield(L, -2, "element");
    } else if (lbpf_type_is_record(type)) {
        push_members(L, type);
        lua_setfield(L, -2, "fields");
    }
}

/* bpf.type_of(value): the type of a struct value; nil for any other value. */
int lbpf_type_of(lua_State *L)
{
    const struct lbpf_type *type;

    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (!lbpf_value_any(L, 1, &type)) {
        lua_pushnil(L);
        return 1;
    }
    lua_getmetatable(L, 1);
    if (lua_rawgetp(L, 2, type_table_name) == LUA_TNIL) {
        push_type(L, type);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, 2, type_table_name);
    }
    return 1;
}

static int push_shape(lua_State *L, const struct lbpf_shape *shape)
{
    if (shape->type)
        push_type(L, shape->type);
    else
        lua_pushnil(L);
    return 1;
}

static int table_key_type(lua_State *L)
{
    return push_shape(L, &lbpf_table_check(L, 1)->key);
}

static int table_leaf_type(lua_State *L)
{
    return push_shape(L, &lbpf_table_check(L, 1)->leaf);
}

void lbpf_type_table_methods(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"key_type", table_key_type},
        {"leaf_type", table_leaf_type},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
}
