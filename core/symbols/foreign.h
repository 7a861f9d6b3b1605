/*
 * Opening files of other processes. Such a process chooses its own root, names and files, and may
 * mean harm: nothing outside of its root is opened for it, nothing but regular files is opened at
 * all, and no opening waits.
 */
#ifndef LBPF_SYMBOLS_FOREIGN_H
#define LBPF_SYMBOLS_FOREIGN_H

#include "base/error.h"
#include "host/maps.h"

#include <sys/stat.h>
#include <sys/types.h>

/* What identifies a program in execution: another one under the same pid differs, also one that the
 * process became by exec. */
struct lbpf_generation {
    uint64_t start_time, code_start, code_end, stack_start;
};

struct lbpf_foreign {
    pid_t pid;
    struct lbpf_generation generation;
    pid_t inner_pid; /* its thread group in its own pid namespace */
    uid_t uid, euid;
    int root; /* its root folder, LBPF_OWN_ROOT (and no descriptor) while that is ours */
};

/* -ESRCH when there is no such process. */
int lbpf_generation_read(pid_t pid, struct lbpf_generation *generation);

int lbpf_foreign_open(struct lbpf_foreign *foreign, pid_t pid, struct lbpf_error *error);
void lbpf_foreign_close(struct lbpf_foreign *foreign);

/*
 * Opens the very file of a mapping for reading, also one that was deleted or never had a name. What
 * the path means by now is only asked where /proc/PID/map_files is not allowed, and must be the
 * mapped file. A descriptor, or -errno with the reason.
 */
int lbpf_foreign_open_mapped(const struct lbpf_foreign *foreign, const struct lbpf_mapping *mapping,
                             struct lbpf_error *error);

/* Opens a regular file by a path inside of the process's root (in_root) or of our own, without
 * following a symbolic link at its end. A descriptor, or -errno with the reason. */
int lbpf_foreign_open_path(const struct lbpf_foreign *foreign, bool in_root, const char *path,
                           struct stat *status, struct lbpf_error *error);

#endif
