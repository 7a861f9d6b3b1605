/*
 * Reads clang's dump of the syntax tree, a node a line, indented by two characters a level:
 *
 *     |   `-MemberExpr 0x55d0 <col:10, col:13> 'pid_t':'int' lvalue ->pid 0x5512
 *
 * The tree is the only place that has sizeof and its like after macros and before they are numbers.
 * What it does not have, the expressions in array dimensions, is found by tokens (dimensions.c).
 * Structures of the kernel are those that have preserve_access_index from us.
 */
#include "compile/assumptions.h"

#include "compile/portable.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 200, DEPTH_LIMIT = 256, NOWHERE = 1 << 20 };

struct node {
    int depth;
    const char *kind, *id, *rest, *end; /* the words; rest is what follows the place */
    size_t kind_size, id_size;
    char type[NAME_SIZE]; /* with typedefs resolved; "" when it has none */
};

struct record {
    char name[NAME_SIZE]; /* "struct task_struct", "seqlock_t" */
    bool kernels;         /* and relocated */
};

struct reading {
    struct lbpf_assumptions *assumptions;
    const char *end;                   /* of the tree */
    struct record owners[DEPTH_LIMIT]; /* the record that a line of this depth began, if it did */
    bool active;                       /* in something that the object will hold */
    /* Depths of nodes, or NOWHERE: what lies below is not read, is about an offset, or is an
     * operand of sizeof or of a difference. */
    int skip_below, offset_below, size_of, difference_of;
    bool offset_next;
};

/* --- lines ------------------------------------------------------------------------------------ */

static bool is_kind(const struct node *node, const char *kind)
{
    return node->kind_size == strlen(kind) && !memcmp(node->kind, kind, node->kind_size);
}

static bool has_word(const struct node *node, const char *word)
{
    return memmem(node->rest, (size_t)(node->end - node->rest), word, strlen(word)) != NULL;
}

/* The place in source is in angle brackets, which may hold others: <<invalid sloc>>. */
static const char *skip_place(const char *at, const char *end)
{
    int depth = 0;

    if (at == end || *at != '<')
        return at;
    for (; at < end; at++) {
        depth += (*at == '<') - (*at == '>');
        if (!depth)
            return at + 1;
    }
    return end;
}

/* 'type', or the second of 'type':'the same without typedefs'. */
static void read_type(struct node *node)
{
    const char *at = memchr(node->rest, '\'', (size_t)(node->end - node->rest)), *close;

    node->type[0] = '\0';
    while (at) {
        close = memchr(at + 1, '\'', (size_t)(node->end - at - 1));
        if (!close)
            return;
        snprintf(node->type, sizeof node->type, "%.*s", (int)(close - at - 1), at + 1);
        at = node->end - close > 2 && close[1] == ':' && close[2] == '\'' ? close + 2 : NULL;
    }
}

static bool read_node(const char *line, const char *end, struct node *node)
{
    const char *at = line;

    while (at < end && strchr(" |`-", *at))
        at++;
    node->depth = (int)(at - line) / 2;
    node->kind = at;
    while (at < end && *at != ' ')
        at++;
    node->kind_size = (size_t)(at - node->kind);
    if (end - at < 4 || memcmp(at, " 0x", 3) != 0)
        return false;
    node->id = ++at;
    while (at < end && *at != ' ')
        at++;
    node->id_size = (size_t)(at - node->id);
    node->rest = skip_place(at < end ? at + 1 : at, end);
    node->end = end;
    read_type(node);
    return true;
}

/* The word before the type: what a declaration declares. */
static void read_name(const struct node *node, char *name, size_t size)
{
    const char *quote = memchr(node->rest, '\'', (size_t)(node->end - node->rest));
    const char *end = quote && quote > node->rest ? quote - 1 : node->rest, *start = end;

    while (start > node->rest && start[-1] != ' ')
        start--;
    snprintf(name, size, "%.*s", (int)(end - start), start);
}

/* --- facts ------------------------------------------------------------------------------------ */

