/* Running one child process to its end: argument vector, given fds, both outputs collected. */
#ifndef LBPF_COMPILE_CHILD_H
#define LBPF_COMPILE_CHILD_H

#include "base/buffer.h"

/* The child's fds from here on are the ones it was given, in order. */
enum { LBPF_CHILD_FIRST_FD = 10, LBPF_CHILD_FD_LIMIT = 8 };

struct lbpf_child {
    const char *path;             /* what to execute; no search */
    char *const *arguments;       /* with the program's name, ended by NULL */
    const int *fds;               /* become LBPF_CHILD_FIRST_FD, +1, …; lent */
    size_t fd_count;              /* at most LBPF_CHILD_FD_LIMIT */
    struct lbpf_buffer *output;   /* what it writes to its fd 1 */
    struct lbpf_buffer *messages; /* what it writes to its fd 2; beyond a megabyte it is dropped */
    unsigned seconds;   /* by the clock and of processor time, after which it is ended; 0: no end */
    unsigned megabytes; /* of address space that it may have; 0: no limit */
};

/*
 * Runs the child with /dev/null as its input, default signals and a small environment, and waits
 * for it. Returns its exit status (0…255), 256 + the signal that ended it, or -errno when it could
 * not be run; then no child is left. Its exit status counts as 0 when the embedding program ignores
 * SIGCHLD, which hides it.
 */
int lbpf_child_run(const struct lbpf_child *child);

/* A new memory file with this content, or -errno. Its number is above every number that a child's
 * fds get, so that none overwrites another on the way. */
int lbpf_memory_file(const char *name, const void *bytes, size_t size);

#endif
