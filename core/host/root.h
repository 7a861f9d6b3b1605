/*
 * Files as another process sees them: a container has its own files under the same paths, and its
 * absolute symbolic links mean its own root. Reading one must not be fooled into another: only
 * regular files are opened, nothing is opened that reacts to it (devices, pipes), and no link leads
 * out of the root.
 */
#ifndef LBPF_HOST_ROOT_H
#define LBPF_HOST_ROOT_H

#include "base/error.h"

#include <sys/types.h>

enum { LBPF_OWN_ROOT = -1 };

/* A descriptor of the root folder of pid, which the caller closes. It stays usable after the
 * process ends. -ESRCH, -EACCES, … with a hint. */
int lbpf_root_open(pid_t pid, struct lbpf_error *error);

/* Opens a regular file for reading, path as seen in root (a descriptor, or LBPF_OWN_ROOT).
 * A descriptor or -errno; -EINVAL for what is no regular file. */
int lbpf_root_open_file(int root, const char *path);
/* Opens a folder for reading its names; the same. */
int lbpf_root_open_folder(int root, const char *path);

#endif
