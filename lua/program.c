/* Functions of the program as such: listing them, and loading one without attaching it. */
#include "bpf.h"

#include "args.h"
#include "errors.h"

#include <lauxlib.h>

static const char *const load_names[] = {"fn_name", "prog_type", "attach_type", NULL};
static const struct lbpf_options load_options = {"load_func", load_names};

/* b:load_func(fn_name, prog_type[, {attach_type=}]): {name=, fd=}; the object keeps the program. */
static int bpf_load_func(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_load_options options = {0};
    struct lbpf_error error = {0};
    struct bpf_program *program;
    const char *name;
    lua_Integer type;
    int result;

    lbpf_args_collect(L, 2, &load_options);
    name = lbpf_args_string(L, &load_options, "fn_name", NULL);
    type = lbpf_args_integer(L, &load_options, "prog_type", -1);
    if (!name || type < 0 || type > 1000)
        return lbpf_misuse(L, "load_func: a function's name and a program type (BPF.KPROBE, …) are "
                              "needed");
    options.type = (enum bpf_prog_type)type;
    options.expected_attach_type =
        (enum bpf_attach_type)lbpf_args_integer(L, &load_options, "attach_type", 0);
    result = lbpf_object_load(lbpf_session_object(bpf->session), name, &options, &program, &error);
    if (result < 0)
        return lbpf_raise(L, &error);
    lbpf_bpf_print_load_log(bpf);
    lua_createtable(L, 0, 2);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "name");
    lua_pushinteger(L, lbpf_program_fd(program));
    lua_setfield(L, -2, "fd");
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
        {"functions", bpf_functions},
        {NULL, NULL},
    };

    lua_pushvalue(L, methods);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
