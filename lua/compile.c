#include "compile.h"

#include "args.h"
#include "errors.h"
#include "scratch.h"
#include "source.h"

#include <lauxlib.h>

static const char *const names[] = {"text", "src_file", "cflags",  "portable",
                                    "arch", "cache",    "headers", NULL};
static const struct lbpf_options compile_options = {"compile", names};

int lbpf_compile_object(lua_State *L)
{
    struct lbpf_error error = {0};
    struct lbpf_source source = {0};
    struct lbpf_buffer *object, *notes;

    lbpf_args_collect(L, 1, &compile_options);
    if (lbpf_args_has(L, "text") + lbpf_args_has(L, "src_file") != 1)
        lbpf_misuse(L, "compile: exactly one of 'text' and 'src_file' has to be given");
    source.portable = lbpf_args_boolean(L, &compile_options, "portable");
    source.architecture = lbpf_args_string(L, &compile_options, "arch", NULL);
    source.no_cache = lbpf_args_has(L, "cache") && !lbpf_args_boolean(L, &compile_options, "cache");
    lbpf_source_from_options(L, &compile_options, &source);
    object = lbpf_scratch_push(L);
    notes = lbpf_scratch_push(L);
    source.notes = notes;
    if (lbpf_compile(&source, object, NULL, &error))
        return lbpf_raise(L, &error);
    lua_pushlstring(L, lbpf_buffer_string(object), object->size);
    lbpf_buffer_free(object);
    lua_pushlstring(L, lbpf_buffer_string(notes), notes->size);
    lbpf_buffer_free(notes);
    return 2;
}
