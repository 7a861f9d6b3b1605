/*
 * The arguments of BPF_LINK_CREATE for links that cover many probes, as the kernel lays them out
 * (union bpf_attr, link_create). Kernel headers before 6.6 and libbpf before 1.3 do not know the
 * uprobe kind.
 */
#ifndef LBPF_HOST_MULTI_LINK_H
#define LBPF_HOST_MULTI_LINK_H

#include <stdint.h>

enum {
    LBPF_TRACE_UPROBE_MULTI = 48, /* BPF_TRACE_UPROBE_MULTI */
    LBPF_UPROBE_MULTI_RETURN = 1, /* BPF_F_UPROBE_MULTI_RETURN */
};

struct lbpf_multi_link {
    uint32_t program, target, attach_type, link_flags;
    union {
        struct {
            uint32_t flags, count;
            uint64_t symbols, addresses, cookies;
        } kprobe;
        struct {
            uint64_t path, offsets, reference_counters, cookies;
            uint32_t count, flags, pid, padding;
        } uprobe;
    } of;
};

#endif
