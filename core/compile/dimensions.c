/*
 * What array dimensions take for granted. In clang's tree they are numbers already, so they are
 * read by tokens here, and so are macros, of which a dimension may be made. Who is meant by a name
 * is taken broadly: sizeof(x->comm) is that of each kernel structure with a member comm.
 */
#include "compile/assumptions.h"
#include "compile/tokens.h"

#include <ctype.h>
#include <string.h>

struct operand {
    struct lbpf_token member, tag_word, tag, name; /* .at is NULL where there is none */
    bool dereferenced;
};

static void add_members(struct lbpf_assumptions *assumptions, const struct lbpf_token *member)
{
    const struct lbpf_buffer *names = &assumptions->field_names;

    for (size_t at = 0; at < names->size; at += strlen(names->data + at) + 1) {
        const char *dot = strchr(names->data + at, '.');

        if (dot && strlen(dot + 1) == member->size && !memcmp(dot + 1, member->at, member->size))
            lbpf_assumptions_add(assumptions, "size %s", names->data + at);
    }
}

static void add_pointees(struct lbpf_assumptions *assumptions, const struct lbpf_token *name)
{
    const struct lbpf_buffer *pointers = &assumptions->pointers;

    for (size_t at = 0; at < pointers->size;) {
        const char *variable = pointers->data + at, *record = variable + strlen(variable) + 1;

        if (strlen(variable) == name->size && !memcmp(variable, name->at, name->size))
            lbpf_assumptions_add(assumptions, "size %s", record);
        at = (size_t)(record + strlen(record) + 1 - pointers->data);
    }
}

static bool is_users(const struct lbpf_assumptions *assumptions, const struct lbpf_token *name)
{
    return lbpf_strmap_get(&assumptions->identifiers->defined, name->at, name->size) != NULL;
}

/* Reads a parenthesis, or what follows without one, up to the name that ends it. */
static struct operand read_operand(struct lbpf_tokens *tokens)
{
    struct operand operand = {0};
    struct lbpf_token token = lbpf_tokens_next(tokens), before = {0};
    int depth = lbpf_token_is_mark(&token, '(');

    while (depth && token.kind != LBPF_TOKEN_END) {
        token = lbpf_tokens_next(tokens);
        if (lbpf_token_is_mark(&token, '('))
            depth++;
        else if (lbpf_token_is_mark(&token, ')'))
            depth--;
        else if (lbpf_token_is_mark(&token, '*') && !operand.tag.at)
            operand.dereferenced = true;
        else if (token.kind != LBPF_TOKEN_NAME)
            ;
        else if (lbpf_token_is_mark(&before, '.') || lbpf_token_is_mark(&before, '>'))
            operand.member = token;
        else if (lbpf_token_is(&before, "struct") || lbpf_token_is(&before, "union") ||
                 lbpf_token_is(&before, "enum"))
            operand.tag = token, operand.tag_word = before;
        else if (lbpf_token_is_mark(&before, ',')) /* offsetof(type, member) */
            operand.member = token;
        else
            operand.name = token;
        before = token;
    }
    return operand;
}

static void take_size(struct lbpf_assumptions *assumptions, struct lbpf_tokens *tokens)
{
    struct operand operand = read_operand(tokens);

    if (operand.member.at)
        add_members(assumptions, &operand.member);
    else if (operand.tag.at && !is_users(assumptions, &operand.tag))
        lbpf_assumptions_add(assumptions, "size %.*s %.*s", (int)operand.tag_word.size,
                             operand.tag_word.at, (int)operand.tag.size, operand.tag.at);
    else if (operand.name.at && operand.dereferenced)
        add_pointees(assumptions, &operand.name);
    else if (operand.name.at && !is_users(assumptions, &operand.name))
        lbpf_assumptions_add(assumptions, "size %.*s", (int)operand.name.size, operand.name.at);
}

static void take_offset(struct lbpf_assumptions *assumptions, struct lbpf_tokens *tokens)
{
    struct operand operand = read_operand(tokens);

    if (operand.tag.at && operand.member.at && !is_users(assumptions, &operand.tag))
        lbpf_assumptions_add(assumptions, "offset %.*s %.*s.%.*s", (int)operand.tag_word.size,
                             operand.tag_word.at, (int)operand.tag.size, operand.tag.at,
                             (int)operand.member.size, operand.member.at);
}

/* Constants of the kernel are written in capitals; see kernel_types.c. */
static bool is_capital(const struct lbpf_token *token)
{
    for (size_t i = 0; i < token->size; i++)
        if (islower((unsigned char)token->at[i]))
            return false;
    return token->size > 1;
}

static void take_name(struct lbpf_assumptions *assumptions, struct lbpf_tokens *tokens,
                      const struct lbpf_token *name, bool inside)
{
    if (lbpf_token_starts(name, "bpf_core_"))
        read_operand(tokens); /* the loader answers it */
    else if (inside && lbpf_token_is(name, "sizeof"))
        take_size(assumptions, tokens);
    else if (inside && lbpf_token_is(name, "offsetof"))
        take_offset(assumptions, tokens);
    else if (is_capital(name))
        lbpf_assumptions_add_constant(assumptions, name->at, name->size);
}

void lbpf_assumptions_scan_text(struct lbpf_assumptions *assumptions, const char *text, size_t size)
{
    struct lbpf_tokens tokens = {.at = text, .end = text + size};
    struct lbpf_token token;
    int brackets = 0;

    for (;;) {
        token = lbpf_tokens_next(&tokens);
        if (token.kind == LBPF_TOKEN_END && !tokens.directive)
            return;
        if (token.kind == LBPF_TOKEN_END)
            tokens.directive = false;
        else if (lbpf_token_is_mark(&token, '#') && !tokens.directive)
            tokens.directive = true;
        else if (lbpf_token_is_mark(&token, '['))
            brackets++;
        else if (lbpf_token_is_mark(&token, ']'))
            brackets--;
        else if (token.kind == LBPF_TOKEN_NAME)
            take_name(assumptions, &tokens, &token, brackets > 0 || tokens.directive);
    }
}
