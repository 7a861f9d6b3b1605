/*
 * Many user probes in one link: one system call to attach and one wait to detach, where single
 * probes take both for each place.
 */
#include "attach/uprobe_multi.h"

#include "host/features.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

int lbpf_uprobe_multi_attach(int program, const struct lbpf_uprobe_multi *multi)
{
    struct lbpf_multi_link create = {
        .program = (uint32_t)program,
        .attach_type = LBPF_TRACE_UPROBE_MULTI,
        .of.uprobe = {.path = (uintptr_t)multi->path,
                      .offsets = (uintptr_t)multi->offsets,
                      .reference_counters = (uintptr_t)multi->counters,
                      .cookies = (uintptr_t)multi->cookies,
                      .count = (uint32_t)multi->count,
                      .flags = multi->is_return ? LBPF_UPROBE_MULTI_RETURN : 0,
                      .pid = multi->pid > 0 ? (uint32_t)multi->pid : 0},
    };
    int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof create);

    return fd < 0 ? -errno : fd;
}

bool lbpf_uprobe_multi_usable(pid_t pid)
{
    return lbpf_feature(pid > 0 ? "uprobe_multi_pid" : "uprobe_multi", NULL);
}
