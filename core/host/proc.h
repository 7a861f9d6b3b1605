/* Other processes and the files they map, as /proc tells. */
#ifndef LBPF_HOST_PROC_H
#define LBPF_HOST_PROC_H

#include "base/error.h"
#include "host/root.h"

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

/* A library or program that was found and is open, so that it stays what it is. */
struct lbpf_library {
    int fd;                   /* for reading */
    int root;                 /* where it was found: a descriptor, or LBPF_OWN_ROOT */
    char path[PATH_MAX];      /* as seen in root */
    char name[PATH_MAX + 64]; /* for people: through /proc/PID/root for another process */
};

/*
 * Finds and opens the file that `name` means: a path (contains '/') as it is, a library short name
 * ("c", "c.so.6") as the dynamic linker finds it: in the mappings of pid when pid > 0, else in
 * /etc/ld.so.cache, else the default folders; else an executable in $PATH. $LD_LIBRARY_PATH is
 * ours, not that of the processes to trace, and does not count. With pid > 0 names mean what they
 * mean to that process, and a file that was removed or replaced since is still the one it runs.
 * -ENOENT with what was tried.
 */
int lbpf_library_open(struct lbpf_library *library, const char *name, pid_t pid,
                      struct lbpf_error *error);
void lbpf_library_close(struct lbpf_library *library);

#endif
