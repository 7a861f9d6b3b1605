/*
 * User symbols: addresses of processes to names, for one address or many.
 * What BPF.sym learns about processes and files is kept for each Lua state until it closes or
 * BPF.free_bcc_memory() is called; a SymbolCache keeps its own.
 */
#include "user_symbols.h"

#include "args.h"
#include "bpf.h"
#include "class.h"
#include "errors.h"
#include "scratch.h"
#include "symbols.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char symbolizer_name[] = "bpf.symbolizer";
static const char cache_name[] = "bpf.SymbolCache";

/* ---- the state's symbolizer ----------------------------------------------------------------- */

static int symbolizer_gc(lua_State *L)
{
    struct lbpf_symbolizer **symbolizer = luaL_checkudata(L, 1, symbolizer_name);

    lbpf_symbolizer_free(*symbolizer);
    *symbolizer = NULL;
    return 0;
}

/* Lent by the registry. */
static struct lbpf_symbolizer *state_symbolizer(lua_State *L)
{
    struct lbpf_symbolizer **symbolizer, *found;

    if (lua_rawgetp(L, LUA_REGISTRYINDEX, symbolizer_name) == LUA_TUSERDATA) {
        found = *(struct lbpf_symbolizer **)lua_touserdata(L, -1);
        lua_pop(L, 1);
        return found;
    }
    lua_pop(L, 1);
    symbolizer = lua_newuserdatauv(L, sizeof(struct lbpf_symbolizer *), 0);
    *symbolizer = NULL;
    luaL_setmetatable(L, symbolizer_name);
    *symbolizer = lbpf_symbolizer_new();
    if (!*symbolizer)
        luaL_error(L, "not enough memory");
    found = *symbolizer;
    lua_rawsetp(L, LUA_REGISTRYINDEX, symbolizer_name);
    return found;
}

/* BPF.free_bcc_memory(): drops all symbols, which are read again when they are asked for. */
static int bpf_free_memory(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, symbolizer_name) == LUA_TUSERDATA) {
        struct lbpf_symbolizer **symbolizer = lua_touserdata(L, -1);

        lbpf_symbolizer_free(*symbolizer);
        *symbolizer = NULL;
    }
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, symbolizer_name);
    lbpf_symbols_forget_kernel(L);
    return 0;
}

/* BPF.symbol_memory(): {processes=, files=, bytes=, limit=} */
static int bpf_symbol_memory(lua_State *L)
{
    struct lbpf_symbolizer_use use;

    lbpf_symbolizer_describe(state_symbolizer(L), &use);
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, (lua_Integer)use.processes);
    lua_setfield(L, -2, "processes");
    lua_pushinteger(L, (lua_Integer)use.files);
    lua_setfield(L, -2, "files");
    lua_pushinteger(L, (lua_Integer)use.bytes);
    lua_setfield(L, -2, "bytes");
    lua_pushinteger(L, (lua_Integer)use.limit);
    lua_setfield(L, -2, "limit");
    return 1;
}

/* ---- one address ---------------------------------------------------------------------------- */

/* Pushes "malloc+0x3 [libc.so.6]", or "[unknown]" and what can be said. */
static void push_symbol(lua_State *L, const struct lbpf_symbol *symbol,
                        const struct lbpf_symbol_format *format)
{
    const char *name = symbol->name, *module = symbol->module;
    char offset[24];
    luaL_Buffer text;

    if (name && format->demangle && symbol->demangled[0])
        name = symbol->demangled;
    if (module && strrchr(module, '/'))
        module = strrchr(module, '/') + 1;
    if (!format->show_offset && !(format->show_module && module)) {
        lua_pushstring(L, name ? name : "[unknown]");
        return;
    }
    luaL_buffinit(L, &text);
    luaL_addstring(&text, name ? name : "[unknown]");
    if (format->show_offset && name) {
        snprintf(offset, sizeof offset, "+0x%llx", (unsigned long long)symbol->offset);
        luaL_addstring(&text, offset);
    }
    if (format->show_module && module) {
        luaL_addstring(&text, " [");
        luaL_addstring(&text, module);
        luaL_addchar(&text, ']');
    }
    luaL_pushresult(&text);
}

