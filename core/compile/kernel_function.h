/* What the kernel's types say of one of its functions. */
#ifndef LBPF_COMPILE_KERNEL_FUNCTION_H
#define LBPF_COMPILE_KERNEL_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

enum { LBPF_KERNEL_ARGUMENTS = 8, LBPF_MODULE_NAME_SIZE = 64 };

struct lbpf_kernel_function {
    uint32_t id;                        /* in the BTF of its module */
    char module[LBPF_MODULE_NAME_SIZE]; /* "" for the kernel proper */
    unsigned argument_count;
    uint8_t argument_sizes[LBPF_KERNEL_ARGUMENTS]; /* bytes */
    bool has_result;
};

/*
 * 0, or: -ENODATA the kernel has no BTF; -ENOENT no such function in it (modules are not looked
 * at); -ENOTUNIQ several; -EOPNOTSUPP it takes or gives something that is no number or pointer, or
 * more arguments than fit. Other codes are of reading.
 */
int lbpf_kernel_function_find(const char *name, struct lbpf_kernel_function *function);

/*
 * The same for a module's function, "function" or "module:function". It has to be the only one of
 * its name: kernels before 6.3 would attach to the first.
 */
int lbpf_module_function_find(const char *name, struct lbpf_kernel_function *function);

#endif
