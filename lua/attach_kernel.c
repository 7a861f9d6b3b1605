/* Programs at kernel functions and security hooks that they name themselves: attach_kfunc and so
 * on. All of them take a function's name and nothing else. */
#include "args.h"
#include "attach.h"
#include "bpf.h"
#include "class.h"

#include <lauxlib.h>

static const char *const names[] = {"fn_name", NULL};

static int attach(lua_State *L, enum lbpf_trampoline kind, const char *method)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    const struct lbpf_options accepted = {method, names};
    struct lbpf_trampoline_options options = {.kind = kind};
    struct lbpf_error error = {0};
    struct lbpf_link *link = NULL;
    int result;

    lbpf_args_collect(L, 2, &accepted);
    options.function = lbpf_args_required(L, &accepted, "fn_name");
    result = lbpf_session_attach_trampoline(bpf->session, &options, &link, &error);
    return lbpf_attach_give_link(L, bpf, result, link, &error);
}

static int detach(lua_State *L, enum lbpf_trampoline kind, const char *method)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    const struct lbpf_options accepted = {method, names};
    struct lbpf_trampoline_options options = {.kind = kind};
    struct lbpf_error error = {0};
    char whole[512];
    const char *name;

    lbpf_args_collect(L, 2, &accepted);
    options.function = lbpf_args_required(L, &accepted, "fn_name");
    name =
        lbpf_trampoline_function(lbpf_session_object(bpf->session), &options, whole, sizeof whole);
    return lbpf_attach_give_detached(
        L, lbpf_session_detach(bpf->session, lbpf_trampoline_family(kind), name, NULL, &error),
        &error);
}

static int bpf_attach_kfunc(lua_State *L)
{
    return attach(L, LBPF_TRAMPOLINE_FENTRY, "attach_kfunc");
}

static int bpf_attach_kretfunc(lua_State *L)
{
    return attach(L, LBPF_TRAMPOLINE_FEXIT, "attach_kretfunc");
}

static int bpf_attach_fmod_ret(lua_State *L)
{
    return attach(L, LBPF_TRAMPOLINE_FMOD_RET, "attach_fmod_ret");
}

static int bpf_attach_lsm(lua_State *L)
{
    return attach(L, LBPF_TRAMPOLINE_LSM, "attach_lsm");
}

static int bpf_detach_kfunc(lua_State *L)
{
    return detach(L, LBPF_TRAMPOLINE_FENTRY, "detach_kfunc");
}

static int bpf_detach_kretfunc(lua_State *L)
{
    return detach(L, LBPF_TRAMPOLINE_FEXIT, "detach_kretfunc");
}

static int bpf_detach_fmod_ret(lua_State *L)
{
    return detach(L, LBPF_TRAMPOLINE_FMOD_RET, "detach_fmod_ret");
}

static int bpf_detach_lsm(lua_State *L)
{
    return detach(L, LBPF_TRAMPOLINE_LSM, "detach_lsm");
}

void lbpf_attach_kernel_methods(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"attach_kfunc", bpf_attach_kfunc},
        {"attach_kretfunc", bpf_attach_kretfunc},
        {"attach_fmod_ret", bpf_attach_fmod_ret},
        {"attach_lsm", bpf_attach_lsm},
        {"detach_kfunc", bpf_detach_kfunc},
        {"detach_kretfunc", bpf_detach_kretfunc},
        {"detach_fmod_ret", bpf_detach_fmod_ret},
        {"detach_lsm", bpf_detach_lsm},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
}