void lbpf_assumptions_add(struct lbpf_assumptions *assumptions, const char *format, ...)
{
    char fact[2 * NAME_SIZE + 32];
    va_list list;

    va_start(list, format);
    vsnprintf(fact, sizeof fact, format, list);
    va_end(list);
    if (lbpf_strmap_set(&assumptions->facts, fact, strlen(fact), 0))
        assumptions->failed = true;
}

/* Constants of BPF's own interface are the same in all kernels. */
void lbpf_assumptions_add_constant(struct lbpf_assumptions *assumptions, const char *name,
                                   size_t size)
{
    if (!lbpf_strmap_get(&assumptions->identifiers->defined, name, size) &&
        (size < 4 || memcmp(name, "BPF_", 4) != 0))
        lbpf_assumptions_add(assumptions, "constant %.*s", (int)size, name);
}

/* The kernel's record that a type is, or an array of, or (pointed) points to; else NULL. */
static const char *record_of(const struct reading *reading, const char *type, bool pointed,
                             char name[NAME_SIZE])
{
    static const char *const words[] = {"const ", "volatile "};
    size_t size;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strncmp(type, words[i], strlen(words[i])))
            type += strlen(words[i]);
    size = strcspn(type, "*[(");
    if (pointed != (type[size] == '*') || type[size] == '(' || (pointed && type[size + 1] == '*'))
        return NULL;
    while (size && type[size - 1] == ' ')
        size--;
    snprintf(name, NAME_SIZE, "%.*s", (int)size, type);
    return lbpf_strmap_has(&reading->assumptions->records, name) ? name : NULL;
}

static void add_record(struct reading *reading, const char *kind, const char *type, bool pointed)
{
    char name[NAME_SIZE];

    if (record_of(reading, type, pointed, name))
        lbpf_assumptions_add(reading->assumptions, "%s %s", kind, name);
}

/* "RECORD.FIELD" of a MemberExpr's member, when it is the kernel's. */
static const char *field_of(const struct reading *reading, const struct node *node)
{
    const char *at = memrchr(node->rest, 'x', (size_t)(node->end - node->rest)), *end;
    const struct lbpf_strmap_entry *entry;

    while (at && at > node->rest + 1 && (at[-1] != '0' || at[-2] != ' '))
        at = memrchr(node->rest, 'x', (size_t)(at - node->rest));
    if (!at || at <= node->rest + 1)
        return NULL;
    for (end = at; end < node->end && *end != ' ';)
        end++;
    entry = lbpf_strmap_get(&reading->assumptions->fields, at - 1, (size_t)(end - at + 1));
    return entry ? reading->assumptions->field_names.data + entry->value : NULL;
}

/* --- declarations ----------------------------------------------------------------------------- */

static bool is_users(const struct reading *reading, const char *tag)
{
    const struct lbpf_strmap_entry *entry =
        lbpf_strmap_get(&reading->assumptions->identifiers->defined, tag, strlen(tag));

    return entry && entry->value & (LBPF_DEFINES_TAG | LBPF_DEFINES_TYPEDEF);
}

/* A nameless record of file scope has the name of the typedef behind it. */
static void name_by_typedef(struct reading *reading, const struct node *node, struct record *record)
{
    static const char wanted[] = "\n|-TypedefDecl ";
    const char *line =
                   memmem(node->end, (size_t)(reading->end - node->end), wanted, sizeof wanted - 1),
               *end = line ? memchr(line + 1, '\n', (size_t)(reading->end - line - 1)) : NULL;
    struct node typedef_node;

    if (end && read_node(line + 1, end, &typedef_node))
        read_name(&typedef_node, record->name, sizeof record->name);
}

/* "… struct NAME definition"; a nameless record inside another is a part of that. */
static void take_record(struct reading *reading, const struct node *node)
{
    struct record *record = &reading->owners[node->depth];
    const char *end = node->end, *start;
    size_t size;

    if (end - node->rest > 11 && !memcmp(end - 11, " definition", 11))
        end -= 11;
    for (start = end; start > node->rest && start[-1] != ' ';)
        start--;
    size = (size_t)(end - start);
    if ((size != 6 || memcmp(start, "struct", 6) != 0) &&
        (size != 5 || memcmp(start, "union", 5) != 0))
        snprintf(record->name, sizeof record->name, "%s %.*s",
                 has_word(node, " union ") ? "union" : "struct", (int)size, start);
    else if (node->depth == 1)
        name_by_typedef(reading, node, record);
    else
        *record = reading->owners[node->depth - 1];
}

