/* What a program is called inside the kernel. */
#ifndef LBPF_KERNEL_PROGRAM_NAME_H
#define LBPF_KERNEL_PROGRAM_NAME_H

#include "kernel/object_private.h"

struct lbpf_short_name {
    void *place; /* of the name's number in the object's bytes, or NULL */
    uint32_t original;
};

/*
 * As in BCC, kprobe__do_unlinkat is do_unlinkat in the kernel, which shows only 15 bytes of it.
 * libbpf takes a program's name from its symbol; so, until restored, the symbol's name starts
 * behind the prefix. An object without such a symbol stays as it is.
 */
void lbpf_program_name_shorten(struct lbpf_short_name *name, const struct lbpf_object *object,
                               const struct lbpf_function *function);
void lbpf_program_name_restore(struct lbpf_short_name *name);

#endif
