/*
 * What the kernel's verifier said, in the user's terms: which line of the program, why, what to write
 * instead. Pure text work; the log is the kernel's, and its wording differs between versions.
 */
#ifndef LBPF_KERNEL_VERIFIER_LOG_H
#define LBPF_KERNEL_VERIFIER_LOG_H

#include "base/error.h"

#include <stdint.h>

/* Which source line an instruction of the rejected program came from. */
struct lbpf_line {
    uint32_t instruction;  /* index in the function, ascending */
    uint32_t line;         /* 1-based */
    const char *file_name; /* lent by the BTF */
    const char *text;      /* the line itself, or "" */
};

/*
 * Fills error (op "load", code) from log, which it takes. function is the program's name. lines may be
 * empty; the log's own "; text @ file:line" comments are then used.
 */
int lbpf_verifier_explain(int code, const char *function, char *log, const struct lbpf_line *lines,
                          size_t line_count, struct lbpf_error *error);

#endif
