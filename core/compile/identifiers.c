/*
 * A scanner of C tokens that keeps just enough context to tell a tag, a member and a definition of
 * file scope apart. It reads both sides of every #if, so brace depths are put back at each #else:
 * text that opens a function twice, once per side, would otherwise never return to file scope.
 */
#include "compile/identifiers.h"

#include "compile/tokens.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONDITION_LIMIT = 64, NO_ARGUMENT = 255 };

struct scanner {
    struct lbpf_identifiers *identifiers;
    struct lbpf_tokens tokens;
    struct lbpf_token last, before_last;
    bool pointer_open; /* behind "(*", "(*const": a pointer to function is named next */

    int braces, parens, brackets;
    int conditions[CONDITION_LIMIT]; /* brace depth at each open #if */
    unsigned condition_count;

    unsigned tag_kind; /* LBPF_DEFINES_* of the keyword before `last`, when `last` is a tag */
    int enum_depth;    /* brace depth inside the innermost enum body, or -1 */

    int typedef_depth; /* brace depth of the typedef that is open, or -1 */
    struct lbpf_token typedef_name;
    bool typedef_fixed; /* typedef_name came as (*name) */

    unsigned char call_argument; /* which argument of the macro call is the table's name */
    bool call_is_tracepoint, call_is_iterator;
    bool in_call; /* between the parentheses of a BPF_*() or TRACEPOINT_PROBE() at file scope */
    unsigned call_index;
    struct lbpf_token call_names[5];

    int result;
};

/* Sets bits in the value of key. */
static void add_bits(struct scanner *scanner, struct lbpf_strmap *map, const char *key, size_t size,
                     uintptr_t bits)
{
    struct lbpf_strmap_entry *entry = lbpf_strmap_get(map, key, size);

    if (entry)
        entry->value |= bits;
    else if (lbpf_strmap_set(map, key, size, bits))
        scanner->result = -ENOMEM;
}

static void define(struct scanner *scanner, const struct lbpf_token *name, uintptr_t bits)
{
    if (name->kind == LBPF_TOKEN_NAME)
        add_bits(scanner, &scanner->identifiers->defined, name->at, name->size, bits);
}

/* --- names ------------------------------------------------------------------------------------ */

static unsigned tag_keyword(const struct lbpf_token *token)
{
    if (lbpf_token_is(token, "struct"))
        return LBPF_DEFINES_STRUCT;
    if (lbpf_token_is(token, "union"))
        return LBPF_DEFINES_UNION;
    return lbpf_token_is(token, "enum") ? LBPF_DEFINES_ENUM : 0;
}

static void note_name(struct scanner *scanner, const struct lbpf_token *token)
{
    static const char prefix[] = "tracepoint__";
    struct lbpf_identifiers *identifiers = scanner->identifiers;
    uintptr_t bits = identifiers->prelude ? 0 : LBPF_USED_OWN;
    size_t prefix_size = sizeof prefix - 1;
    bool tag = tag_keyword(&scanner->last) != 0;

    if (tag && identifiers->prelude && scanner->tokens.at < scanner->tokens.end &&
        *scanner->tokens.at == ';')
        return; /* "struct x;" needs no more than it says */
    if (tag)
        bits |= LBPF_USED_TAG;
    else if (lbpf_token_is_mark(&scanner->last, '>') || lbpf_token_is_mark(&scanner->last, '.'))
        bits |= LBPF_USED_MEMBER;
    else
        bits |= LBPF_USED_PLAIN;
    add_bits(scanner, &identifiers->names, token->at, token->size, bits);
    if (bits & LBPF_USED_TAG && lbpf_token_starts(token, prefix) && token->size > prefix_size)
        add_bits(scanner, &identifiers->tracepoints, token->at + prefix_size,
                 token->size - prefix_size, 0);
}

/* --- directives ------------------------------------------------------------------------------- */

static void read_include(struct scanner *scanner)
{
    const char *at = scanner->tokens.at, *name;
    char close;

    while (at < scanner->tokens.end && (*at == ' ' || *at == '\t'))
        at++;
    if (at == scanner->tokens.end || (*at != '<' && *at != '"')) {
        scanner->identifiers->computed_include = true;
        return;
    }
    close = *at == '<' ? '>' : '"';
    name = ++at;
    while (at < scanner->tokens.end && *at != close && *at != '\n')
        at++;
    if (at < scanner->tokens.end && *at == close && at > name)
        if (lbpf_strmap_set(&scanner->identifiers->includes, name, (size_t)(at - name),
                            (uintptr_t)name[-1]))
            scanner->result = -ENOMEM;
    while (at < scanner->tokens.end && *at != '\n')
        at++;
    scanner->tokens.at = at;
}

