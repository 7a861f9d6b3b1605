/*
 * Program text to BPF object. clang runs as a child process with our pass plugin; LLVM never enters
 * the tracing process. Results are kept in the cache (cache.h), so a second start runs no compiler.
 */
#ifndef LBPF_COMPILE_COMPILE_H
#define LBPF_COMPILE_COMPILE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/* What BPF{debug=} asks for; values are BCC's. */
enum {
    LBPF_DEBUG_LLVM_IR = 0x1,
    LBPF_DEBUG_BPF = 0x2,
    LBPF_DEBUG_PREPROCESSOR = 0x4,
    LBPF_DEBUG_SOURCE = 0x8,
    LBPF_DEBUG_BPF_REGISTER_STATE = 0x10,
    LBPF_DEBUG_BTF = 0x20,
};

struct lbpf_source {
    const char *text; /* C source, not necessarily NUL-terminated */
    size_t size;
    const char
        *file_name; /* what diagnostics call it, e.g. "opensnoop.lua"; no '/' at its start needed */
    unsigned first_line; /* line of file_name where text starts; 1 when it is a file of its own.
                          * The compiler sees the text after first_line - 1 empty lines, so every
                          * line number it prints is the user's own */
    const char *const *cflags; /* extra clang arguments, appended after ours */
    size_t cflag_count;
    const char *readers; /* C that comes before the text: lbpf_usdt_readers(); NULL or "": none */
    unsigned debug;      /* LBPF_DEBUG_* that concern the compiler: their text goes to `dump` */
    bool no_cache;
    bool perf_output;    /* perf outputs are perf event arrays, also where they could be rings */
    bool portable;       /* the object is for other kernels, too: portable.h */
    const char *headers; /* folder of kernel headers that types come from, "" for those of the
                          * running kernel: kernel_headers.h; NULL: types come from BTF */
    const char *architecture;  /* to compile for, or NULL; another than ours makes it portable */
    struct lbpf_buffer *notes; /* receives what ties a portable object to this kernel, or NULL */
    pid_t *compiler; /* receives the process id of a clang that has done its work and is on its way
                      * out, for lbpf_compile_reap(), or 0; NULL: lbpf_compile waits for it */
};

/*
 * Compiles source and appends the ELF object to object. dump may be NULL; else it receives what
 * source->debug asked for and, with any flag set, the compiler's warnings.
 *
 * Errors (op "compile"): EINVAL with where = first error's file:line, message = clang's own first
 * error line, log = all of clang's text; ENOENT when clang or the plugin is missing, with the
 * package to install; ENODATA when the kernel has no BTF; the child's signal as ECHILD; ETIMEDOUT
 * and ENOMEM when clang needs more than 120 seconds or 4096 MB ($LUABPF_CLANG_SECONDS and
 * $LUABPF_CLANG_MEGABYTES set other limits). An
 * unwritable or full cache is no error: the program is compiled and used without being kept.
 */
int lbpf_compile(const struct lbpf_source *source, struct lbpf_buffer *object,
                 struct lbpf_buffer *dump, struct lbpf_error *error);

/* Waits until such a clang is gone; 0 is allowed. */
void lbpf_compile_reap(pid_t compiler);

/* Folder that holds the plugin (lower.so) and the prelude (include/), found beside the module that
 * holds this code, so that build tree and installation work alike. Written into path. */
int lbpf_compile_folder(char *path, size_t size, struct lbpf_error *error);

#endif
