/*
 * What lies in files: libraries by name, and the functions of a program or library.
 */
#include "user_symbols.h"

#include "args.h"
#include "bpf.h"
#include "class.h"
#include "errors.h"
#include "scratch.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <string.h>

/* BPF.find_library(name[, pid]): the path, or nil. */
static int bpf_find_library(lua_State *L)
{
    struct lbpf_library library;
    const char *name;
    pid_t pid;

    if (lua_gettop(L) > 0 && lbpf_bpf_test(L, 1))
        lua_remove(L, 1);
    name = luaL_checkstring(L, 1);
    pid = lbpf_args_pid(L, luaL_optinteger(L, 2, 0));
    if (lbpf_library_open(&library, name, pid, NULL) < 0) {
        lua_pushnil(L);
        return 1;
    }
    lbpf_library_close(&library);
    lua_pushstring(L, library.name);
    return 1;
}

struct function_search {
    struct lbpf_match match;
    struct lbpf_buffer *found; /* an address, a name, its NUL, and again */
};

static int add_function(void *context, const struct lbpf_elf_symbol *symbol)
{
    struct function_search *search = context;

    if (!lbpf_match_name(&search->match, symbol->name))
        return 0;
    lbpf_buffer_append(search->found, &symbol->address, sizeof symbol->address);
    lbpf_buffer_append(search->found, symbol->name, strlen(symbol->name) + 1);
    return search->found->failed ? -ENOMEM : 0;
}

static int search_file(struct function_search *search, const char *name, const char *expression,
                       struct lbpf_error *error)
{
    struct lbpf_binary binary;
    int result = lbpf_match_open(&search->match, expression, "list functions", error);

    if (result < 0)
        return result;
    result = lbpf_binary_open(&binary, name, 0, error);
    if (result == 0) {
        result = lbpf_elf_each_function(&binary.elf, add_function, search);
        lbpf_binary_close(&binary);
    }
    lbpf_match_close(&search->match);
    return result == -ENOMEM ? lbpf_error_no_memory(error, "list functions") : result;
}

/* Pushes the functions of a file whose whole name matches. */
static struct lbpf_buffer *find_functions(lua_State *L)
{
    struct lbpf_error error = {0};
    struct function_search search;
    const char *name, *expression;

    if (lua_gettop(L) > 0 && lbpf_bpf_test(L, 1))
        lua_remove(L, 1);
    name = luaL_checkstring(L, 1);
    expression = luaL_checkstring(L, 2);
    search.found = lbpf_scratch_push(L);
    if (search_file(&search, name, expression, &error) < 0)
        lbpf_raise(L, &error);
    return search.found;
}

enum listing { NAMES, ADDRESSES, PAIRS };

/* A function is listed once, also when both tables of the file have it. */
static int push_functions(lua_State *L, enum listing what)
{
    struct lbpf_buffer *found = find_functions(L);
    lua_Integer count = 0;
    int seen, list;

    lua_newtable(L);
    seen = lua_gettop(L);
    lua_newtable(L);
    list = seen + 1;
    for (size_t at = 0; at < found->size;) {
        const char *name = found->data + at + sizeof(uint64_t);
        uint64_t address;

        memcpy(&address, found->data + at, sizeof address);
        at += sizeof address + strlen(name) + 1;
        if (what == ADDRESSES)
            lua_pushinteger(L, (lua_Integer)address);
        else if (what == NAMES)
            lua_pushstring(L, name);
        else
            lua_pushfstring(L, "%p %s", (void *)(uintptr_t)address, name);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, seen) != LUA_TNIL) {
            lua_settop(L, list);
            continue;
        }
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushboolean(L, 1);
        lua_rawset(L, seen);
        if (what == PAIRS) {
            lua_createtable(L, 2, 0);
            lua_pushstring(L, name);
            lua_rawseti(L, -2, 1);
            lua_pushinteger(L, (lua_Integer)address);
            lua_rawseti(L, -2, 2);
        }
        lua_rawseti(L, list, ++count);
        lua_settop(L, list);
    }
    lbpf_buffer_free(found);
    return 1;
}

/* BPF.get_user_functions(name, re): an array of names. */
static int bpf_get_user_functions(lua_State *L)
{
    return push_functions(L, NAMES);
}

/* BPF.get_user_addresses(name, re): an array of addresses in the file. */
static int bpf_get_user_addresses(lua_State *L)
{
    return push_functions(L, ADDRESSES);
}

/* BPF.get_user_functions_and_addresses(name, re): an array of {name, address}. */
static int bpf_get_user_functions_and_addresses(lua_State *L)
{
    return push_functions(L, PAIRS);
}

void lbpf_user_functions_open(lua_State *L, int methods, int statics)
{
    static const luaL_Reg functions[] = {
        {"find_library", bpf_find_library},
        {"get_user_functions", bpf_get_user_functions},
        {"get_user_addresses", bpf_get_user_addresses},
        {"get_user_functions_and_addresses", bpf_get_user_functions_and_addresses},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
    lbpf_class_add(L, statics, functions);
}
