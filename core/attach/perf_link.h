/* A program on a perf event, which is how the kernel makes single probes and tracepoints. */
#ifndef LBPF_ATTACH_PERF_LINK_H
#define LBPF_ATTACH_PERF_LINK_H

#include <linux/perf_event.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Opens the event (pid -1: every process) and attaches the program to it. One file descriptor for
 * both, or -errno: whoever closes its last copy detaches. No other call ends the probe, so that a
 * process may fork while it traces, and the child may close what it got. The program gets cookie
 * from bpf_get_attach_cookie(), from Linux 5.15.
 */
int lbpf_perf_link(struct perf_event_attr *event, pid_t pid, int program, uint64_t cookie);

#endif
