/*
 * require "bpf.core": registers everything. lua/bpf/init.lua loads this and adds what is written in
 * Lua; to that end the method tables of all userdata are given out as `methods`.
 */
#include "bpf.h"
#include "child.h"
#include "compile.h"
#include "constants.h"
#include "errors.h"
#include "interrupt.h"
#include "iterator.h"
#include "link.h"
#include "machine.h"
#include "prompt.h"
#include "regex.h"
#include "scratch.h"
#include "symbols.h"
#include "table.h"
#include "type_table.h"
#include "usdt.h"
#include "user_symbols.h"
#include "value.h"
#include "wait.h"

#include <lauxlib.h>
#include <stdlib.h>

int luaopen_bpf_core(lua_State *L);

static const luaL_Reg functions[] = {
    {"compile", lbpf_compile_object},
    {"sleep", lbpf_interrupt_sleep},
    {"until_interrupted", lbpf_interrupt_until},
    {"USDT", lbpf_usdt_new},
    {"type_of", lbpf_type_of},
    {"wait", lbpf_wait_for_sources},
    {"spawn", lbpf_child_spawn},
    {"regex", lbpf_regex_new},
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
    lbpf_children_open(L);
    lua_setfield(L, ALL_METHODS, "Child");
    lbpf_bpf_open(L, METHODS, STATICS);
    lbpf_attach_methods(L, METHODS);
    lbpf_attach_kernel_methods(L, METHODS);
    lbpf_attach_perf_methods(L, METHODS);
    lbpf_attach_net_methods(L, METHODS, STATICS);
    lbpf_iterators_open(L, METHODS);
    lua_setfield(L, ALL_METHODS, "Iterator");
    lbpf_stream_methods(L, METHODS, TABLE_METHODS);
    lbpf_trace_methods(L, METHODS);
    lbpf_program_methods(L, METHODS);
    lbpf_inspect_methods(L, METHODS, STATICS);
    lbpf_symbols_open(L, METHODS, STATICS);
    lbpf_user_symbols_open(L, METHODS, STATICS, ALL_METHODS);
    lbpf_user_functions_open(L, METHODS, STATICS);
    lbpf_constants_set(L, MODULE, STATICS);
    lbpf_machine_functions(L, MODULE);
    lbpf_prompt_open(L, MODULE);
    lua_pushliteral(L, LUABPF_VERSION);
    lua_setfield(L, MODULE, "_VERSION");
    lua_setfield(L, MODULE, "methods");
    lua_pop(L, 2);
    lua_setfield(L, MODULE, "BPF");
    return 1;
}
