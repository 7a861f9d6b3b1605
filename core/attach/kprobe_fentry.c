/*
 * The cheapest probe of one kernel function: its first instruction, a no-op for just this, becomes
 * a call that leads to the program. No trap, no saved registers; and a return is never missed.
 */
#include "attach/kprobe_private.h"
#include "kernel/tracing_load.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int lbpf_kprobe_fentry_attach(struct lbpf_link *link, struct lbpf_object *object,
                              const struct bpf_program *program,
                              const struct lbpf_kprobe_options *options, const char *function,
                              bool is_forced, struct lbpf_buffer *reason)
{
    struct lbpf_tracing_request request = {.function = options->function,
                                           .kprobe = program,
                                           .target = function,
                                           .is_return = options->is_return,
                                           .is_forced = is_forced};
    int fd = lbpf_object_load_tracing(object, &request, reason), probe;

    if (fd < 0)
        return fd;
    probe = bpf_raw_tracepoint_open(NULL, fd);
    probe = probe < 0 ? -errno : probe;
    close(fd); /* the link holds the program */
    if (probe < 0) {
        lbpf_buffer_printf(reason, "the kernel refuses to attach it (%s)", strerror(-probe));
        return probe;
    }
    link->kind = lbpf_kprobe_mechanism_name(LBPF_KPROBE_FENTRY, options->is_return);
    return lbpf_link_add_fd(link, probe);
}
