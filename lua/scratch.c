#include "scratch.h"

#include <lauxlib.h>
#include <string.h>

static const char metatable_name[] = "bpf.scratch";

static int scratch_gc(lua_State *L)
{
    struct lbpf_buffer *buffer = lua_touserdata(L, 1);

    lbpf_buffer_free(buffer);
    return 0;
}

struct lbpf_buffer *lbpf_scratch_push(lua_State *L)
{
    struct lbpf_buffer *buffer = lua_newuserdatauv(L, sizeof *buffer, 0);

    memset(buffer, 0, sizeof *buffer);
    luaL_setmetatable(L, metatable_name);
    return buffer;
}

void *lbpf_scratch_push_bytes(lua_State *L, size_t size)
{
    void *bytes = lua_newuserdatauv(L, size ? size : 1, 0);

    memset(bytes, 0, size ? size : 1);
    return bytes;
}

void lbpf_scratch_check(lua_State *L, const struct lbpf_buffer *buffer)
{
    if (buffer->failed)
        luaL_error(L, "out of memory");
}

void lbpf_scratch_open(lua_State *L)
{
    luaL_newmetatable(L, metatable_name);
    lua_pushcfunction(L, scratch_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}
