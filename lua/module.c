/*
 * require "bpf.core": registers everything. lua/bpf/init.lua loads this and adds what is written in
 * Lua; to that end the method tables of all userdata are given out as `methods`.
 */
#include "bpf.h"
#include "constants.h"
#include "errors.h"
#include "interrupt.h"
#include "iterator.h"
#include "link.h"
#include "scratch.h"
#include "symbols.h"
#include "table.h"
#include "usdt.h"
#include "user_symbols.h"
#include "value.h"

#include <lauxlib.h>
#include <stdlib.h>

int luaopen_bpf_core(lua_State *L);

/* bpf.features(): name -> {available=, reason=}; the reason says why not and what to do. */
static int core_features(lua_State *L)
{
    size_t count = lbpf_features(NULL, 0);
    struct lbpf_feature *features = lbpf_scratch_push_bytes(L, count * sizeof *features);

    lbpf_features(features, count);
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 2);
        lua_pushboolean(L, features[i].available);
        lua_setfield(L, -2, "available");
        if (!features[i].available) {
            lua_pushstring(L, features[i].reason);
            lua_setfield(L, -2, "reason");
        }
        lua_setfield(L, -2, features[i].name);
    }
    return 1;
}

/* bpf.cache(): {folder=, entries=, bytes=, limit=}; the folder is nil when the cache is off. */
static int core_cache(lua_State *L)
{
    struct lbpf_cache_info *info = lbpf_scratch_push_bytes(L, sizeof *info);

    lbpf_cache_describe(info);
    lua_createtable(L, 0, 4);
    if (info->folder[0]) {
        lua_pushstring(L, info->folder);
        lua_setfield(L, -2, "folder");
    }
    lua_pushinteger(L, (lua_Integer)info->entries);
    lua_setfield(L, -2, "entries");
    lua_pushinteger(L, (lua_Integer)info->bytes);
    lua_setfield(L, -2, "bytes");
    lua_pushinteger(L, (lua_Integer)info->limit);
    lua_setfield(L, -2, "limit");
    return 1;
}

/* bpf.clear_cache(): how many compiled programs were removed. */
static int core_clear_cache(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)lbpf_cache_clear());
    return 1;
}

static const luaL_Reg functions[] = {
    {"cache", core_cache},
    {"clear_cache", core_clear_cache},
    {"features", core_features},
    {"sleep", lbpf_interrupt_sleep},
    {"until_interrupted", lbpf_interrupt_until},
    {"USDT", lbpf_usdt_new},
    {NULL, NULL},
};

__attribute__((__visibility__("default"))) int luaopen_bpf_core(lua_State *L)
{
    enum { MODULE = 1, STATICS, METHODS, TABLE_METHODS, ALL_METHODS };

    luaL_checkversion(L);
    lua_settop(L, 0);
    lbpf_errors_open(L);
    lbpf_scratch_open(L);
    lbpf_interrupt_open(L);
    luaL_newlib(L, functions);
    lua_newtable(L); /* BPF: functions that need no object, constants; callable */
    lua_newtable(L); /* methods of BPF objects */
    lbpf_tables_open(L);
    lua_newtable(L);
    lua_pushvalue(L, METHODS);
    lua_setfield(L, ALL_METHODS, "BPF");
    lua_pushvalue(L, TABLE_METHODS);
    lua_setfield(L, ALL_METHODS, "Table");
    lbpf_links_open(L);
    lua_setfield(L, ALL_METHODS, "Link");
    lbpf_values_open(L);
    lua_setfield(L, ALL_METHODS, "Value");
    lbpf_usdts_open(L);
    lua_setfield(L, ALL_METHODS, "USDT");
    lbpf_bpf_open(L, METHODS, STATICS);
    lbpf_attach_methods(L, METHODS);
    lbpf_attach_kernel_methods(L, METHODS);
    lbpf_attach_perf_methods(L, METHODS);
    lbpf_attach_net_methods(L, METHODS);
    lbpf_iterators_open(L, METHODS);
    lua_setfield(L, ALL_METHODS, "Iterator");
    lbpf_stream_methods(L, METHODS, TABLE_METHODS);
    lbpf_trace_methods(L, METHODS);
    lbpf_program_methods(L, METHODS);
    lbpf_inspect_methods(L, METHODS, STATICS);
    lbpf_symbols_open(L, METHODS, STATICS);
    lbpf_user_symbols_open(L, METHODS, STATICS, ALL_METHODS);
    lbpf_constants_set(L, MODULE, STATICS);
    lua_pushliteral(L, LUABPF_VERSION);
    lua_setfield(L, MODULE, "_VERSION");
    lua_setfield(L, MODULE, "methods");
    lua_pop(L, 2);
    lua_setfield(L, MODULE, "BPF");
    return 1;
}
