/* Names against the user's regular expressions: POSIX extended, and always the whole name. */
#ifndef LBPF_HOST_MATCH_H
#define LBPF_HOST_MATCH_H

#include "base/error.h"

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

struct lbpf_match {
    regex_t expression;
    char start[32]; /* what every match begins with */
    size_t start_size;
};

/* EINVAL with the expression and what is wrong with it. */
int lbpf_match_open(struct lbpf_match *match, const char *expression, const char *op,
                    struct lbpf_error *error);
void lbpf_match_close(struct lbpf_match *match);
bool lbpf_match_name(const struct lbpf_match *match, const char *name);

#endif
