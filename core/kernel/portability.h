/* Whether an object that was compiled elsewhere means the same here. */
#ifndef LBPF_KERNEL_PORTABILITY_H
#define LBPF_KERNEL_PORTABILITY_H

#include "base/error.h"
#include "kernel/object.h"

/* Compares what the object says of its machine and of its kernel with these. EINVAL names the
 * first difference, with the line of the program that it is about; the error's log has all. */
int lbpf_portability_check(const struct lbpf_object *object, struct lbpf_error *error);

#endif
