/*
 * Kernel symbols, kernel functions, tracepoints, kernel types. Each function exists twice:
 * BPF.ksym(address) and b:ksym(address). The symbol table is read for each Lua state when first
 * asked for, and again when something new is asked for.
 */
#include "symbols.h"

#include "args.h"
#include "bpf.h"
#include "class.h"
#include "errors.h"
#include "scratch.h"

#include <errno.h>
#include <lauxlib.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char kallsyms_name[] = "bpf.kallsyms";

/* Called as a method: the object goes, the arguments stay. */
static void drop_self(lua_State *L)
{
    if (lua_gettop(L) > 0 && lbpf_bpf_test(L, 1))
        lua_remove(L, 1);
}

/* ---- symbols -------------------------------------------------------------------------------- */

struct kernel_symbols {
    struct lbpf_kallsyms *table;
    uint64_t read_ns, cost_ns; /* when, and how long that took */
};

static int kallsyms_gc(lua_State *L)
{
    struct kernel_symbols *symbols = luaL_checkudata(L, 1, kallsyms_name);

    lbpf_kallsyms_close(symbols->table);
    symbols->table = NULL;
    return 0;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* The symbols as they are now, lent by the registry until the next call. */
static const struct kernel_symbols *read_kernel(lua_State *L)
{
    struct lbpf_error error = {0};
    struct kernel_symbols *symbols = lua_newuserdatauv(L, sizeof *symbols, 0);
    uint64_t started = now_ns();

    *symbols = (struct kernel_symbols){0};
    luaL_setmetatable(L, kallsyms_name);
    if (lbpf_kallsyms_open(&symbols->table, NULL, &error) < 0)
        lbpf_raise(L, &error);
    symbols->read_ns = now_ns();
    symbols->cost_ns = symbols->read_ns - started;
    lua_rawsetp(L, LUA_REGISTRYINDEX, kallsyms_name);
    return symbols;
}

static const struct kernel_symbols *kernel(lua_State *L)
{
    const struct kernel_symbols *symbols = NULL;

    if (lua_rawgetp(L, LUA_REGISTRYINDEX, kallsyms_name) == LUA_TUSERDATA)
        symbols = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return symbols ? symbols : read_kernel(L);
}

/* After a miss: modules and BPF programs come and go. Reading again may take a twentieth of the
 * time. */
static const struct kernel_symbols *refresh_kernel(lua_State *L,
                                                   const struct kernel_symbols *symbols)
{
    return now_ns() - symbols->read_ns > 20 * symbols->cost_ns ? read_kernel(L) : symbols;
}

/* Far behind a symbol of the kernel itself, or in what can be unloaded: it may be something new. */
static bool is_doubtful(const struct lbpf_ksym *symbol, uint64_t address)
{
    enum { FUNCTION_LIMIT = 1024 * 1024 };

    return address - symbol->address > FUNCTION_LIMIT || strcmp(symbol->module, "kernel") != 0;
}

static bool resolve_kernel(lua_State *L, uint64_t address, struct lbpf_ksym *symbol)
{
    const struct kernel_symbols *symbols = kernel(L);
    bool found = lbpf_kallsyms_resolve(symbols->table, address, symbol) == 0;

    if (found && is_doubtful(symbol, address)) {
        symbols = refresh_kernel(L, symbols);
        found = lbpf_kallsyms_resolve(symbols->table, address, symbol) == 0;
    }
    return found;
}

void lbpf_symbols_push_kernel(lua_State *L, uint64_t address,
                              const struct lbpf_symbol_format *format)
{
    struct lbpf_ksym symbol;
    luaL_Buffer text;
    char offset[24];

    if (!resolve_kernel(L, address, &symbol)) {
        lua_pushliteral(L, "[unknown]");
        return;
    }
    if (!format->show_offset && !format->show_module) {
        lua_pushstring(L, symbol.name);
        return;
    }
    luaL_buffinit(L, &text);
    luaL_addstring(&text, symbol.name);
    if (format->show_offset) {
        snprintf(offset, sizeof offset, "+0x%llx", (unsigned long long)(address - symbol.address));
        luaL_addstring(&text, offset);
    }
    if (format->show_module) {
        luaL_addstring(&text, " [");
        luaL_addstring(&text, symbol.module);
        luaL_addchar(&text, ']');
    }
    luaL_pushresult(&text);
}

int lbpf_symbols_resolve_kernel(lua_State *L, uint64_t address)
{
    struct lbpf_ksym symbol;

    if (!resolve_kernel(L, address, &symbol)) {
        lua_pushnil(L);
        lua_pushinteger(L, (lua_Integer)address);
        lua_pushnil(L);
        return 3;
    }
    lua_pushstring(L, symbol.name);
    lua_pushinteger(L, (lua_Integer)(address - symbol.address));
    lua_pushstring(L, symbol.module);
    return 3;
}

int lbpf_symbols_lookup_kernel(lua_State *L, const char *name)
{
    const struct kernel_symbols *symbols = kernel(L);
    struct lbpf_ksym symbol;

    if (lbpf_kallsyms_lookup(symbols->table, name, &symbol) < 0 &&
        lbpf_kallsyms_lookup(refresh_kernel(L, symbols)->table, name, &symbol) < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, (lua_Integer)symbol.address);
    return 1;
}

void lbpf_symbols_forget_kernel(lua_State *L)
{
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, kallsyms_name); /* the collector closes it */
}

