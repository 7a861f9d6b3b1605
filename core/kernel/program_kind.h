/* What kind of program a function is, when the caller does not say it: its section and its name. */
#ifndef LBPF_KERNEL_PROGRAM_KIND_H
#define LBPF_KERNEL_PROGRAM_KIND_H

#include "kernel/object.h"

/*
 * Fills in what options leave open (type 0, expected_attach_type 0, no attach_target), first from
 * the section that the user gave with SEC("…") and libbpf understands, then from the prefixes of
 * BCC (kprobe__, kfunc__MODULE__, lsm__, …). Targets are lent by the program. What neither says
 * stays 0 or NULL.
 */
void lbpf_program_kind(const struct bpf_program *program, struct lbpf_load_options *options);

/* The module that kfunc__MODULE__FUNCTION names. False when it names none: vmlinux stands for the
 * kernel with all its modules, as in BCC. */
bool lbpf_program_module(const char *function, char *module, size_t size);

/* The function's name without such a prefix: what the program is called in the kernel. */
const char *lbpf_program_short_name(const char *function);

#endif
