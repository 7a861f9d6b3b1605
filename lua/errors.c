/*
 * Error objects. Raising must not leak the log that an error record may own, and building a Lua
 * table can itself fail for want of memory; so the table is built in a protected call, the record
 * is cleared, and only then is anything raised.
 */
#include "errors.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char metatable_name[] = "bpf.error";

void lbpf_push_position(lua_State *L)
{
    lua_Debug frame;

    for (int level = 0; lua_getstack(L, level, &frame); level++) {
        lua_getinfo(L, "Sl", &frame);
        if (frame.currentline > 0) {
            lua_pushfstring(L, "%s:%d: ", frame.short_src, frame.currentline);
            return;
        }
    }
    lua_pushliteral(L, "");
}

int lbpf_misuse(lua_State *L, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    lbpf_push_position(L);
    lua_pushstring(L, text);
    lua_concat(L, 2);
    return lua_error(L);
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

/* Runs protected: light userdata error -> error object. */
static int build(lua_State *L)
{
    const struct lbpf_error *error = lua_touserdata(L, 1);

    lua_createtable(L, 0, 8);
    set_text(L, "op", error->op);
    set_text(L, "message", error->message);
    set_text(L, "hint", error->hint);
    set_text(L, "where", error->where);
    set_text(L, "log", error->log);
    lua_pushinteger(L, error->code);
    lua_setfield(L, -2, "errno");
    lbpf_push_position(L);
    lua_setfield(L, -2, "position");
    luaL_setmetatable(L, metatable_name);
    return 1;
}

int lbpf_raise(lua_State *L, struct lbpf_error *error)
{
    lua_checkstack(L, 4);
    lua_pushcfunction(L, build);
    lua_pushlightuserdata(L, error);
    lua_pcall(L, 1, 1, 0); /* a failure leaves its own error on the stack: raise that then */
    lbpf_error_clear(error);
    return lua_error(L);
}

static const char *text_of(lua_State *L, const char *name)
{
    lua_getfield(L, 1, name);
    return lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
}

static void add_sentence(luaL_Buffer *buffer, const char *text)
{
    size_t size = strlen(text);

    luaL_addstring(buffer, text);
    if (size && !strchr(".!?:", text[size - 1]))
        luaL_addchar(buffer, '.');
}

/* "script.lua:12: opensnoop.lua:3: what failed. What to do." */
static int error_tostring(lua_State *L)
{
    const char *position, *where, *message, *hint;
    luaL_Buffer buffer;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    position = text_of(L, "position");
    where = text_of(L, "where");
    message = text_of(L, "message");
    hint = text_of(L, "hint");
    luaL_buffinit(L, &buffer);
    luaL_addstring(&buffer, position);
    if (*where && strncmp(message, where, strlen(where)) != 0) {
        luaL_addstring(&buffer, where);
        luaL_addstring(&buffer, ": ");
    }
    if (*hint) {
        add_sentence(&buffer, message);
        luaL_addchar(&buffer, ' ');
        luaL_addstring(&buffer, hint);
    } else {
        luaL_addstring(&buffer, message);
    }
    luaL_pushresult(&buffer);
    return 1;
}

static int error_concat(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}

void lbpf_errors_open(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__tostring", error_tostring},
        {"__concat", error_concat},
        {NULL, NULL},
    };

    luaL_newmetatable(L, metatable_name);
    luaL_setfuncs(L, metamethods, 0);
    lua_pop(L, 1);
}