static void note_condition(struct scanner *scanner, const struct lbpf_token *word)
{
    if (lbpf_token_starts(word, "if")) {
        if (scanner->condition_count < CONDITION_LIMIT)
            scanner->conditions[scanner->condition_count] = scanner->braces;
        scanner->condition_count++;
    } else if (lbpf_token_starts(word, "el") && scanner->condition_count) {
        if (scanner->condition_count <= CONDITION_LIMIT)
            scanner->braces = scanner->conditions[scanner->condition_count - 1];
    } else if (lbpf_token_is(word, "endif") && scanner->condition_count) {
        scanner->condition_count--;
    }
}

static void scan_directive(struct scanner *scanner)
{
    struct lbpf_token outer_last = scanner->last, token;

    scanner->tokens.directive = true;
    token = lbpf_tokens_next(&scanner->tokens);
    if (lbpf_token_is(&token, "include") || lbpf_token_is(&token, "include_next")) {
        read_include(scanner);
    } else {
        note_condition(scanner, &token);
        if (lbpf_token_is(&token, "define")) {
            token = lbpf_tokens_next(&scanner->tokens);
            define(scanner, &token, LBPF_DEFINES_MACRO);
        }
    }
    scanner->last = token;
    while ((token = lbpf_tokens_next(&scanner->tokens)).kind != LBPF_TOKEN_END) {
        if (token.kind == LBPF_TOKEN_NAME)
            note_name(scanner, &token);
        scanner->last = token;
    }
    scanner->last = outer_last;
    scanner->tokens.directive = false;
}

/* --- definitions ------------------------------------------------------------------------------ */

static bool at_file_scope(const struct scanner *scanner)
{
    return !scanner->braces && !scanner->brackets;
}

/* Which argument of the macro is the table's name; NO_ARGUMENT when the macro declares none. */
static unsigned char table_argument(const struct lbpf_token *name)
{
    if (lbpf_token_starts(name, "BPF_TABLE") || lbpf_token_starts(name, "BPF_F_TABLE"))
        return 3;
    if (lbpf_token_starts(name, "BPF_QUEUESTACK"))
        return 1;
    return lbpf_token_starts(name, "BPF_") ? 0 : NO_ARGUMENT;
}

static void begin_call(struct scanner *scanner)
{
    const struct lbpf_token *name = &scanner->last;

    if (!at_file_scope(scanner) || scanner->parens != 1 || name->kind != LBPF_TOKEN_NAME)
        return;
    scanner->call_is_tracepoint = lbpf_token_is(name, "TRACEPOINT_PROBE");
    scanner->call_is_iterator = lbpf_token_is(name, "BPF_ITER");
    scanner->call_argument = table_argument(name);
    scanner->in_call = scanner->call_is_tracepoint || scanner->call_argument != NO_ARGUMENT;
    scanner->call_index = 0;
    memset(scanner->call_names, 0, sizeof scanner->call_names);
}

/* BPF_ITER(task): its context is a struct bpf_iter__task. */
static void note_iterator(struct scanner *scanner, const struct lbpf_token *target)
{
    char name[256];
    int size = snprintf(name, sizeof name, "bpf_iter__%.*s", (int)target->size, target->at);

    if (target->kind == LBPF_TOKEN_NAME && size > 0 && (size_t)size < sizeof name)
        add_bits(scanner, &scanner->identifiers->names, name, (size_t)size,
                 LBPF_USED_TAG | LBPF_USED_OWN);
}

static void end_call(struct scanner *scanner)
{
    const struct lbpf_token *category = &scanner->call_names[0], *event = &scanner->call_names[1];
    char name[256];

    scanner->in_call = false;
    if (scanner->call_is_iterator) {
        note_iterator(scanner, &scanner->call_names[0]);
        return;
    }
    if (!scanner->call_is_tracepoint) {
        define(scanner, &scanner->call_names[scanner->call_argument], LBPF_DEFINES_SYMBOL);
        return;
    }
    if (category->kind == LBPF_TOKEN_END || event->kind == LBPF_TOKEN_END ||
        category->size + event->size + 1 > sizeof name)
        return;
    memcpy(name, category->at, category->size);
    name[category->size] = ':';
    memcpy(name + category->size + 1, event->at, event->size);
    add_bits(scanner, &scanner->identifiers->tracepoints, name, category->size + event->size + 1,
             0);
}

static void end_typedef_name(struct scanner *scanner)
{
    define(scanner, &scanner->typedef_name,
           scanner->identifiers->prelude ? LBPF_DEFINES_PRELUDE_TYPEDEF : LBPF_DEFINES_TYPEDEF);
    memset(&scanner->typedef_name, 0, sizeof scanner->typedef_name);
    scanner->typedef_fixed = false;
}

