#include "args.h"

#include "errors.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>

static bool is_known(const struct lbpf_options *options, const char *name)
{
    for (const char *const *known = options->names; *known; known++)
        if (!strcmp(*known, name))
            return true;
    return false;
}

static int unknown_option(lua_State *L, const struct lbpf_options *options, const char *name)
{
    struct lbpf_nearest nearest;
    const char *best;
    luaL_Buffer all;

    lbpf_nearest_start(&nearest, name);
    for (const char *const *known = options->names; *known; known++)
        lbpf_nearest_offer(&nearest, *known);
    best = lbpf_nearest_name(&nearest);
    if (best)
        return lbpf_misuse(L, "%s: unknown option '%s'; did you mean '%s'?", options->function,
                           name, best);
    luaL_buffinit(L, &all);
    for (const char *const *known = options->names; *known; known++) {
        luaL_addstring(&all, known == options->names ? "" : ", ");
        luaL_addstring(&all, *known);
    }
    luaL_pushresult(&all);
    return lbpf_misuse(L, "%s: unknown option '%s'; it takes %s", options->function, name,
                       lua_tostring(L, -1));
}

/* Checks the names in the table at index and copies them into the one on top of the stack. */
static void merge(lua_State *L, int index, const struct lbpf_options *options)
{
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            lbpf_misuse(L, "%s: options are named, as in %s{%s = …}", options->function,
                        options->function, options->names[0]);
        if (!is_known(options, lua_tostring(L, -2)))
            unknown_option(L, options, lua_tostring(L, -2));
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_settable(L, -4);
    }
}

void lbpf_args_collect(lua_State *L, int first, const struct lbpf_options *options)
{
    int top = lua_gettop(L), last = top;

    lua_createtable(L, 0, 4);
    if (top >= first && lua_type(L, top) == LUA_TTABLE)
        last = top - 1;
    for (int i = first; i <= last; i++) {
        const char *name = NULL;

        for (int n = 0; n <= i - first && (name = options->names[n]) != NULL; n++)
            ;
        if (!name)
            lbpf_misuse(L, "%s takes at most %d arguments", options->function, i - first);
        lua_pushvalue(L, i);
        lua_setfield(L, -2, name);
    }
    if (last < top)
        merge(L, top, options);
    if (first <= top)
        lua_replace(L, first);
    lua_settop(L, first);
}

static int wrong_type(lua_State *L, const struct lbpf_options *options, const char *name,
                      const char *expected)
{
    return lbpf_misuse(L, "%s: option '%s' must be %s, not %s", options->function, name, expected,
                       luaL_typename(L, -1));
}

const char *lbpf_args_string(lua_State *L, const struct lbpf_options *options, const char *name,
                             const char *fallback)
{
    const char *text = fallback;
    size_t size;

    lua_getfield(L, -1, name);
    if (lua_type(L, -1) == LUA_TSTRING) {
        text = lua_tolstring(L, -1, &size); /* the table still holds it after the pop */
        if (strlen(text) != size)
            lbpf_misuse(L, "%s: option '%s' contains a NUL byte", options->function, name);
    } else if (!lua_isnil(L, -1)) {
        wrong_type(L, options, name, "a string");
    }
    lua_pop(L, 1);
    return text;
}

const char *lbpf_args_required(lua_State *L, const struct lbpf_options *options, const char *name)
{
    const char *text = lbpf_args_string(L, options, name, NULL);

    if (!text || !*text)
        lbpf_misuse(L, "%s: option '%s' is missing", options->function, name);
    return text;
}

lua_Integer lbpf_args_integer(lua_State *L, const struct lbpf_options *options, const char *name,
                              lua_Integer fallback)
{
    lua_Integer value = fallback;
    int is_integer;

    lua_getfield(L, -1, name);
    if (!lua_isnil(L, -1)) {
        value = lua_tointegerx(L, -1, &is_integer);
        if (!is_integer || lua_type(L, -1) != LUA_TNUMBER)
            wrong_type(L, options, name, "an integer");
    }
    lua_pop(L, 1);
    return value;
}

lua_Integer lbpf_args_in_range(lua_State *L, const struct lbpf_options *options, const char *name,
                               lua_Integer fallback, lua_Integer low, lua_Integer high)
{
    lua_Integer value = lbpf_args_integer(L, options, name, fallback);

    if (value < low || value > high)
        lbpf_misuse(L, "%s: option '%s' is out of range", options->function, name);
    return value;
}

unsigned lbpf_args_device(lua_State *L, const struct lbpf_options *options, const char *name)
{
    const char *device = lbpf_args_string(L, options, name, NULL);
    struct lbpf_error error = {0};
    unsigned index;

    if (!device || !*device)
        return 0;
    index = if_nametoindex(device);
    if (!index) {
        lbpf_error_set(&error, errno, "open", "There is no network device %.64s", device);
        lbpf_error_hint(&error, "`ip link` lists those that there are");
        lbpf_raise(L, &error);
    }
    return index;
}

bool lbpf_args_boolean(lua_State *L, const struct lbpf_options *options, const char *name)
{
    bool value;

    lua_getfield(L, -1, name);
    if (!lua_isnil(L, -1) && !lua_isboolean(L, -1))
        wrong_type(L, options, name, "true or false");
    value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

void lbpf_args_push_function(lua_State *L, const struct lbpf_options *options, const char *name)
{
    lua_getfield(L, -1, name);
    if (lua_isnil(L, -1) || lua_isfunction(L, -1))
        return;
    if (!luaL_getmetafield(L, -1, "__call"))
        wrong_type(L, options, name, "a function");
    lua_pop(L, 1);
}

bool lbpf_args_has(lua_State *L, const char *name)
{
    bool has = lua_getfield(L, -1, name) != LUA_TNIL;

    lua_pop(L, 1);
    return has;
}

static void offer_keys(lua_State *L, int index, struct lbpf_nearest *nearest)
{
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING)
            lbpf_nearest_offer(nearest, lua_tostring(L, -1));
    }
}

int lbpf_args_unknown(lua_State *L, const char *text, const char *wanted, int candidates,
                      int more_candidates)
{
    struct lbpf_nearest nearest;
    const char *best;

    lbpf_nearest_start(&nearest, wanted);
    if (candidates)
        offer_keys(L, candidates, &nearest);
    if (more_candidates)
        offer_keys(L, more_candidates, &nearest);
    best = lbpf_nearest_name(&nearest);
    if (best)
        return lbpf_misuse(L, "%s '%s'; did you mean '%s'?", text, wanted, best);
    return lbpf_misuse(L, "%s '%s'", text, wanted);
}

int lbpf_args_timeout(lua_State *L, int index)
{
    lua_Number timeout = luaL_optnumber(L, index, -1);

    if (timeout < 0)
        return -1;
    if (timeout > INT_MAX)
        return INT_MAX;
    return timeout > 0 && timeout < 1 ? 1 : (int)timeout;
}

pid_t lbpf_args_pid(lua_State *L, lua_Integer pid)
{
    if (pid > INT_MAX || pid < INT_MIN)
        lbpf_misuse(L, "there is no process %lld", (long long)pid);
    return (pid_t)pid;
}
