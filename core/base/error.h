/*
 * The error record: how every function of core that can fail says why.
 *
 * Such a function returns 0 (or a count) on success and -errno on failure, and fills the caller's
 * record. It is set once, where the knowledge is, in the user's words: what failed, on which
 * object, why, and what to do. Reporting allocates nothing; only an attached log (compiler or
 * verifier text) is on the heap, owned by the record. A record starts zeroed: struct lbpf_error
 * error = {0};
 */
#ifndef LBPF_BASE_ERROR_H
#define LBPF_BASE_ERROR_H

#include <stddef.h>

#if defined(__GNUC__)
#define LBPF_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define LBPF_PRINTF(text, first)
#endif

struct lbpf_error {
    int code;          /* errno value, positive; 0 while there is no error */
    char op[64];       /* what was tried: "compile", "load", "attach kprobe", … */
    char message[512]; /* one sentence: what failed, on which object, why */
    char hint[512];    /* what to do about it; "" when there is no advice */
    char where[256];   /* "file:line" in the user's own source; "" when unknown */
    char *log;         /* whole compiler or verifier text, or NULL; owned by the record */
};

/* Fills the record (a NULL record is allowed) and returns -code. Drops hint, where and log of an
 * earlier error. The message is cut at the field's size. */
int lbpf_error_set(struct lbpf_error *error, int code, const char *op, const char *format, ...)
    LBPF_PRINTF(4, 5);

/* Adds advice to an error that was set. */
void lbpf_error_hint(struct lbpf_error *error, const char *format, ...) LBPF_PRINTF(2, 3);

/* Adds the user's source position, as "file:line". */
void lbpf_error_where(struct lbpf_error *error, const char *format, ...) LBPF_PRINTF(2, 3);

/* Attaches a heap text; takes ownership, also when error is NULL (then it is freed at once). */
void lbpf_error_take_log(struct lbpf_error *error, char *log);

/* Frees the log and zeroes the record, so that it can be used again. */
void lbpf_error_clear(struct lbpf_error *error);

/* The usual sentence for failed allocation; returns -ENOMEM. */
int lbpf_error_no_memory(struct lbpf_error *error, const char *op);

#endif
