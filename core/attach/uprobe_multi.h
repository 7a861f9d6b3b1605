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

/* Attaches a program, loaded with expected attach type LBPF_TRACE_UPROBE_MULTI, to file offsets of
 * path. pid -1: every process. A link's file descriptor or -errno. */
int lbpf_uprobe_multi_attach(int program, const char *path, const uint64_t *offsets, size_t count,
                             pid_t pid, bool is_return);

#endif
