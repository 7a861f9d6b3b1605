/*
 * USDT objects. What is enabled in one is attached by BPF{usdt_contexts = {u}}; those links are the
 * BPF object's, so that a USDT object may be closed as soon as that is open. How probes print is
 * written in Lua (lua/bpf/usdt.lua).
 */
#include "usdt.h"

#include "args.h"
#include "class.h"
#include "errors.h"
#include "scratch.h"

#include <lauxlib.h>
#include <limits.h>

static const char metatable_name[] = "bpf.USDT";

struct usdt {
    struct lbpf_usdt *usdt; /* NULL: closed */
};

static struct lbpf_usdt *check(lua_State *L)
{
    struct usdt *self = luaL_checkudata(L, 1, metatable_name);

    if (!self->usdt)
        lbpf_misuse(L, "the USDT object is closed");
    return self->usdt;
}

struct lbpf_usdt *lbpf_usdt_test(lua_State *L, int index)
{
    struct usdt *self = luaL_testudata(L, index, metatable_name);

    return self ? self->usdt : NULL;
}

static const char *const constructor_names[] = {"pid", "path", NULL};
static const struct lbpf_options constructor_options = {"USDT", constructor_names};

int lbpf_usdt_new(lua_State *L)
{
    struct lbpf_error error = {0};
    struct usdt *self;
    lua_Integer pid;
    const char *path;

    lbpf_args_collect(L, 1, &constructor_options);
    pid = lbpf_args_integer(L, &constructor_options, "pid", -1);
    path = lbpf_args_string(L, &constructor_options, "path", NULL);
    if (pid < -1 || pid > INT_MAX)
        return lbpf_misuse(L, "USDT: option 'pid' is out of range");
    if (path && !*path)
        path = NULL;
    if (pid <= 0 && !path)
        return lbpf_misuse(L, "USDT: either a pid or a binary path must be specified");
    self = lua_newuserdatauv(L, sizeof *self, 0);
    self->usdt = NULL;
    luaL_setmetatable(L, metatable_name);
    if (lbpf_usdt_open(&self->usdt, (pid_t)pid, path, &error) < 0)
        return lbpf_raise(L, &error);
    return 1;
}

/* Also __gc and __close: silent, and nothing when it is closed. */
static int usdt_close(lua_State *L)
{
    struct usdt *self = luaL_checkudata(L, 1, metatable_name);

    lbpf_usdt_close(self->usdt);
    self->usdt = NULL;
    return 0;
}

static int usdt_tostring(lua_State *L)
{
    struct usdt *self = luaL_checkudata(L, 1, metatable_name);

    if (self->usdt)
        lua_pushfstring(L, "bpf.USDT (%I probes)", (lua_Integer)lbpf_usdt_probe_count(self->usdt));
    else
        lua_pushliteral(L, "bpf.USDT (closed)");
    return 1;
}

static const char *const enable_names[] = {"probe", "fn_name", NULL};
static const struct lbpf_options enable_options = {"enable_probe", enable_names};

static int usdt_enable_probe(lua_State *L)
{
    struct lbpf_usdt *usdt = check(L);
    struct lbpf_error error = {0};
    const char *probe, *function;

    lbpf_args_collect(L, 2, &enable_options);
    probe = lbpf_args_string(L, &enable_options, "probe", NULL);
    function = lbpf_args_string(L, &enable_options, "fn_name", NULL);
    if (!probe || !function)
        return lbpf_misuse(L, "enable_probe: option '%s' is missing", probe ? "fn_name" : "probe");
    if (lbpf_usdt_enable(usdt, probe, function, &error) < 0)
        return lbpf_raise(L, &error);
    return 0;
}

static const char *const ctype_names[] = {"probe_name", "arg_index", NULL};
static const struct lbpf_options ctype_options = {"get_probe_arg_ctype", ctype_names};

/* u:get_probe_arg_ctype(probe, index): index counts from 0, as in BCC; nil when it is not there. */
static int usdt_get_probe_arg_ctype(lua_State *L)
{
    struct lbpf_usdt *usdt = check(L);
    const char *probe, *type = NULL;
    lua_Integer index;

    lbpf_args_collect(L, 2, &ctype_options);
    probe = lbpf_args_string(L, &ctype_options, "probe_name", NULL);
    index = lbpf_args_integer(L, &ctype_options, "arg_index", -1);
    if (!probe)
        return lbpf_misuse(L, "get_probe_arg_ctype: option 'probe_name' is missing");
    if (index >= 0)
        type = lbpf_usdt_argument_ctype(usdt, probe, (size_t)index);
    lua_pushstring(L, type); /* nil for NULL */
    return 1;
}

/* u:get_text(): the C that a program gets before its own text. */
static int usdt_get_text(lua_State *L)
{
    struct lbpf_usdt *usdt = check(L);
    struct lbpf_buffer *text = lbpf_scratch_push(L);
    struct lbpf_error error = {0};

    if (lbpf_usdt_readers(&usdt, 1, text, &error) < 0)
        return lbpf_raise(L, &error);
    lua_pushlstring(L, lbpf_buffer_string(text), text->size);
    return 1;
}

/* ---- what there is --------------------------------------------------------------------------- */

static void set_register(lua_State *L, const char *field, const struct lbpf_usdt_register *from)
{
    if (!from->member)
        return;
    lua_pushstring(L, *from->member ? from->member : "0"); /* a register that is always zero */
    lua_setfield(L, -2, field);
}

static void set_integer(lua_State *L, const char *field, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, field);
}