static const char *const ksym_names[] = {"addr", "show_module", "show_offset", NULL};
static const struct lbpf_options ksym_options = {"ksym", ksym_names};

/* BPF.ksym(address, {show_module=, show_offset=}): "vfs_read+0x1b [kernel]" */
static int bpf_ksym(lua_State *L)
{
    struct lbpf_symbol_format format = {0};
    uint64_t address;

    drop_self(L);
    if (lua_gettop(L) == 1 && lua_isinteger(L, 1)) { /* without any options */
        lbpf_symbols_push_kernel(L, (uint64_t)lua_tointeger(L, 1), &format);
        return 1;
    }
    lbpf_args_collect(L, 1, &ksym_options);
    if (!lbpf_args_has(L, "addr"))
        return lbpf_misuse(L, "ksym: the address is missing");
    address = (uint64_t)lbpf_args_integer(L, &ksym_options, "addr", 0);
    format.show_module = lbpf_args_boolean(L, &ksym_options, "show_module");
    format.show_offset = lbpf_args_boolean(L, &ksym_options, "show_offset");
    lbpf_symbols_push_kernel(L, address, &format);
    return 1;
}

/* BPF.ksymname(name): the address, or nil. */
static int bpf_ksymname(lua_State *L)
{
    drop_self(L);
    return lbpf_symbols_lookup_kernel(L, luaL_checkstring(L, 1));
}

static int bpf_get_syscall_prefix(lua_State *L)
{
    lua_pushstring(L, lbpf_syscall_prefix());
    return 1;
}

/* BPF.get_syscall_fnname(name): the kernel function of a system call, "__x64_sys_read". */
static int bpf_get_syscall_fnname(lua_State *L)
{
    drop_self(L);
    luaL_checkstring(L, 1);
    lua_settop(L, 1);
    lua_pushstring(L, lbpf_syscall_prefix());
    lua_insert(L, 1);
    lua_concat(L, 2);
    return 1;
}

/* ---- lists ---------------------------------------------------------------------------------- */

/* Collects names between NULs: a visitor must not raise through core. */
static int collect(void *context, const char *name)
{
    struct lbpf_buffer *names = context;

    lbpf_buffer_append(names, name, strlen(name) + 1);
    return names->failed ? -ENOMEM : 0;
}

static int collect_function(void *context, const struct lbpf_ksym *symbol)
{
    return collect(context, symbol->name);
}

