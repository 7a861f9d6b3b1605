/*
 * "Did you mean …": the name nearest to one that was not found, out of candidates that stream past.
 * Keeps one copy of the best so far, allocates nothing.
 */
#ifndef LBPF_HOST_NEAREST_H
#define LBPF_HOST_NEAREST_H

#include <stddef.h>

enum { LBPF_NEAREST_NAME = 128 };

struct lbpf_nearest {
    const char *wanted; /* lent by the caller for as long as candidates are offered */
    size_t wanted_size;
    unsigned distance;            /* of best; candidates that are further away are not kept */
    char best[LBPF_NEAREST_NAME]; /* "" while nothing is near enough */
};

/* Starts a search. What counts as near grows with the length of wanted. */
void lbpf_nearest_start(struct lbpf_nearest *nearest, const char *wanted);

/* Keeps the candidate if it is nearer than the best so far. Longer names than LBPF_NEAREST_NAME - 1
 * are passed over. */
void lbpf_nearest_offer(struct lbpf_nearest *nearest, const char *candidate);

/* The best, or NULL when nothing was near. */
const char *lbpf_nearest_name(const struct lbpf_nearest *nearest);

#endif
