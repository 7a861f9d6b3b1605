/*
 * libbpf does the same, but switches an event off before it closes it: off for everybody, also for
 * the process that a closing child was forked from. Closing is enough.
 */
#include "attach/perf_link.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int lbpf_perf_link(struct perf_event_attr *event, pid_t pid, int program, uint64_t cookie)
{
    LIBBPF_OPTS(bpf_link_create_opts, settings, .perf_event.bpf_cookie = cookie);
    int cpu = pid > 0 ? -1 : 0, fd, link;

    event->size = sizeof *event;
    fd =
        (int)syscall(SYS_perf_event_open, event, pid > 0 ? pid : -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0)
        return -errno;
    link = bpf_link_create(program, fd, BPF_PERF_EVENT, &settings);
    if (link == -EINVAL) { /* before Linux 5.15 the event itself is the link */
        if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) == 0)
            return fd;
        link = -errno;
    }
    close(fd);
    return link;
}