static void scan_name(struct scanner *scanner, const struct lbpf_token *token)
{
    bool tag = tag_keyword(&scanner->last) != 0;
    bool pointer = scanner->pointer_open;

    if (lbpf_token_is(token, "typedef") && scanner->typedef_depth < 0) {
        scanner->typedef_depth = scanner->braces;
        return;
    }
    if (scanner->in_call && scanner->parens == 1 && scanner->call_index < 5)
        scanner->call_names[scanner->call_index] = *token;
    if (scanner->typedef_depth == scanner->braces && !tag && !scanner->brackets &&
        !scanner->typedef_fixed && (!scanner->parens || pointer)) {
        scanner->typedef_name = *token;
        scanner->typedef_fixed = pointer;
    }
    if (scanner->enum_depth == scanner->braces &&
        (lbpf_token_is_mark(&scanner->last, '{') || lbpf_token_is_mark(&scanner->last, ',')))
        define(scanner, token, LBPF_DEFINES_SYMBOL);
    if (at_file_scope(scanner) && scanner->typedef_depth < 0 && scanner->parens == 1 && pointer)
        define(scanner, token, LBPF_DEFINES_SYMBOL);
    note_name(scanner, token);
}

/* A name of file scope that has a type before it and one of these marks after it is declared here.
 */
static void note_symbol(struct scanner *scanner, char mark)
{
    const struct lbpf_token *type = &scanner->before_last;

    if (scanner->last.kind == LBPF_TOKEN_NAME && at_file_scope(scanner) && !scanner->parens &&
        scanner->typedef_depth < 0 && strchr("(=;[,", mark) &&
        ((type->kind == LBPF_TOKEN_NAME && !tag_keyword(type)) || lbpf_token_is_mark(type, '*') ||
         lbpf_token_is_mark(type, ',') || lbpf_token_is_mark(type, '}')))
        define(scanner, &scanner->last, LBPF_DEFINES_SYMBOL);
}

static void open_brace(struct scanner *scanner)
{
    unsigned kind = tag_keyword(&scanner->before_last);

    if (kind && scanner->last.kind == LBPF_TOKEN_NAME)
        define(scanner, &scanner->last, kind);
    if (!kind)
        kind = tag_keyword(&scanner->last);
    scanner->braces++;
    if (kind == LBPF_DEFINES_ENUM)
        scanner->enum_depth = scanner->braces;
}

static void close_brace(struct scanner *scanner)
{
    if (scanner->enum_depth == scanner->braces)
        scanner->enum_depth = -1;
    if (scanner->braces)
        scanner->braces--;
    scanner->parens = scanner->brackets = 0;
}

static void scan_mark(struct scanner *scanner, char mark)
{
    note_symbol(scanner, mark);
    switch (mark) {
    case '{':
        open_brace(scanner);
        break;
    case '}':
        close_brace(scanner);
        break;
    case '(':
        scanner->parens++;
        begin_call(scanner);
        break;
    case ')':
        if (scanner->parens)
            scanner->parens--;
        if (scanner->in_call && !scanner->parens)
            end_call(scanner);
        break;
    case '[':
        scanner->brackets++;
        break;
    case ']':
        if (scanner->brackets)
            scanner->brackets--;
        break;
    case ',':
        if (scanner->in_call && scanner->parens == 1)
            scanner->call_index++;
        if (scanner->typedef_depth == scanner->braces && !scanner->parens)
            end_typedef_name(scanner);
        break;
    case ';':
        if (scanner->typedef_depth == scanner->braces) {
            end_typedef_name(scanner);
            scanner->typedef_depth = -1;
        }
        scanner->in_call = false;
        scanner->parens = scanner->brackets = 0;
        break;
    }
}

static void note_pointer(struct scanner *scanner, const struct lbpf_token *token)
{
    if (lbpf_token_is_mark(token, '*'))
        scanner->pointer_open = lbpf_token_is_mark(&scanner->last, '(');
    else if (!lbpf_token_is(token, "const") && !lbpf_token_is(token, "volatile"))
        scanner->pointer_open = false;
}

/* Reads over __attribute__((…)), so that "struct __attribute__((packed)) x {" is seen as a
 * definition. */
static void skip_attribute(struct scanner *scanner)
{
    int depth = 0;

    do {
        struct lbpf_token token = lbpf_tokens_next(&scanner->tokens);

        if (lbpf_token_is_mark(&token, '('))
            depth++;
        else if (lbpf_token_is_mark(&token, ')'))
            depth--;
        else if (token.kind == LBPF_TOKEN_END || !depth)
            return;
    } while (depth > 0);
}

