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

int lbpf_uprobe_multi_attach(int program, const char *path, const uint64_t *offsets, size_t count,
                             pid_t pid, bool is_return)
{
    struct lbpf_multi_link create = {
        .program = (uint32_t)program,
        .attach_type = LBPF_TRACE_UPROBE_MULTI,
        .of.uprobe = {.path = (uintptr_t)path,
                      .offsets = (uintptr_t)offsets,
                      .count = (uint32_t)count,
                      .flags = is_return ? LBPF_UPROBE_MULTI_RETURN : 0,
                      .pid = pid > 0 ? (uint32_t)pid : 0},
    };
    int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof create);

    return fd < 0 ? -errno : fd;
}

bool lbpf_uprobe_multi_usable(pid_t pid)
{
    return lbpf_feature(pid > 0 ? "uprobe_multi_pid" : "uprobe_multi", NULL);
}
