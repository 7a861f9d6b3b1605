/* What this machine offers to a tracing script: features of the kernel, its functions, the compiler
 * and the cache of compiled programs. */
#include "machine.h"

#include "bpf.h"
#include "class.h"
#include "errors.h"
#include "scratch.h"

#include <lauxlib.h>
#include <string.h>
#include <time.h>

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

/* core.toolchain(): {clang=, plugin=, folder=}. What is missing is raised. */
static int core_toolchain(lua_State *L)
{
    struct lbpf_toolchain *toolchain = lbpf_scratch_push_bytes(L, sizeof *toolchain);
    struct lbpf_error error = {0};

    if (lbpf_toolchain_find(toolchain, &error))
        return lbpf_raise(L, &error);
    lua_createtable(L, 0, 3);
    lua_pushstring(L, toolchain->clang);
    lua_setfield(L, -2, "clang");
    lua_pushstring(L, toolchain->plugin);
    lua_setfield(L, -2, "plugin");
    lua_pushstring(L, toolchain->folder);
    lua_setfield(L, -2, "folder");
    return 1;
}

/* core.permission(): why the kernel may refuse tracing to this process; nil when nothing is known.
 */
static int core_permission(lua_State *L)
{
    char text[512];

    lbpf_explain_permission(text, sizeof text);
    if (text[0])
        lua_pushstring(L, text);
    else
        lua_pushnil(L);
    return 1;
}

/* Three strings with their NULs for each function. */
static int collect_function(void *context, const struct lbpf_kernel_function *function)
{
    struct lbpf_buffer *list = context;

    lbpf_buffer_append(list, function->name, strlen(function->name) + 1);
    lbpf_buffer_append(list, function->module, strlen(function->module) + 1);
    lbpf_buffer_append(list, function->declaration, strlen(function->declaration) + 1);
    return 0;
}

/* core.kernel_functions(kind[, expression]): an array of {name=, module=, declaration=}. */
static int core_kernel_functions(lua_State *L)
{
    static const char *const kinds[] = {
        [LBPF_KERNEL_FUNCTION] = "function",
        [LBPF_KERNEL_LSM_HOOK] = "lsm",
        [LBPF_KERNEL_ITERATOR] = "iterator",
        [LBPF_KERNEL_RAW_TRACEPOINT] = "raw_tracepoint",
        NULL,
    };
    static const char *const fields[] = {"name", "module", "declaration"};
    int kind = luaL_checkoption(L, 1, NULL, kinds);
    const char *expression = luaL_optstring(L, 2, NULL);
    struct lbpf_buffer *list = lbpf_scratch_push(L);
    struct lbpf_error error = {0};
    lua_Integer count = 0;

    if (lbpf_kernel_functions((enum lbpf_kernel_function_kind)kind, expression, collect_function,
                              list, &error))
        return lbpf_raise(L, &error);
    lbpf_scratch_check(L, list);
    lua_newtable(L);
    for (size_t at = 0; at < list->size;) {
        lua_createtable(L, 0, 3);
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
            lua_pushstring(L, list->data + at);
            lua_setfield(L, -2, fields[i]);
            at += strlen(list->data + at) + 1;
        }
        lua_rawseti(L, -2, ++count);
    }
    lbpf_buffer_free(list);
    return 1;
}

/* core.monotonic_time(): nanoseconds on the clock of bpf_ktime_get_ns(). */
static int core_monotonic_time(lua_State *L)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    lua_pushinteger(L, (lua_Integer)now.tv_sec * 1000000000 + now.tv_nsec);
    return 1;
}

void lbpf_machine_functions(lua_State *L, int module)
{
    static const luaL_Reg functions[] = {
        {"cache", core_cache},
        {"clear_cache", core_clear_cache},
        {"features", core_features},
        {"kernel_functions", core_kernel_functions},
        {"monotonic_time", core_monotonic_time},
        {"permission", core_permission},
        {"toolchain", core_toolchain},
        {NULL, NULL},
    };

    lbpf_class_add(L, module, functions);
}