static void push_names(lua_State *L, struct lbpf_buffer *names)
{
    lua_Integer count = 0;
    size_t at = 0;

    lua_newtable(L);
    while (at < names->size) {
        const char *name = names->data + at;

        at += strlen(name) + 1;
        lua_pushstring(L, name);
        lua_rawseti(L, -2, ++count);
    }
    lbpf_buffer_free(names);
}

/* BPF.get_kprobe_functions(re): names that an expression means in attach_kprobe{event_re=}. */
static int bpf_get_kprobe_functions(lua_State *L)
{
    struct lbpf_error error = {0};
    struct lbpf_buffer *names;
    const char *expression;
    int result;

    drop_self(L);
    expression = luaL_checkstring(L, 1);
    names = lbpf_scratch_push(L);
    result = lbpf_kprobe_each_function(expression, false, collect_function, names, &error);
    lbpf_scratch_check(L, names);
    if (result < 0)
        return lbpf_raise(L, &error);
    push_names(L, names);
    return 1;
}

struct tracepoint_search {
    regex_t expression;
    struct lbpf_buffer *names;
};

static int collect_matching(void *context, const char *name)
{
    struct tracepoint_search *search = context;

    return regexec(&search->expression, name, 0, NULL, 0) ? 0 : collect(search->names, name);
}

/* BPF.get_tracepoints(re): "category:event" names that match as a whole. */
static int bpf_get_tracepoints(lua_State *L)
{
    struct lbpf_error error = {0};
    struct tracepoint_search search;
    const char *expression;
    int result;

    drop_self(L);
    expression = luaL_checkstring(L, 1);
    search.names = lbpf_scratch_push(L);
    lua_pushfstring(L, "^(%s)$", expression);
    if (regcomp(&search.expression, lua_tostring(L, -1), REG_EXTENDED | REG_NOSUB))
        return lbpf_misuse(L, "get_tracepoints: '%s' is no regular expression", expression);
    result = lbpf_tracefs_each_event(collect_matching, &search, &error);
    regfree(&search.expression);
    lbpf_scratch_check(L, search.names);
    if (result < 0)
        return lbpf_raise(L, &error);
    push_names(L, search.names);
    return 1;
}

static int bpf_tracepoint_exists(lua_State *L)
{
    drop_self(L);
    lua_pushboolean(L, lbpf_tracefs_has_event(luaL_checkstring(L, 1), luaL_checkstring(L, 2)));
    return 1;
}

/* ---- types ---------------------------------------------------------------------------------- */

/* BPF.kernel_struct_has_field(name, field): 1, 0, or -1 when there is no such struct, as in BCC. */
static int bpf_kernel_struct_has_field(lua_State *L)
{
    drop_self(L);
    lua_pushinteger(L,
                    lbpf_kernel_struct_has_field(luaL_checkstring(L, 1), luaL_checkstring(L, 2)));
    return 1;
}

/* BPF.kernel_enum_has_val(name, enumerator): likewise; the name "" means enums without one. */
static int bpf_kernel_enum_has_val(lua_State *L)
{
    drop_self(L);
    lua_pushinteger(L, lbpf_kernel_enum_has_value(luaL_checkstring(L, 1), luaL_checkstring(L, 2)));
    return 1;
}

void lbpf_symbols_open(lua_State *L, int methods, int statics)
{
    static const luaL_Reg functions[] = {
        {"ksym", bpf_ksym},
        {"ksymname", bpf_ksymname},
        {"get_syscall_prefix", bpf_get_syscall_prefix},
        {"get_syscall_fnname", bpf_get_syscall_fnname},
        {"get_kprobe_functions", bpf_get_kprobe_functions},
        {"get_tracepoints", bpf_get_tracepoints},
        {"tracepoint_exists", bpf_tracepoint_exists},
        {"kernel_struct_has_field", bpf_kernel_struct_has_field},
        {"kernel_enum_has_val", bpf_kernel_enum_has_val},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
    lbpf_class_add(L, statics, functions);
    luaL_newmetatable(L, kallsyms_name);
    lua_pushcfunction(L, kallsyms_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}
