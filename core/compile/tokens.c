#include "compile/tokens.h"

#include <ctype.h>
#include <string.h>

bool lbpf_token_is(const struct lbpf_token *token, const char *word)
{
    return token->kind == LBPF_TOKEN_NAME && strlen(word) == token->size &&
           !memcmp(token->at, word, token->size);
}

bool lbpf_token_starts(const struct lbpf_token *token, const char *word)
{
    return token->kind == LBPF_TOKEN_NAME && token->size >= strlen(word) &&
           !memcmp(token->at, word, strlen(word));
}

bool lbpf_token_is_mark(const struct lbpf_token *token, char mark)
{
    return token->kind == LBPF_TOKEN_MARK && token->mark == mark;
}

static void skip_comment(struct lbpf_tokens *tokens)
{
    const char *at = tokens->at + 2;

    if (tokens->at[1] == '/') {
        at = memchr(at, '\n', (size_t)(tokens->end - at));
        tokens->at = at ? at : tokens->end;
        return;
    }
    while (tokens->end - at >= 2 && !(at[0] == '*' && at[1] == '/'))
        at++;
    tokens->at = tokens->end - at >= 2 ? at + 2 : tokens->end;
}

/* A string or character constant; one that is not closed ends with its line. */
static void skip_quoted(struct lbpf_tokens *tokens)
{
    char quote = *tokens->at++;

    while (tokens->at < tokens->end && *tokens->at != '\n') {
        char c = *tokens->at++;

        if (c == quote)
            return;
        if (c == '\\' && tokens->at < tokens->end)
            tokens->at++;
    }
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$';
}

static void skip_word(struct lbpf_tokens *tokens, bool number)
{
    while (tokens->at < tokens->end && (is_name(*tokens->at) || (number && *tokens->at == '.')))
        tokens->at++;
}

/* The next token of the line when inside a directive, else of the text. A newline that ends a
 * directive is left for the caller, as LBPF_TOKEN_END. */
struct lbpf_token lbpf_tokens_next(struct lbpf_tokens *tokens)
{
    struct lbpf_token token = {.kind = LBPF_TOKEN_END};

    while (tokens->at < tokens->end) {
        char c = *tokens->at;

        if (c == '\n') {
            if (tokens->directive)
                return token;
            tokens->line_start = true;
            tokens->at++;
        } else if (isspace((unsigned char)c) || c == '\0') {
            tokens->at++;
        } else if (c == '/' && tokens->end - tokens->at >= 2 &&
                   (tokens->at[1] == '/' || tokens->at[1] == '*')) {
            skip_comment(tokens);
        } else {
            break;
        }
    }
    token.at = tokens->at;
    if (tokens->at == tokens->end)
        return token;
    if (*tokens->at == '"' || *tokens->at == '\'') {
        token.kind = LBPF_TOKEN_TEXT;
        skip_quoted(tokens);
    } else if (isdigit((unsigned char)*tokens->at)) {
        token.kind = LBPF_TOKEN_NUMBER;
        skip_word(tokens, true);
    } else if (is_name(*tokens->at)) {
        token.kind = LBPF_TOKEN_NAME;
        skip_word(tokens, false);
    } else {
        token.kind = LBPF_TOKEN_MARK;
        token.mark = *tokens->at++;
        if (token.mark == '-' && tokens->at < tokens->end && *tokens->at == '>') {
            token.mark = '>';
            tokens->at++;
        } else if (token.mark == '>') {
            token.mark = '<'; /* only told apart from "->" */
        }
    }
    token.size = (size_t)(tokens->at - token.at);
    return token;
}