static void take_attribute(struct reading *reading, const struct node *node)
{
    struct record *record = &reading->owners[node->depth - 1];
    const char *tag = strchr(record->name, ' ');

    if (record->kernels || !record->name[0] || is_users(reading, tag ? tag + 1 : record->name))
        return;
    record->kernels = true;
    if (lbpf_strmap_set(&reading->assumptions->records, record->name, strlen(record->name), 0))
        reading->assumptions->failed = true;
}

/* A member of a map's declaration that says the type of its keys or leaves. */
static bool is_map_type(const char *name, const struct node *node)
{
    return (!strcmp(name, "key") || !strcmp(name, "value")) && has_word(node, "'typeof");
}

static void take_field(struct reading *reading, const struct node *node)
{
    struct lbpf_assumptions *assumptions = reading->assumptions;
    const struct record *record = &reading->owners[node->depth - 1];
    const char *tag = strchr(record->name, ' ');
    char name[NAME_SIZE];

    read_name(node, name, sizeof name);
    if (!record->kernels) {
        if (!tag || !lbpf_portable_is_fixed(tag + 1))
            add_record(reading, "layout", node->type, is_map_type(name, node));
        return;
    }
    if (has_word(node, " implicit "))
        return;
    if (lbpf_strmap_set(&assumptions->fields, node->id, node->id_size,
                        assumptions->field_names.size))
        assumptions->failed = true;
    lbpf_buffer_printf(&assumptions->field_names, "%s.%s", record->name, name);
    lbpf_buffer_append(&assumptions->field_names, "", 1);
}

static void take_declaration(struct reading *reading, const struct node *node)
{
    if (is_kind(node, "RecordDecl"))
        take_record(reading, node);
    else if (is_kind(node, "BPFPreserveAccessIndexAttr"))
        take_attribute(reading, node);
    else if (is_kind(node, "FieldDecl"))
        take_field(reading, node);
}

/* --- expressions ------------------------------------------------------------------------------ */

static void take_size(struct reading *reading, const struct node *node)
{
    const char *word = memmem(node->rest, (size_t)(node->end - node->rest), "sizeof '", 8);

    if (!has_word(node, " sizeof")) {
        reading->skip_below = node->depth; /* of alignof, and what is like it */
    } else if (reading->offset_next) {
        reading->offset_below = node->depth;
    } else if (word) {
        struct node part = {.rest = word + 7, .end = node->end};

        read_type(&part);
        add_record(reading, "size", part.type, false);
    } else {
        reading->size_of = node->depth;
    }
    reading->offset_next = false;
}

/* The operand of sizeof. What is inside is never read. */
static void take_operand(struct reading *reading, const struct node *node)
{
    const char *field;

    if (is_kind(node, "ParenExpr"))
        return;
    field = is_kind(node, "MemberExpr") ? field_of(reading, node) : NULL;
    if (field)
        lbpf_assumptions_add(reading->assumptions, "size %s", field);
    else
        add_record(reading, "size", node->type, false);
    reading->skip_below = reading->size_of;
    reading->size_of = NOWHERE;
}

/* Steps are of the pointee's size; so are differences, which are no pointers themselves. */
static void take_arithmetic(struct reading *reading, const struct node *node)
{
    static const char *const steps[] = {" '+'", " '-'", " '++'", " '--'", " '+='", " '-='"};

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (has_word(node, steps[i]))
            add_record(reading, "size", node->type, true);
    if (is_kind(node, "BinaryOperator") && has_word(node, " '-'"))
        reading->difference_of = node->depth;
}

/* Which record a variable points to: an array's dimension may be sizeof(*it). */
static void take_pointer(struct reading *reading, const struct node *node)
{
    struct lbpf_assumptions *assumptions = reading->assumptions;
    char name[NAME_SIZE], record[NAME_SIZE];

    read_name(node, name, sizeof name);
    if (!record_of(reading, node->type, true, record))
        return;
    lbpf_buffer_printf(&assumptions->pointers, "%s", name);
    lbpf_buffer_append(&assumptions->pointers, "", 1);
    lbpf_buffer_printf(&assumptions->pointers, "%s", record);
    lbpf_buffer_append(&assumptions->pointers, "", 1);
}

