/* Running one child process to its end: argument vector, given fds, both outputs collected. */
#ifndef LBPF_COMPILE_CHILD_H
#define LBPF_COMPILE_CHILD_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The child's fds from here on are the ones it was given, in order. */
enum { LBPF_CHILD_FIRST_FD = 10, LBPF_CHILD_FD_LIMIT = 8, LBPF_CHILD_PIPES = 3 };

struct lbpf_child {
    const char *path;             /* what to execute; no search */
    char *const *arguments;       /* with the program's name, ended by NULL */
    const int *fds;               /* become LBPF_CHILD_FIRST_FD, +1, …; lent; -1: none */
    size_t fd_count;              /* at most LBPF_CHILD_FD_LIMIT */
    struct lbpf_buffer *output;   /* what it writes to its fd 1 */
    struct lbpf_buffer *messages; /* what it writes to its fd 2; beyond a megabyte it is dropped */
    unsigned seconds;   /* by the clock and of processor time, after which it is ended; 0: no end */
    unsigned megabytes; /* of address space that it may have; 0: no limit */
    bool reports;       /* it is clang with our plugin, which tells of its success */

    /* Of a child that runs. */
    pid_t pid; /* 0 when it is gone */
    int pipes[LBPF_CHILD_PIPES];
    int64_t deadline_ms;
};

/*
 * Runs the child with /dev/null as its input, default signals and a small environment, and waits
 * for it. Returns its exit status (0…255), 256 + the signal that ended it, or -errno when it could
 * not be run; then no child is left. Its exit status counts as 0 when the embedding program ignores
 * SIGCHLD, which hides it.
 */
int lbpf_child_run(struct lbpf_child *child);

/*
 * The same in steps, so that the caller can do something else while it starts, and while it goes.
 * What has begun (0, else -errno) must be finished or aborted. A child that finished with success
 * may still be about to go: then its pid is not 0 and must be reaped.
 */
int lbpf_child_begin(struct lbpf_child *child);
int lbpf_child_finish(struct lbpf_child *child);
void lbpf_child_abort(struct lbpf_child *child);
void lbpf_child_reap(pid_t pid);

/* A new memory file with this content, or -errno. Its number is above every number that a child's
 * fds get, so that none overwrites another on the way. */
int lbpf_memory_file(const char *name, const void *bytes, size_t size);
/* A pipe whose ends have such numbers, too: 0 or -errno. */
int lbpf_child_pipe(int ends[2]);
/* Writes it all. 0 or -errno. */
int lbpf_child_write(int fd, const void *bytes, size_t size);

#endif
