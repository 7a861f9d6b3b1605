/* Other processes and the files they map, as /proc tells. */
#ifndef LBPF_HOST_PROC_H
#define LBPF_HOST_PROC_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * The file that `name` means: a path (contains '/') as it is, a library short name ("c", "c.so.6")
 * as the dynamic linker finds it: in the mappings of pid when pid > 0, else in /etc/ld.so.cache,
 * else the default folders; else an executable in $PATH. With pid > 0 the result goes through
 * /proc/PID/root. Into path. -ENOENT with what was tried.
 */
int lbpf_find_library(const char *name, pid_t pid, char *path, size_t size,
                      struct lbpf_error *error);

#endif
