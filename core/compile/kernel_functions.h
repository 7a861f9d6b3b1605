/*
 * The functions that the running kernel and its modules describe in BTF: what fentry programs, LSM
 * programs, iterators and typed raw tracepoints can name. For listings.
 */
#ifndef LBPF_COMPILE_KERNEL_FUNCTIONS_H
#define LBPF_COMPILE_KERNEL_FUNCTIONS_H

#include "base/error.h"

enum lbpf_kernel_function_kind {
    LBPF_KERNEL_FUNCTION,       /* every function */
    LBPF_KERNEL_LSM_HOOK,       /* bpf_lsm_NAME */
    LBPF_KERNEL_ITERATOR,       /* bpf_iter_NAME */
    LBPF_KERNEL_RAW_TRACEPOINT, /* btf_trace_NAME, whose first parameter is not the user's */
};

struct lbpf_kernel_function {
    const char *name;        /* without the prefix of its kind */
    const char *module;      /* "vmlinux", or a module's name */
    const char *declaration; /* "int vfs_open(const struct path *path, struct file *file)" */
};

/*
 * Calls visit for each function of the kind whose whole name matches the POSIX extended expression
 * (NULL: each), in the order of BTF, until it returns non-zero, which is returned. The function is
 * lent for the visit. EINVAL: what is wrong with the expression; ENODATA: no BTF.
 */
int lbpf_kernel_functions(enum lbpf_kernel_function_kind kind, const char *expression,
                          int (*visit)(void *context, const struct lbpf_kernel_function *function),
                          void *context, struct lbpf_error *error);

#endif
