/* The tracing file system, mounted on tracing or debug/tracing. */
#ifndef LBPF_HOST_TRACEFS_H
#define LBPF_HOST_TRACEFS_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>

/* The folder that has trace_pipe and events/; mounts tracefs on /sys/kernel/tracing when nothing is
 * mounted there and we may. Static string, or NULL with error saying what to do. */
const char *lbpf_tracefs(struct lbpf_error *error);

/* Appends events/CATEGORY/EVENT/format. Names with '/' or '..' are refused. -ENOENT names the
 * nearest event. */
int lbpf_tracefs_read_format(const char *category, const char *event, struct lbpf_buffer *text,
                             struct lbpf_error *error);
/* Whether the event exists. */
bool lbpf_tracefs_has_event(const char *category, const char *event);
/* Calls visit("category:event") for each event, sorted; ends when visit returns non-zero, which is
 * returned. */
int lbpf_tracefs_each_event(int (*visit)(void *context, const char *name), void *context,
                            struct lbpf_error *error);

#endif
