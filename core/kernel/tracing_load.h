/* Loading the fentry or fexit form of a kprobe program. */
#ifndef LBPF_KERNEL_TRACING_LOAD_H
#define LBPF_KERNEL_TRACING_LOAD_H

#include "base/buffer.h"
#include "kernel/object.h"

struct lbpf_tracing_request {
    const char *function;             /* of the object */
    const struct bpf_program *kprobe; /* the same, as lbpf_object_load gave it */
    const char *target;               /* kernel function */
    bool is_return;
    bool is_forced; /* take it, too, where its meaning differs a little */
};

/* A descriptor of the loaded program, which the caller closes; or -errno, and why appended to
 * reason. What was refused once is refused again without another look, unless it is forced. */
int lbpf_object_load_tracing(struct lbpf_object *object, const struct lbpf_tracing_request *request,
                             struct lbpf_buffer *reason);

/* Whether all that a kprobe program does with its registers is to load arguments. */
bool lbpf_object_reads_only_arguments(const struct lbpf_object *object, const char *function,
                                      const struct bpf_program *kprobe);

#endif