/* Fields are there when the operand has them, as in BCC. */
static void push_argument(lua_State *L, const struct lbpf_usdt_argument *argument)
{
    lua_createtable(L, 0, 8);
    lua_pushlstring(L, argument->text, argument->text_size);
    lua_setfield(L, -2, "text");
    if (argument->size > 0) {
        set_integer(L, "size", argument->size);
        lua_pushboolean(L, argument->is_signed);
        lua_setfield(L, -2, "signed");
    }
    if (argument->refused[0]) {
        lua_pushstring(L, argument->refused);
        lua_setfield(L, -2, "reason");
        return;
    }
    if (argument->place == LBPF_USDT_CONSTANT)
        set_integer(L, "constant", argument->offset);
    else if (argument->place == LBPF_USDT_MEMORY)
        set_integer(L, "deref_offset", argument->offset);
    else if (argument->place == LBPF_USDT_ADDRESS)
        set_integer(L, "offset", argument->offset);
    if (argument->symbol) {
        lua_pushlstring(L, argument->symbol, argument->symbol_size);
        lua_setfield(L, -2, argument->place == LBPF_USDT_ADDRESS ? "ident" : "deref_ident");
    }
    set_register(L, "base_register_name", &argument->base);
    set_register(L, "index_register_name", &argument->index);
    if (argument->index.member)
        set_integer(L, "scale", argument->scale);
}

static void push_location(lua_State *L, const struct lbpf_usdt *usdt,
                          const struct lbpf_usdt_location *location)
{
    const struct lbpf_usdt_file *file = lbpf_usdt_file_of(usdt, location);
    const char *text = location->arguments;
    struct lbpf_usdt_argument argument;
    lua_Integer count = 0;

    lua_createtable(L, 0, 6);
    lua_pushstring(L, file->path);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "path");
    lua_setfield(L, -2, "bin_path");
    set_integer(L, "address", (lua_Integer)location->address);
    lua_newtable(L);
    while (lbpf_usdt_argument_next(&text, file->machine, &argument)) {
        push_argument(L, &argument);
        lua_rawseti(L, -2, ++count);
    }
    lua_setfield(L, -2, "arguments");
    set_integer(L, "num_arguments", count);
    lua_pushstring(L, location->arguments);
    lua_setfield(L, -2, "text");
}

static void push_probe(lua_State *L, const struct lbpf_usdt *usdt,
                       const struct lbpf_usdt_probe *probe)
{
    lua_createtable(L, 0, 8);
    lua_pushstring(L, probe->provider);
    lua_setfield(L, -2, "provider");
    lua_pushstring(L, probe->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, lbpf_usdt_file_of(usdt, probe->locations)->path);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "path");
    lua_setfield(L, -2, "bin_path");
    set_integer(L, "semaphore", (lua_Integer)probe->semaphore);
    set_integer(L, "num_locations", (lua_Integer)probe->location_count);
    set_integer(L, "num_arguments", (lua_Integer)lbpf_usdt_argument_count(usdt, probe->locations));
    lua_createtable(L, probe->location_count < INT_MAX ? (int)probe->location_count : 0, 0);
    for (size_t i = 0; i < probe->location_count; i++) {
        push_location(L, usdt, &probe->locations[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "locations");
    if (probe->function) {
        lua_pushstring(L, probe->function);
        lua_setfield(L, -2, "fn_name");
    }
}

/* Pushes the function of lua/bpf/usdt.lua that makes lists of probes print. Called from here, so
 * that errors name the script's line and not that file's. */
static void push_dress(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "bpf.usdt");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "dress");
}

static int usdt_enumerate_probes(lua_State *L)
{
    const struct lbpf_usdt *usdt = check(L);

    push_dress(L);
    lua_newtable(L);
    for (size_t i = 0; i < lbpf_usdt_probe_count(usdt); i++) {
        push_probe(L, usdt, lbpf_usdt_probe_at(usdt, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_call(L, 1, 1);
    return 1;
}

/* A place of a probe that is enabled. */
static void push_active(lua_State *L, const struct lbpf_usdt *usdt,
                        const struct lbpf_usdt_probe *probe,
                        const struct lbpf_usdt_location *location)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, lbpf_usdt_file_of(usdt, location)->path);
    lua_setfield(L, -2, "bin_path");
    lua_pushstring(L, probe->function);
    lua_setfield(L, -2, "fn_name");
    set_integer(L, "address", (lua_Integer)location->address);
    if (lbpf_usdt_pid(usdt) > 0)
        set_integer(L, "pid", lbpf_usdt_pid(usdt));
}

static int usdt_enumerate_active_probes(lua_State *L)
{
    const struct lbpf_usdt *usdt = check(L);
    lua_Integer count = 0;

    lua_newtable(L);
    for (size_t i = 0; i < lbpf_usdt_probe_count(usdt); i++) {
        const struct lbpf_usdt_probe *probe = lbpf_usdt_probe_at(usdt, i);

        for (size_t at = 0; probe->function && at < probe->location_count; at++) {
            push_active(L, usdt, probe, &probe->locations[at]);
            lua_rawseti(L, -2, ++count);
        }
    }
    return 1;
}

void lbpf_usdts_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"enable_probe", usdt_enable_probe},
        {"enumerate_active_probes", usdt_enumerate_active_probes},
        {"enumerate_probes", usdt_enumerate_probes},
        {"get_probe_arg_ctype", usdt_get_probe_arg_ctype},
        {"get_text", usdt_get_text},
        {"close", usdt_close},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__gc", usdt_close},
        {"__close", usdt_close},
        {"__tostring", usdt_tostring},
        {NULL, NULL},
    };

    lbpf_class(L, metatable_name, methods, metamethods);
}