/* A build id of hexadecimal digits as its 20 bytes. */
static bool parse_build_id(const char *text, uint8_t *id)
{
    for (size_t i = 0; i < 20; i++) {
        unsigned byte;
        int used = 0;

        if (sscanf(text + 2 * i, "%2x%n", &byte, &used) != 1 || used != 2)
            return false;
        id[i] = (uint8_t)byte;
    }
    return text[40] == '\0';
}

/* The entry of a build-id stack at index: {status=, build_id=, offset=} or {status=, ip=}. */
static void find_entry(lua_State *L, int index, pid_t pid, struct lbpf_symbol *symbol)
{
    struct lbpf_symbolizer *symbolizer = state_symbolizer(L);
    uint8_t id[20];

    *symbol = (struct lbpf_symbol){.demangled = ""};
    lua_getfield(L, index, "build_id");
    lua_getfield(L, index, "offset");
    lua_getfield(L, index, "ip");
    if (lua_type(L, -3) == LUA_TSTRING && parse_build_id(lua_tostring(L, -3), id))
        lbpf_symbolizer_find_build_id(symbolizer, id, (uint64_t)lua_tointeger(L, -2), pid, symbol);
    else if (lua_isinteger(L, -1) && pid > 0)
        lbpf_symbolizer_find(symbolizer, pid, (uint64_t)lua_tointeger(L, -1), symbol, NULL);
    lua_pop(L, 3);
}

/* Pushes the name of what is at index, an address or an entry of a build-id stack. */
static void push_name(lua_State *L, int index, pid_t pid, const struct lbpf_symbol_format *format)
{
    struct lbpf_symbol symbol;
    int is_integer;
    lua_Integer address = lua_tointegerx(L, index, &is_integer);

    if (is_integer && pid < 0) {
        lbpf_symbols_push_kernel(L, (uint64_t)address, format);
        return;
    }
    if (is_integer)
        lbpf_symbolizer_find(state_symbolizer(L), pid, (uint64_t)address, &symbol, NULL);
    else if (lua_istable(L, index))
        find_entry(L, index, pid, &symbol);
    else
        lbpf_misuse(L, "sym: an address or an entry of a build-id stack expected, got %s",
                    luaL_typename(L, index));
    push_symbol(L, &symbol, format);
}

static const char *const sym_names[] = {"addr",        "pid",      "show_module",
                                        "show_offset", "demangle", NULL};
static const struct lbpf_options sym_options = {"sym", sym_names};

static struct lbpf_symbol_format read_format(lua_State *L, const struct lbpf_options *options)
{
    return (struct lbpf_symbol_format){
        .show_module = lbpf_args_boolean(L, options, "show_module"),
        .show_offset = lbpf_args_boolean(L, options, "show_offset"),
        .demangle = !lbpf_args_has(L, "demangle") || lbpf_args_boolean(L, options, "demangle"),
    };
}

