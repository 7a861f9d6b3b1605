/* Functions of the program as such: listing them, and loading one without attaching it. */
#include "bpf.h"

#include "args.h"
#include "class.h"
#include "errors.h"

#include <lauxlib.h>

static const char *const load_names[] = {"fn_name", "prog_type", "attach_type", "device", NULL};
static const struct lbpf_options load_options = {"load_func", load_names};

static const char *const load_all_names[] = {"prog_type", "attach_type", "device", NULL};
static const struct lbpf_options load_all_options = {"load_funcs", load_all_names};

/* The options prog_type and attach_type, which the load completes from section and name; device. */
static struct lbpf_load_options load_options_of(lua_State *L, const struct lbpf_options *names)
{
    struct lbpf_load_options options = {0};
    lua_Integer type = lbpf_args_integer(L, names, "prog_type", 0);
    lua_Integer attach_type = lbpf_args_integer(L, names, "attach_type", 0);

    if (type < 0 || type > 1000)
        lbpf_misuse(L, "%s: prog_type is no program type such as BPF.KPROBE", names->function);
    if (attach_type < 0 || attach_type > 1000)
        lbpf_misuse(L, "%s: attach_type is no attach type such as BPF.CGROUP_GETSOCKOPT",
                    names->function);
    options.type = (enum bpf_prog_type)type;
    options.expected_attach_type = (enum bpf_attach_type)attach_type;
    options.device = lbpf_args_device(L, names, "device");
    return options;
}

/* Loads the function and pushes {name=, fd=, bpf=}. The object is the one at 1. */
static void load(lua_State *L, struct lbpf_bpf *bpf, const char *name,
                 const struct lbpf_load_options *options)
{
    struct lbpf_error error = {0};
    struct bpf_program *program;

    if (lbpf_object_load(lbpf_session_object(bpf->session), name, options, &program, &error) < 0)
        lbpf_raise(L, &error);
    lbpf_bpf_print_load_log(bpf);
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "bpf");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "name");
    lua_pushinteger(L, lbpf_program_fd(program));
    lua_setfield(L, -2, "fd");
}

/* b:load_func(fn_name[, prog_type[, {attach_type=, device=}]]): {name=, fd=, bpf=}; the object
 * keeps the program. */
static int bpf_load_func(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_load_options options;
    const char *name;

    lbpf_args_collect(L, 2, &load_options);
    name = lbpf_args_string(L, &load_options, "fn_name", NULL);
    if (!name)
        return lbpf_misuse(L, "load_func: a function's name is needed");
    options = load_options_of(L, &load_options);
    load(L, bpf, name, &options);
    return 1;
}

/* b:load_funcs([prog_type[, {attach_type=, device=}]]): what load_func gives, for every function.
 */
static int bpf_load_funcs(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_object *object = lbpf_session_object(bpf->session);
    struct lbpf_load_options options;

    lbpf_args_collect(L, 2, &load_all_options);
    options = load_options_of(L, &load_all_options);
    lua_createtable(L, (int)lbpf_object_function_count(object), 0);
    for (size_t i = 0; i < lbpf_object_function_count(object); i++) {
        load(L, bpf, lbpf_object_function_at(object, i), &options);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* b:functions(): names of the functions that can be attached, in the order of the text. */
static int bpf_functions(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_object *object = lbpf_session_object(bpf->session);
    size_t count = lbpf_object_function_count(object);

    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushstring(L, lbpf_object_function_at(object, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

void lbpf_program_methods(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"load_func", bpf_load_func},
        {"load_funcs", bpf_load_funcs},
        {"functions", bpf_functions},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
}
