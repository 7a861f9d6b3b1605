/* Programs that see packets and sockets: at network devices, cgroups, socket maps. */
#include "args.h"
#include "attach.h"
#include "bpf.h"
#include "class.h"
#include "errors.h"
#include "table.h"

#include <lauxlib.h>
#include <limits.h>

static const char *const socket_names[] = {"fn", "dev", "fn_name", NULL};
static const struct lbpf_options socket_options = {"attach_raw_socket", socket_names};
static const char *const detach_socket_names[] = {"dev", NULL};
static const struct lbpf_options detach_socket_options = {"detach_raw_socket", detach_socket_names};
static const char *const xdp_names[] = {"dev", "fn", "flags", "fn_name", NULL};
static const struct lbpf_options xdp_options = {"attach_xdp", xdp_names};
static const char *const remove_xdp_names[] = {"dev", "flags", NULL};
static const struct lbpf_options remove_xdp_options = {"remove_xdp", remove_xdp_names};
static const char *const func_names[] = {"fn", "target", "attach_type", "flags", "fn_name", NULL};
static const struct lbpf_options func_options = {"attach_func", func_names};
static const char *const detach_func_names[] = {"fn", "target", "attach_type", "fn_name", NULL};
static const struct lbpf_options detach_func_options = {"detach_func", detach_func_names};

/* BCC passes what load_func gave; a name does as well, as fn or fn_name. */
static const char *read_function(lua_State *L, const struct lbpf_options *names)
{
    const char *name;

    if (lbpf_args_has(L, "fn_name"))
        return lbpf_args_required(L, names, "fn_name");
    if (lua_getfield(L, -1, "fn") == LUA_TTABLE) {
        lua_getfield(L, -1, "name");
        lua_remove(L, -2);
    }
    if (lua_isnil(L, -1))
        lbpf_misuse(L, "%s: option 'fn_name' is missing", names->function);
    if (lua_type(L, -1) != LUA_TSTRING)
        lbpf_misuse(L, "%s: option 'fn' must be a function that b:load_func gives, or a name",
                    names->function);
    name = lua_tostring(L, -1); /* held by the options, or by the function in them */
    lua_pop(L, 1);
    return name;
}

/* ---- devices -------------------------------------------------------------------------------- */

/* As in BCC, the function that load_func gave gets the descriptor, as fn.sock. */
static int bpf_attach_raw_socket(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_device_options options = {0};
    struct lbpf_error error = {0};
    struct lbpf_link *link = NULL;
    int result;

    lbpf_args_collect(L, 2, &socket_options);
    options.function = read_function(L, &socket_options);
    options.device = lbpf_args_string(L, &socket_options, "dev", "");
    result = lbpf_session_attach_raw_socket(bpf->session, &options, &link, &error);
    if (result == 0 && lua_getfield(L, -1, "fn") == LUA_TTABLE) {
        lua_pushinteger(L, lbpf_link_fd(link));
        lua_setfield(L, -2, "sock");
    }
    return lbpf_attach_give_link(L, bpf, result, link, &error);
}

static int bpf_detach_raw_socket(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_error error = {0};
    const char *device;

    lbpf_args_collect(L, 2, &detach_socket_options);
    device = lbpf_args_string(L, &detach_socket_options, "dev", "");
    return lbpf_attach_give_detached(
        L, lbpf_session_detach(bpf->session, LBPF_LINK_RAW_SOCKET, device, NULL, &error), &error);
}

static uint32_t read_flags(lua_State *L, const struct lbpf_options *names)
{
    return (uint32_t)lbpf_args_in_range(L, names, "flags", 0, 0, UINT32_MAX);
}

static int bpf_attach_xdp(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_device_options options = {0};
    struct lbpf_error error = {0};
    struct lbpf_link *link = NULL;
    int result;

    lbpf_args_collect(L, 2, &xdp_options);
    options.device = lbpf_args_required(L, &xdp_options, "dev");
    options.function = read_function(L, &xdp_options);
    options.flags = read_flags(L, &xdp_options);
    result = lbpf_session_attach_xdp(bpf->session, &options, &link, &error);
    return lbpf_attach_give_link(L, bpf, result, link, &error);
}