/* Reads over LBPF_HELPER(number, result, name, …) when the program does not name the helper, so
 * that the types in it are not wanted. */
static bool skip_helper(struct scanner *scanner)
{
    struct lbpf_tokens ahead = scanner->tokens;
    struct lbpf_token token, name = {0};
    const struct lbpf_strmap_entry *used;
    int depth = 0, commas = 0;

    do {
        token = lbpf_tokens_next(&ahead);
        if (lbpf_token_is_mark(&token, '('))
            depth++;
        else if (lbpf_token_is_mark(&token, ')'))
            depth--;
        else if (lbpf_token_is_mark(&token, ',') && depth == 1)
            commas++;
        else if (token.kind == LBPF_TOKEN_NAME && commas == 2)
            name = token;
    } while (depth > 0 && token.kind != LBPF_TOKEN_END);
    used = name.at ? lbpf_strmap_get(&scanner->identifiers->names, name.at, name.size) : NULL;
    if (!name.at || (used && used->value & LBPF_USED_OWN))
        return false;
    note_name(scanner, &name);
    scanner->tokens = ahead;
    return true;
}

static int scan_spliced(struct lbpf_identifiers *identifiers, const char *text, size_t size)
{
    struct scanner scanner = {.identifiers = identifiers,
                              .tokens = {.at = text, .end = text + size, .line_start = true},
                              .enum_depth = -1,
                              .typedef_depth = -1};

    while (!scanner.result) {
        struct lbpf_token token = lbpf_tokens_next(&scanner.tokens);
        bool first = scanner.tokens.line_start;

        if (token.kind == LBPF_TOKEN_END)
            break;
        scanner.tokens.line_start = false;
        if (first && lbpf_token_is_mark(&token, '#')) {
            scan_directive(&scanner);
            continue;
        }
        if (lbpf_token_is(&token, "__attribute__")) {
            skip_attribute(&scanner);
            continue;
        }
        if (identifiers->prelude && lbpf_token_is(&token, "LBPF_HELPER") && skip_helper(&scanner))
            continue;
        if (token.kind == LBPF_TOKEN_NAME)
            scan_name(&scanner, &token);
        else if (token.kind == LBPF_TOKEN_MARK)
            scan_mark(&scanner, token.mark);
        else if (token.kind == LBPF_TOKEN_NUMBER && scanner.in_call && scanner.call_index < 5)
            scanner.call_names[scanner.call_index] = token; /* a category such as 9p */
        note_pointer(&scanner, &token);
        scanner.before_last = scanner.last;
        scanner.last = token;
    }
    return scanner.result;
}

/* --- the room's surface ----------------------------------------------------------------------- */

int lbpf_identifiers_scan(struct lbpf_identifiers *identifiers, const char *text, size_t size)
{
    size_t kept = 0;
    char *spliced;
    int result;

    if (!size || !memchr(text, '\\', size))
        return size ? scan_spliced(identifiers, text, size) : 0;
    spliced = malloc(size);
    if (!spliced)
        return -ENOMEM;
    for (size_t i = 0; i < size; i++) {
        size_t skip = text[i] != '\\'                                              ? 0
                      : i + 1 < size && text[i + 1] == '\n'                        ? 1
                      : i + 2 < size && text[i + 1] == '\r' && text[i + 2] == '\n' ? 2
                                                                                   : 0;

        if (skip)
            i += skip;
        else
            spliced[kept++] = text[i];
    }
    result = scan_spliced(identifiers, spliced, kept);
    free(spliced);
    return result;
}

int lbpf_identifiers_scan_flags(struct lbpf_identifiers *identifiers, const char *const *flags,
                                size_t flag_count)
{
    struct scanner scanner = {.identifiers = identifiers};

    for (size_t i = 0; i < flag_count; i++) {
        const char *name = flags[i];
        size_t size;

        if (strncmp(name, "-D", 2))
            continue;
        name += 2;
        if (!*name && i + 1 < flag_count)
            name = flags[++i];
        size = strcspn(name, "=(");
        if (size)
            add_bits(&scanner, &identifiers->defined, name, size, LBPF_DEFINES_FLAG_MACRO);
    }
    return scanner.result;
}

void lbpf_identifiers_free(struct lbpf_identifiers *identifiers)
{
    lbpf_strmap_free(&identifiers->names);
    lbpf_strmap_free(&identifiers->defined);
    lbpf_strmap_free(&identifiers->tracepoints);
    lbpf_strmap_free(&identifiers->includes);
}