/* BPF.sym(addr, pid, {show_module=, show_offset=, demangle=true}) */
static int bpf_sym(lua_State *L)
{
    struct lbpf_symbol_format format = {.demangle = true};
    pid_t pid;

    if (lua_gettop(L) > 0 && lbpf_bpf_test(L, 1))
        lua_remove(L, 1);
    if (lua_gettop(L) == 2 && lua_isinteger(L, 1) && lua_isinteger(L, 2)) {
        push_name(L, 1, lbpf_args_pid(L, lua_tointeger(L, 2)), &format); /* without any options */
        return 1;
    }
    if (lua_gettop(L) >= 2 && lua_istable(L, 1)) { /* an entry is no table of options */
        lua_pushvalue(L, 1);
        lua_pushinteger(L, 0);
        lua_replace(L, 1);
        lua_insert(L, 1);
        lbpf_args_collect(L, 2, &sym_options);
        lua_pushvalue(L, 1);
        lua_setfield(L, -2, "addr");
    } else {
        lbpf_args_collect(L, 1, &sym_options);
    }
    if (!lbpf_args_has(L, "addr") || !lbpf_args_has(L, "pid"))
        return lbpf_misuse(L, "sym: the address and the pid of its process are needed");
    pid = lbpf_args_pid(L, lbpf_args_integer(L, &sym_options, "pid", 0));
    format = read_format(L, &sym_options);
    lua_getfield(L, -1, "addr");
    push_name(L, lua_gettop(L), pid, &format);
    return 1;
}

/* ---- many addresses ------------------------------------------------------------------------- */

static const char *const symbolize_names[] = {"show_module", "show_offset", "demangle", NULL};
static const struct lbpf_options symbolize_options = {"symbolize", symbolize_names};

/* BPF.symbolize(addresses, pid, {show_module=, show_offset=, demangle=true}): an array of names. */
static int bpf_symbolize(lua_State *L)
{
    enum { ADDRESSES = 1, PID, NAMES = 4 };
    struct lbpf_symbol_format format = {.demangle = true};
    lua_Integer count;
    pid_t pid;

    if (lua_gettop(L) > 0 && lbpf_bpf_test(L, 1))
        lua_remove(L, 1);
    luaL_checktype(L, ADDRESSES, LUA_TTABLE);
    pid = lbpf_args_pid(L, luaL_checkinteger(L, PID));
    if (lua_isnoneornil(L, 3)) {
        lua_settop(L, 3);
    } else {
        lbpf_args_collect(L, 3, &symbolize_options);
        format = read_format(L, &symbolize_options);
    }
    count = luaL_len(L, ADDRESSES);
    lua_createtable(L, (int)(count < INT_MAX ? count : INT_MAX), 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, ADDRESSES, i);
        push_name(L, NAMES + 1, pid, &format);
        lua_rawseti(L, NAMES, i);
        lua_settop(L, NAMES);
    }
    return 1;
}

/* BPF.add_module(path): its build id is known from now on. */
static int bpf_add_module(lua_State *L)
{
    struct lbpf_error error = {0};

    if (lua_gettop(L) > 0 && lbpf_bpf_test(L, 1))
        lua_remove(L, 1);
    if (lbpf_symbolizer_add_file(state_symbolizer(L), luaL_checkstring(L, 1), &error) < 0)
        return lbpf_raise(L, &error);
    return 0;
}

/* ---- SymbolCache ---------------------------------------------------------------------------- */

struct cache {
    struct lbpf_symbolizer *symbolizer; /* NULL: closed */
    pid_t pid;
};

static struct cache *check_cache(lua_State *L)
{
    struct cache *cache = luaL_checkudata(L, 1, cache_name);

    if (!cache->symbolizer)
        lbpf_misuse(L, "this SymbolCache is closed");
    return cache;
}

/* BPF.SymbolCache(pid): the symbols of one process; of the kernel, with -1. */
static int symbol_cache(lua_State *L)
{
    struct cache *cache;
    pid_t pid;

    if (lua_gettop(L) > 0 && lbpf_bpf_test(L, 1))
        lua_remove(L, 1);
    pid = lbpf_args_pid(L, luaL_checkinteger(L, 1));
    cache = lua_newuserdatauv(L, sizeof *cache, 0);
    *cache = (struct cache){.pid = pid};
    luaL_setmetatable(L, cache_name);
    cache->symbolizer = lbpf_symbolizer_new();
    return cache->symbolizer ? 1 : luaL_error(L, "not enough memory");
}

