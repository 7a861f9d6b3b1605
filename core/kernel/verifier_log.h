/*
 * What the kernel's verifier said, in the user's terms: which line of the program, why, what to
 * write instead. Pure text work; the log is the kernel's, and its wording differs between versions.
 */
#ifndef LBPF_KERNEL_VERIFIER_LOG_H
#define LBPF_KERNEL_VERIFIER_LOG_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* A line of a function that the program calls: its instructions come somewhere behind the program's
 * own. */
#define LBPF_LINE_ELSEWHERE UINT32_MAX

/* Which source line an instruction of the rejected program came from. */
struct lbpf_line {
    uint32_t instruction;  /* index in the function, ascending; or LBPF_LINE_ELSEWHERE */
    uint32_t line;         /* 1-based */
    const char *file_name; /* lent by the BTF */
    const char *text;      /* the line itself, or "" */
};

/* What the explanation needs to know besides the log. */
struct lbpf_rejection {
    int code;             /* positive errno of the load */
    const char *function; /* the program's name */
    const struct lbpf_line
        *lines; /* may be NULL: then the log's own "; text @ file:line" comments do */
    size_t line_count;
    uint32_t instruction_count; /* of the program without the functions that it calls; 0: unknown */
};

/*
 * Fills error (op "load") from log, which it takes: message "Failed to load BPF program <name>:
 * <cause>", where, a hint that says what to write instead, and the whole log. Returns -code;
 * ENOSPC (the log
 * did not fit) and EFAULT (too many jumps) become EACCES.
 */
int lbpf_verifier_explain(const struct lbpf_rejection *rejection, char *log,
                          struct lbpf_error *error);

#endif
