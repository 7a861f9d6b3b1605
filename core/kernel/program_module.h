#ifndef LBPF_KERNEL_PROGRAM_MODULE_H
#define LBPF_KERNEL_PROGRAM_MODULE_H

#include "base/error.h"

/* Refuses (ENOENT) a loaded program kfunc__MODULE__… whose function was found elsewhere than in
 * that module. target: the function that it was loaded for. */
int lbpf_program_check_module(int program_fd, const char *function, const char *target,
                              struct lbpf_error *error);

/* A descriptor of a loaded module's BTF, which the caller closes; or -errno. */
int lbpf_module_types_open(const char *module);

#endif