static int cache_close(lua_State *L)
{
    struct cache *cache = luaL_checkudata(L, 1, cache_name);

    lbpf_symbolizer_free(cache->symbolizer);
    cache->symbolizer = NULL;
    return 0;
}

/* cache:resolve(addr[, demangle=true]): name or nil, offset, module or nil. */
static int cache_resolve(lua_State *L)
{
    struct cache *cache = check_cache(L);
    uint64_t address = (uint64_t)luaL_checkinteger(L, 2);
    bool demangle = lua_isnoneornil(L, 3) || lua_toboolean(L, 3);
    struct lbpf_symbol symbol;

    if (cache->pid < 0)
        return lbpf_symbols_resolve_kernel(L, address);
    lbpf_symbolizer_find(cache->symbolizer, cache->pid, address, &symbol, NULL);
    if (symbol.name)
        lua_pushstring(L, demangle && symbol.demangled[0] ? symbol.demangled : symbol.name);
    else
        lua_pushnil(L);
    lua_pushinteger(L, (lua_Integer)(symbol.name || symbol.module ? symbol.offset : address));
    lua_pushstring(L, symbol.module); /* nil for NULL */
    return 3;
}

/* cache:resolve_name(module, name): where it is in the process, or nil. A nil module means any. */
static int cache_resolve_name(lua_State *L)
{
    struct cache *cache = check_cache(L);
    const char *module = luaL_optstring(L, 2, NULL), *name = luaL_checkstring(L, 3);
    uint64_t address;

    if (cache->pid < 0)
        return lbpf_symbols_lookup_kernel(L, name);
    if (lbpf_symbolizer_find_name(cache->symbolizer, cache->pid, module, name, &address, NULL) < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, (lua_Integer)address);
    return 1;
}

static int add_name(void *context, const char *name)
{
    struct lbpf_buffer *names = context;

    lbpf_buffer_append(names, name, strlen(name) + 1);
    return names->failed ? -ENOMEM : 0;
}

/* cache:problems(): why files of the process have no symbols, an array of sentences. */
static int cache_problems(lua_State *L)
{
    struct cache *cache = check_cache(L);
    struct lbpf_buffer *problems = lbpf_scratch_push(L);
    struct lbpf_error error = {0};
    lua_Integer count = 0;

    if (cache->pid >= 0 &&
        lbpf_symbolizer_each_problem(cache->symbolizer, cache->pid, add_name, problems, &error) <
            0 &&
        error.code)
        return lbpf_raise(L, &error);
    lbpf_scratch_check(L, problems);
    lua_newtable(L);
    for (size_t at = 0; at < problems->size; at += strlen(problems->data + at) + 1) {
        lua_pushstring(L, problems->data + at);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

static const luaL_Reg cache_methods[] = {
    {"resolve", cache_resolve},
    {"resolve_name", cache_resolve_name},
    {"problems", cache_problems},
    {"close", cache_close},
    {NULL, NULL},
};

void lbpf_user_symbols_open(lua_State *L, int methods, int statics, int all_methods)
{
    static const luaL_Reg functions[] = {
        {"sym", bpf_sym},
        {"symbolize", bpf_symbolize},
        {"add_module", bpf_add_module},
        {"SymbolCache", symbol_cache},
        {"free_bcc_memory", bpf_free_memory},
        {"symbol_memory", bpf_symbol_memory},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__gc", cache_close},
        {"__close", cache_close},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
    lbpf_class_add(L, statics, functions);
    luaL_newmetatable(L, symbolizer_name);
    lua_pushcfunction(L, symbolizer_gc);
    lua_setfield(L, -2, "__gc");
    luaL_newmetatable(L, cache_name);
    luaL_setfuncs(L, metamethods, 0);
    luaL_newlib(L, cache_methods);
    lua_pushvalue(L, -1);
    lua_setfield(L, all_methods, "SymbolCache");
    lua_setfield(L, -2, "__index");
    lua_pop(L, 2);
}
