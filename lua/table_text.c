/* Keys and leaves as text and back: BCC's key_sprintf and its like. */
#include "class.h"
#include "errors.h"
#include "scratch.h"
#include "table.h"

#include <lauxlib.h>
#include <string.h>

static const struct lbpf_shape *check_shape(lua_State *L, const struct lbpf_shape *shape)
{
    if (!shape->type)
        lbpf_misuse(L, "%s: its type is not known", shape->what);
    return shape;
}

/* Reads the value at index 2 into bytes that are left on the stack, and pushes their text. */
static int push_text(lua_State *L, const struct lbpf_shape *shape)
{
    unsigned char *bytes = lbpf_scratch_push_bytes(L, shape->size);
    struct lbpf_buffer *text;

    lbpf_value_read(L, 2, check_shape(L, shape)->type, bytes, shape->what);
    text = lbpf_scratch_push(L);
    lbpf_type_write(text, shape->type, bytes);
    lbpf_scratch_check(L, text);
    lua_pushlstring(L, lbpf_buffer_string(text), text->size);
    lbpf_buffer_free(text);
    return 1;
}

static int push_value(lua_State *L, const struct lbpf_shape *shape)
{
    const char *text = luaL_checkstring(L, 2);
    unsigned char *bytes = lbpf_scratch_push_bytes(L, shape->size);
    struct lbpf_error error = {0};

    if (lbpf_type_read(text, check_shape(L, shape)->type, bytes, &error))
        return lbpf_misuse(L, "%s: %s", shape->what, error.message);
    lbpf_value_push(L, lbpf_table_push_context(L), shape->type, bytes);
    return 1;
}

static int table_key_sprintf(lua_State *L)
{
    luaL_checkany(L, 2);
    return push_text(L, &lbpf_table_check(L, 1)->key);
}

static int table_leaf_sprintf(lua_State *L)
{
    luaL_checkany(L, 2);
    return push_text(L, &lbpf_table_check(L, 1)->leaf);
}

static int table_key_scanf(lua_State *L)
{
    return push_value(L, &lbpf_table_check(L, 1)->key);
}

static int table_leaf_scanf(lua_State *L)
{
    return push_value(L, &lbpf_table_check(L, 1)->leaf);
}

void lbpf_table_text_methods(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"key_sprintf", table_key_sprintf},
        {"leaf_sprintf", table_leaf_sprintf},
        {"key_scanf", table_key_scanf},
        {"leaf_scanf", table_leaf_scanf},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
}
