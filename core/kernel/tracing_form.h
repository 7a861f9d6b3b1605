/* A program written for a kprobe, as one for fentry or fexit. */
#ifndef LBPF_KERNEL_TRACING_FORM_H
#define LBPF_KERNEL_TRACING_FORM_H

#include "compile/kernel_function.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Rewrites the count instructions in place for the kernel function that is traced: NULL, or why it
 * can't be done (static), when they are left half done. They must be those of a kprobe program that
 * the verifier has accepted; functions that it calls are not part of them. Without a target nothing
 * is rewritten: NULL says that of its context the program uses nothing but arguments.
 */
const char *lbpf_tracing_form(struct bpf_insn *instructions, size_t count,
                              const struct lbpf_kernel_function *target, bool is_return);

#endif
