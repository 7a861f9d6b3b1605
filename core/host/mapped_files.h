/* The files whose code a process has mapped: its executable, its libraries, whatever it loaded. */
#ifndef LBPF_HOST_MAPPED_FILES_H
#define LBPF_HOST_MAPPED_FILES_H

#include "base/error.h"

#include <sys/types.h>

struct lbpf_mapped_file {
    const char *path; /* as we can open it: through /proc/PID/root for a process in a container;
                       * valid during the visit only */
    int fd;           /* open for reading, the visitor's to close; or -errno */
};

/*
 * Visits each file once, in the order of addresses, until visit returns non-zero, which is
 * returned. The files are those that are really mapped, also when they were deleted or replaced
 * since; only regular files are opened.
 */
int lbpf_mapped_files_each(pid_t pid,
                           int (*visit)(void *context, const struct lbpf_mapped_file *file),
                           void *context, struct lbpf_error *error);

#endif
