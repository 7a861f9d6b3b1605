/* File descriptors that stand for something else, as some maps take them for keys and leaves. */
#ifndef LBPF_HOST_DESCRIPTOR_H
#define LBPF_HOST_DESCRIPTOR_H

#include "base/error.h"

/* Each gives a file descriptor that the caller closes, or -errno with an error record. */

/* The process with this id. -ESRCH when there is none. */
int lbpf_open_process(long long pid, struct lbpf_error *error);
/* A file just to name it: nothing of it is read, a device is not started. -ENOENT when absent. */
int lbpf_open_file(const char *path, struct lbpf_error *error);
/* A folder of a cgroup file system. */
int lbpf_open_cgroup(const char *path, struct lbpf_error *error);

#endif
