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

/* A program at fexit is held until the call under way ends; these never do. */
static bool never_returns(const char *function)
{
    static const char *const names[] = {
        "do_exit",
        "do_group_exit",
        "do_task_dead",
        "kthread_exit",
        "kthread_complete_and_exit",
        "__module_put_and_kthread_exit",
        "__x64_sys_exit",
        "__x64_sys_exit_group",
        "make_task_dead",
        "__arm64_sys_exit",
        "__arm64_sys_exit_group",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(function, names[i]) == 0)
            return true;
    }
    return false;
}

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
    int fd, probe;

    if (options->is_return && never_returns(function)) {
        lbpf_buffer_append_string(reason, "the kernel function never returns");
        return -EOPNOTSUPP;
    }
    fd = lbpf_object_load_tracing(object, &request, reason);
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