static void take_expression(struct reading *reading, const struct node *node)
{
    const char *field;

    if (is_kind(node, "DeclRefExpr") && has_word(node, "'__builtin_preserve_")) {
        reading->skip_below = node->depth - 2; /* of the call: the loader answers it */
    } else if (is_kind(node, "DeclRefExpr") && has_word(node, " EnumConstant ")) {
        const char *quote = memmem(node->rest, (size_t)(node->end - node->rest), "0x", 2);
        const char *name = quote ? memchr(quote, '\'', (size_t)(node->end - quote)) : NULL;

        if (name)
            lbpf_assumptions_add_constant(reading->assumptions, name + 1, strcspn(name + 1, "'\n"));
    } else if (is_kind(node, "UnaryExprOrTypeTraitExpr")) {
        take_size(reading, node);
    } else if (is_kind(node, "OffsetOfExpr")) {
        reading->offset_next = true;
    } else if (is_kind(node, "MemberExpr") && (field = field_of(reading, node))) {
        lbpf_assumptions_add(reading->assumptions, "%s %s",
                             reading->offset_below < NOWHERE ? "offset" : "field", field);
    } else if (is_kind(node, "ArraySubscriptExpr")) {
        add_record(reading, "size", node->type, false);
    } else if (is_kind(node, "BinaryOperator") || is_kind(node, "CompoundAssignOperator") ||
               is_kind(node, "UnaryOperator")) {
        take_arithmetic(reading, node);
    } else if (is_kind(node, "VarDecl") || is_kind(node, "ParmVarDecl")) {
        add_record(reading, "layout", node->type, false);
        take_pointer(reading, node);
    } else if (has_word(node, "<LValueToRValue>")) {
        add_record(reading, "layout", node->type, false);
    }
}

/* --- the tree --------------------------------------------------------------------------------- */

/* Whether a declaration of file scope is for use: the prelude has many functions, and a program
 * uses few. */
static bool is_used(const struct node *node)
{
    if (is_kind(node, "FunctionDecl"))
        return !has_word(node, " static") || has_word(node, " used ") ||
               has_word(node, " referenced ");
    return is_kind(node, "VarDecl");
}

static void leave(int *depth, const struct node *node)
{
    if (node->depth <= *depth)
        *depth = NOWHERE;
}

static void take_node(struct reading *reading, const struct node *node)
{
    if (node->depth < 1 || node->depth >= DEPTH_LIMIT)
        return;
    if (node->depth == 1)
        reading->active = is_used(node);
    leave(&reading->skip_below, node);
    leave(&reading->offset_below, node);
    leave(&reading->size_of, node);
    leave(&reading->difference_of, node);
    reading->owners[node->depth].name[0] = '\0';
    reading->owners[node->depth].kernels = false;
    take_declaration(reading, node);
    if (!reading->active || node->depth > reading->skip_below)
        return;
    if (node->depth > reading->difference_of)
        add_record(reading, "size", node->type, true);
    reading->difference_of = NOWHERE;
    if (node->depth > reading->size_of)
        take_operand(reading, node);
    else
        take_expression(reading, node);
}

void lbpf_assumptions_scan_tree(struct lbpf_assumptions *assumptions,
                                const struct lbpf_buffer *tree)
{
    struct reading *reading = calloc(1, sizeof *reading);
    const char *at = lbpf_buffer_string(tree), *end = at + tree->size, *line_end;
    struct node node;

    if (!reading) {
        assumptions->failed = true;
        return;
    }
    reading->assumptions = assumptions;
    reading->end = end;
    reading->skip_below = reading->offset_below = NOWHERE;
    reading->size_of = reading->difference_of = NOWHERE;
    for (; at < end; at = line_end + 1) {
        line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end)
            line_end = end;
        if (read_node(at, line_end, &node))
            take_node(reading, &node);
    }
    free(reading);
}
