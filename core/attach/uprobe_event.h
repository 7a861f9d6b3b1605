/* One user probe as a perf event, for kernels and programs that can't take multi-links. */
#ifndef LBPF_ATTACH_UPROBE_EVENT_H
#define LBPF_ATTACH_UPROBE_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Attaches a loaded program to a file offset of path; pid -1: every process. A file descriptor or
 * -errno. */
int lbpf_uprobe_event_attach(int program, const char *path, uint64_t offset, pid_t pid,
                             bool is_return, uint64_t cookie);

#endif