/* The object's own program, else one that somebody left there. */
static int bpf_remove_xdp(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_device_options options = {0};
    struct lbpf_error error = {0};
    int result;

    lbpf_args_collect(L, 2, &remove_xdp_options);
    options.device = lbpf_args_required(L, &remove_xdp_options, "dev");
    options.flags = read_flags(L, &remove_xdp_options);
    result = lbpf_session_detach(bpf->session, LBPF_LINK_XDP, options.device, NULL, NULL);
    if (result <= 0)
        result = lbpf_remove_xdp(&options, &error) < 0 ? -1 : 1;
    return lbpf_attach_give_detached(L, result, &error);
}

/* BPF.remove_xdp, for what no object of this process has there. */
static int static_remove_xdp(lua_State *L)
{
    struct lbpf_device_options options = {0};
    struct lbpf_error error = {0};
    int result;

    lbpf_args_collect(L, 1, &remove_xdp_options);
    options.device = lbpf_args_required(L, &remove_xdp_options, "dev");
    options.flags = read_flags(L, &remove_xdp_options);
    result = lbpf_remove_xdp(&options, &error) < 0 ? -1 : 1;
    return lbpf_attach_give_detached(L, result, &error);
}

/* ---- cgroups, socket maps, … ---------------------------------------------------------------- */

static void read_target(lua_State *L, const struct lbpf_options *names,
                        struct lbpf_descriptor_options *options)
{
    const struct lbpf_table *table;

    options->fd = -1;
    lua_getfield(L, -1, "target");
    table = lbpf_table_test(L, -1);
    if (table) {
        options->fd = lbpf_table_check(L, -1)->map->fd;
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        options->path = lua_tostring(L, -1); /* held by the options */
    } else if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 0 &&
               lua_tointeger(L, -1) <= INT_MAX) {
        options->fd = (int)lua_tointeger(L, -1);
    } else {
        lbpf_misuse(L,
                    "%s: option 'target' must be a path (of a cgroup), a table (of sockets) or "
                    "a file descriptor",
                    names->function);
    }
    lua_pop(L, 1);
    options->attach_type = (int)lbpf_args_in_range(L, names, "attach_type", -1, -1, 1000);
}

static int bpf_attach_func(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_descriptor_options options = {0};
    struct lbpf_error error = {0};
    struct lbpf_link *link = NULL;
    int result;

    lbpf_args_collect(L, 2, &func_options);
    options.function = read_function(L, &func_options);
    read_target(L, &func_options, &options);
    options.flags = read_flags(L, &func_options);
    result = lbpf_session_attach_descriptor(bpf->session, &options, &link, &error);
    return lbpf_attach_give_link(L, bpf, result, link, &error);
}

static int bpf_detach_func(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_descriptor_options options = {0};
    char target[LBPF_DESCRIPTOR_TARGET_SIZE];
    struct lbpf_error error = {0};
    int result;

    lbpf_args_collect(L, 2, &detach_func_options);
    options.function = read_function(L, &detach_func_options);
    read_target(L, &detach_func_options, &options);
    result = lbpf_descriptor_target(lbpf_session_object(bpf->session), &options, target,
                                    sizeof target, &error);
    if (result >= 0)
        result = lbpf_session_detach(bpf->session, LBPF_LINK_DESCRIPTOR, target, options.function,
                                     &error);
    return lbpf_attach_give_detached(L, result, &error);
}

void lbpf_attach_net_methods(lua_State *L, int methods, int statics)
{
    static const luaL_Reg functions[] = {
        {"attach_raw_socket", bpf_attach_raw_socket},
        {"detach_raw_socket", bpf_detach_raw_socket},
        {"attach_xdp", bpf_attach_xdp},
        {"remove_xdp", bpf_remove_xdp},
        {"attach_func", bpf_attach_func},
        {"detach_func", bpf_detach_func},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
    lua_pushcfunction(L, static_remove_xdp);
    lua_setfield(L, statics, "remove_xdp");
}
