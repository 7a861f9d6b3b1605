/*
 * The kernel's trace_pipe, where bpf_trace_printk writes. It is one for the whole machine: what
 * other programs print arrives here too, and each line is read once.
 */
#ifndef LBPF_STREAM_TRACE_PIPE_H
#define LBPF_STREAM_TRACE_PIPE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct lbpf_trace_pipe;

int lbpf_trace_pipe_open(struct lbpf_trace_pipe **pipe, struct lbpf_error *error);
void lbpf_trace_pipe_close(struct lbpf_trace_pipe *pipe); /* NULL is allowed */

/*
 * The next line without its end, lent until the next call. Waits up to timeout_ms (negative: for
 * ever, 0: not at all). Returns its length; -EAGAIN when nothing came, -EINTR on a signal (no error
 * record); -errno.
 */
int lbpf_trace_pipe_readline(struct lbpf_trace_pipe *pipe, int timeout_ms, const char **line,
                             struct lbpf_error *error);

struct lbpf_trace_fields {
    char task[17]; /* leading blanks removed */
    int pid;
    int cpu;
    char flags[16];      /* "" on kernels without the column */
    double timestamp;    /* seconds */
    const char *message; /* points into the line */
    size_t message_size;
};

/* Splits a line of trace_pipe as BCC does, with or without the flags and tgid columns. False for
 * lines that are no event (such as "CPU:3 [LOST 17 EVENTS]"). */
bool lbpf_trace_parse(const char *line, size_t size, struct lbpf_trace_fields *fields);

/* Of a message with several lines only the first is a line of its own: adds the others to fields,
 * which come from the line that was read last. The kernel gives events whole, so nothing is waited
 * for. */
void lbpf_trace_pipe_join(struct lbpf_trace_pipe *pipe, struct lbpf_trace_fields *fields);

#endif
