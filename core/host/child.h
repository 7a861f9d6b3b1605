/*
 * A command that is run to be traced: it exists, with its process id, before it begins, so that
 * probes can be attached to it first.
 */
#ifndef LBPF_HOST_CHILD_H
#define LBPF_HOST_CHILD_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct lbpf_child;

struct lbpf_child_end {
    bool by_signal;
    int status; /* of exit, or the signal's number */
};

/*
 * Makes the process; argv ends with NULL and is searched in $PATH. *child is freed by
 * lbpf_child_free. The process has the standard streams and no other file of ours.
 */
int lbpf_child_new(char *const argv[], struct lbpf_child **child, struct lbpf_error *error);
/* Lets the command begin. When it can't be run, the error says why, and the process has ended. */
int lbpf_child_start(struct lbpf_child *child, struct lbpf_error *error);
bool lbpf_child_is_started(const struct lbpf_child *child);
pid_t lbpf_child_pid(const struct lbpf_child *child);
/* Readable when the process has ended; lent. */
int lbpf_child_pollfd(const struct lbpf_child *child);
/* Does not wait: 1 when it has ended, 0 when it runs or waits for its start. */
int lbpf_child_end(struct lbpf_child *child, struct lbpf_child_end *end, struct lbpf_error *error);
/* Nothing happens to a process that has ended. */
int lbpf_child_signal(struct lbpf_child *child, int number, struct lbpf_error *error);
/* A command that was not started never will be; one that runs goes on. NULL is fine. */
void lbpf_child_free(struct lbpf_child *child);

#endif
