/* C tokens, as much of them as identifiers.c needs. */
#ifndef LBPF_COMPILE_TOKENS_H
#define LBPF_COMPILE_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

enum lbpf_token_kind {
    LBPF_TOKEN_END,
    LBPF_TOKEN_NAME,
    LBPF_TOKEN_NUMBER,
    LBPF_TOKEN_TEXT, /* a string or character constant */
    LBPF_TOKEN_MARK,
};

struct lbpf_token {
    enum lbpf_token_kind kind;
    const char *at; /* lent from the text */
    size_t size;
    char mark; /* of LBPF_TOKEN_MARK; '>' stands for "->" alone, everything else for itself */
};

/* A place in a text. Starts as {.at = text, .end = text + size, .line_start = true}. */
struct lbpf_tokens {
    const char *at, *end;
    bool line_start; /* nothing but blanks since the last newline */
    bool directive;  /* set by the caller inside a # line: its end is then the end of tokens */
};

/* The next token; comments are skipped. Never reads at or past end. */
struct lbpf_token lbpf_tokens_next(struct lbpf_tokens *tokens);

bool lbpf_token_is(const struct lbpf_token *token, const char *word);
bool lbpf_token_starts(const struct lbpf_token *token, const char *word);
bool lbpf_token_is_mark(const struct lbpf_token *token, char mark);

#endif
