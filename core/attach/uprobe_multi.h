/* One link over many user probes (Linux 6.6), which libbpf before 1.3 does not know. */
#ifndef LBPF_ATTACH_UPROBE_MULTI_H
#define LBPF_ATTACH_UPROBE_MULTI_H

#include "host/multi_link.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Whether such a link can be made; with a pid it also has to mean the whole process, which it does
 * since 6.10. */
bool lbpf_uprobe_multi_usable(pid_t pid);

/* Where, in file offsets of path. */
struct lbpf_uprobe_multi {
    const char *path;
    const uint64_t *offsets;
    const uint64_t *counters, *cookies; /* of each; NULL: none */
    size_t count;
    pid_t pid; /* not above 0: every process */
    bool is_return;
};

/* Attaches a program that was loaded with expected attach type LBPF_TRACE_UPROBE_MULTI. A link's
 * file descriptor or -errno. */
int lbpf_uprobe_multi_attach(int program, const struct lbpf_uprobe_multi *multi);

#endif
