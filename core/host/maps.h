/* The mappings of a process, as /proc/PID/maps lists them. */
#ifndef LBPF_HOST_MAPS_H
#define LBPF_HOST_MAPS_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lbpf_mapping {
    uint64_t start, end, offset, inode;
    unsigned major, minor; /* of the device */
    bool is_executable;
    char *path; /* "" for memory without a file, "[vdso]", "/lib/x.so (deleted)"; lent */
};

/* Visits each line of text, which is cut in place, until visit returns non-zero, which is returned.
 * Lines that are not of a mapping are passed over. */
int lbpf_maps_scan(char *text, int (*visit)(void *context, const struct lbpf_mapping *mapping),
                   void *context);

/* Appends the text of /proc/PID/maps. 0 or -errno; -ENOENT or -ESRCH when there is no such process.
 */
int lbpf_maps_read(pid_t pid, struct lbpf_buffer *text);

/* Whether code there comes out of a file, and which names do not mean files. */
bool lbpf_mapping_is_file(const struct lbpf_mapping *mapping);

#endif
