/*
 * Tracepoint arguments as C structures, out of the kernel's own format files. A member's offset and
 * size are the truth; its type is kept as the file has it when its size agrees, else it becomes an
 * integer of the right size (the arguments of system calls are all eight bytes wide, whatever their
 * type says).
 */
#include "compile/kernel_types.h"

#include "host/tracefs.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 160, HEADER_SIZE = 8, FIELD_LIMIT = 65536 };

/* --- which tracepoints ------------------------------------------------------------------------ */

/* Splits "sched__sched_switch" where tracefs has category and event; at the last "__" if nowhere.
 */
static bool split_name(const char *name, char *category, char *event)
{
    const char *last = NULL;

    for (const char *at = name; (at = strstr(at, "__")); at++) {
        if (at == name || !at[2] || (size_t)(at - name) >= NAME_SIZE || strlen(at) > NAME_SIZE)
            continue;
        last = at;
        snprintf(category, NAME_SIZE, "%.*s", (int)(at - name), name);
        snprintf(event, NAME_SIZE, "%s", at + 2);
        if (lbpf_tracefs_has_event(category, event))
            return true;
    }
    if (!last)
        return false;
    snprintf(category, NAME_SIZE, "%.*s", (int)(last - name), name);
    snprintf(event, NAME_SIZE, "%s", last + 2);
    return true;
}

static int append_format(const char *category, const char *event, struct lbpf_strmap *seen,
                         struct lbpf_buffer *formats, struct lbpf_error *error)
{
    struct lbpf_buffer format = {0};
    char name[2 * NAME_SIZE + 2];
    int result;

    snprintf(name, sizeof name, "%s %s", category, event);
    if (lbpf_strmap_has(seen, name))
        return 0;
    if (lbpf_strmap_set(seen, name, strlen(name), 0))
        return lbpf_error_no_memory(error, "compile");
    result = lbpf_tracefs_read_format(category, event, &format, error);
    if (!result) {
        lbpf_buffer_printf(formats, "tracepoint %s\n", name);
        lbpf_buffer_append(formats, lbpf_buffer_string(&format), format.size);
    }
    lbpf_buffer_free(&format);
    return result;
}

static bool defines_structure(const struct lbpf_identifiers *identifiers, const char *category,
                              const char *event)
{
    char tag[2 * NAME_SIZE + 16];
    struct lbpf_strmap_entry *entry;

    snprintf(tag, sizeof tag, "tracepoint__%s__%s", category, event);
    entry = lbpf_strmap_get(&identifiers->defined, tag, strlen(tag));
    return entry && entry->value & LBPF_DEFINES_STRUCT;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

int lbpf_tracepoint_formats(const struct lbpf_identifiers *identifiers, struct lbpf_buffer *formats,
                            struct lbpf_error *error)
{
    const struct lbpf_strmap *tracepoints = &identifiers->tracepoints;
    const char **names = calloc(tracepoints->count + 1, sizeof *names);
    char category[NAME_SIZE], event[NAME_SIZE];
    struct lbpf_strmap seen = {0};
    size_t count = 0;
    int result = 0;

    if (!names)
        return lbpf_error_no_memory(error, "compile");
    for (size_t i = 0; i < tracepoints->slot_count; i++)
        if (tracepoints->slots[i].key)
            names[count++] = tracepoints->slots[i].key;
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; !result && i < count; i++) {
        const char *colon = strchr(names[i], ':');

        if (colon && (size_t)(colon - names[i]) < NAME_SIZE && strlen(colon) < NAME_SIZE) {
            snprintf(category, sizeof category, "%.*s", (int)(colon - names[i]), names[i]);
            snprintf(event, sizeof event, "%s", colon + 1);
        } else if (colon || !split_name(names[i], category, event)) {
            continue;
        }
        if (!defines_structure(identifiers, category, event))
            result = append_format(category, event, &seen, formats, error);
    }
    lbpf_strmap_free(&seen);
    free(names);
    if (!result && formats->failed)
        result = lbpf_error_no_memory(error, "compile");
    return result;
}

/* --- sizes of types --------------------------------------------------------------------------- */

struct sizes {
    const struct lbpf_kernel_btf *btf;
    struct lbpf_strmap known; /* sizes of types of the kernel, by name */
    bool failed;
};

static bool is_kind_of(const struct lbpf_kernel_btf *btf, const struct btf_type *type, bool tag,
                       const char *name)
{
    bool is_tag = lbpf_btf_is_aggregate(type) || lbpf_btf_is_enum(type);

    return (tag ? is_tag : lbpf_btf_kind(type) == BTF_KIND_TYPEDEF) && type->name_off &&
           !strcmp(lbpf_kernel_btf_string(btf, type->name_off), name);
}

static size_t find_size(const struct lbpf_kernel_btf *btf, const char *name, bool tag)
{
    for (uint32_t id = 1; id < btf->count; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(btf, id);

        if (!is_kind_of(btf, type, tag, name))
            continue;
        type = lbpf_kernel_btf_type(btf, lbpf_kernel_btf_strip(btf, id));
        switch (lbpf_btf_kind(type)) {
        case BTF_KIND_PTR:
            return 8;
        case BTF_KIND_INT:
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64:
            return type->size;
        }
    }
    return 0;
}

/* Bytes of a type as the prelude or the kernel has it; 0 when neither knows it. */
static size_t size_of(struct sizes *sizes, const char *type)
{
    static const struct {
        const char *name;
        size_t size;
    } builtin[] = {
        {"char", 1},
        {"signed char", 1},
        {"unsigned char", 1},
        {"bool", 1},
        {"u8", 1},
        {"s8", 1},
        {"__u8", 1},
        {"__s8", 1},
        {"uint8_t", 1},
        {"int8_t", 1},
        {"short", 2},
        {"unsigned short", 2},
        {"u16", 2},
        {"s16", 2},
        {"__u16", 2},
        {"__s16", 2},
        {"uint16_t", 2},
        {"int16_t", 2},
        {"int", 4},
        {"unsigned", 4},
        {"unsigned int", 4},
        {"u32", 4},
        {"s32", 4},
        {"__u32", 4},
        {"__s32", 4},
        {"uint32_t", 4},
        {"int32_t", 4},
        {"pid_t", 4},
        {"uid_t", 4},
        {"gid_t", 4},
        {"dev_t", 4},
        {"long", 8},
        {"unsigned long", 8},
        {"long long", 8},
        {"unsigned long long", 8},
        {"u64", 8},
        {"s64", 8},
        {"__u64", 8},
        {"__s64", 8},
        {"uint64_t", 8},
        {"int64_t", 8},
        {"size_t", 8},
        {"ssize_t", 8},
        {"sector_t", 8},
        {"loff_t", 8},
    };
    struct lbpf_strmap_entry *entry;
    const char *tag = NULL;
    size_t size;

    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
        if (!strcmp(type, builtin[i].name))
            return builtin[i].size;
    entry = lbpf_strmap_get(&sizes->known, type, strlen(type));
    if (entry)
        return entry->value;
    if (!strncmp(type, "struct ", 7) || !strncmp(type, "union ", 6) || !strncmp(type, "enum ", 5))
        tag = strchr(type, ' ') + 1;
    size = find_size(sizes->btf, tag ? tag : type, tag != NULL);
    if (lbpf_strmap_set(&sizes->known, type, strlen(type), size))
        sizes->failed = true;
    return size;
}

/* --- fields ----------------------------------------------------------------------------------- */

struct field {
    char type[NAME_SIZE]; /* words with one blank between them; "" for what C cannot repeat */
    char name[NAME_SIZE];
    unsigned pointers;
    bool is_const, array, located; /* located: __data_loc or __rel_loc */
    unsigned long offset, size;
    bool is_signed;
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Words that say nothing about layout. */
static bool is_noise(const char *word, size_t size)
{
    static const char *const words[] = {"const",    "volatile", "__user",  "__rcu",
                                        "__percpu", "__iomem",  "__force", "__seg_gs"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == size && !memcmp(word, words[i], size))
            return true;
    return false;
}

static void append_word(char *text, const char *word, size_t size)
{
    size_t used = strlen(text);

    if (used + size + 2 < NAME_SIZE)
        snprintf(text + used, NAME_SIZE - used, "%s%.*s", used ? " " : "", (int)size, word);
}

/* Takes "const char * name[16]" apart: the last word outside brackets is the name. */
static void parse_declaration(struct field *field, const char *at, const char *end)
{
    char last[NAME_SIZE] = "";

    while (at < end) {
        const char *start = at;

        if (is_word(*at)) {
            while (at < end && is_word(*at))
                at++;
            if (is_noise(start, (size_t)(at - start))) {
                if (at - start == 5 && !field->pointers) /* const char *, not char *const */
                    field->is_const = true;
                continue;
            }
            if (*last)
                append_word(field->type, last, strlen(last));
            snprintf(last, sizeof last, "%.*s", (int)(at - start), start);
        } else if (*at == '[') {
            field->array = true;
            while (at < end && *at != ']')
                at++;
        } else if (*at == '*') {
            field->pointers++;
            at++;
        } else if (*at == '(' || *at == '{') {
            field->type[0] = '\0'; /* nothing of the kind exists today */
            at = end;
        } else {
            at++;
        }
    }
    snprintf(field->name, sizeof field->name, "%s", last);
    field->located =
        !strncmp(field->type, "__data_loc", 10) || !strncmp(field->type, "__rel_loc", 9);
}

static bool read_number(const char *line, const char *end, const char *word, unsigned long *value)
{
    const char *at = memmem(line, (size_t)(end - line), word, strlen(word));

    if (!at)
        return false;
    *value = strtoul(at + strlen(word), NULL, 10);
    return true;
}

/* "	field:TYPE NAME;	offset:N;	size:N;	signed:N;" */
static bool parse_field(struct field *field, const char *line, const char *end)
{
    static const char mark[] = "field:";
    const char *start = memmem(line, (size_t)(end - line), mark, sizeof mark - 1), *stop;
    unsigned long is_signed = 0;

    memset(field, 0, sizeof *field);
    if (!start)
        return false;
    start += sizeof mark - 1;
    stop = memchr(start, ';', (size_t)(end - start));
    if (!stop || !read_number(stop, end, "offset:", &field->offset) ||
        !read_number(stop, end, "size:", &field->size))
        return false;
    read_number(stop, end, "signed:", &is_signed);
    field->is_signed = is_signed != 0;
    parse_declaration(field, start, stop);
    return *field->name != '\0';
}

/* --- structures ------------------------------------------------------------------------------- */

static const char *integer_of(unsigned long size, bool is_signed)
{
    switch (size) {
    case 1:
        return is_signed ? "s8" : "u8";
    case 2:
        return is_signed ? "s16" : "u16";
    case 4:
        return is_signed ? "s32" : "u32";
    case 8:
        return is_signed ? "s64" : "u64";
    default:
        return NULL;
    }
}

/* What stands before a member's name, blank included; a pointee that nobody declares is void. */
static void print_type(struct sizes *sizes, struct lbpf_buffer *text, const struct field *field)
{
    bool known = !strncmp(field->type, "struct ", 7) || !strncmp(field->type, "union ", 6) ||
                 size_of(sizes, field->type);

    if (!field->pointers) {
        lbpf_buffer_printf(text, "%s ", field->type);
        return;
    }
    lbpf_buffer_printf(text, "%s%s ", field->is_const ? "const " : "",
                       known ? field->type : "void");
    for (unsigned i = 0; i < field->pointers; i++)
        lbpf_buffer_append_string(text, "*");
}

/* One member, without padding. */
static void print_field(struct sizes *sizes, struct lbpf_buffer *text, const struct field *field)
{
    const char *integer = integer_of(field->size, field->is_signed);
    size_t element = field->pointers ? 8 : *field->type ? size_of(sizes, field->type) : 0;

    lbpf_buffer_append_string(text, "\t");
    if (field->located && field->size == 4) {
        lbpf_buffer_printf(text, "int %s_%s;\n",
                           !strncmp(field->type, "__rel_loc", 9) ? "rel_loc" : "data_loc",
                           field->name);
    } else if (field->array && !field->located && element && field->size % element == 0) {
        print_type(sizes, text, field);
        lbpf_buffer_printf(text, "%s[%lu];\n", field->name, field->size / element);
    } else if (!field->array && element == field->size && element) {
        print_type(sizes, text, field);
        lbpf_buffer_printf(text, "%s;\n", field->name);
    } else if (!field->array && integer) {
        lbpf_buffer_printf(text, "%s %s;\n", integer, field->name);
    } else {
        lbpf_buffer_printf(text, "char %s[%lu];\n", field->name, field->size);
    }
}

static void print_bytes(struct lbpf_buffer *text, const char *name, unsigned long from,
                        unsigned long to)
{
    for (; from < to; from++)
        lbpf_buffer_printf(text, "\tchar %s%lu;\n", name, from);
}

/* The members of one format text; lines that are no fields are passed over. */
static void print_fields(struct sizes *sizes, struct lbpf_buffer *text, const char *at,
                         const char *end)
{
    unsigned long position = HEADER_SIZE;
    struct field field;

    lbpf_buffer_append_string(text, "\tu64 __do_not_use__;\n");
    for (const char *next; at < end; at = next) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));

        stop = stop ? stop : end;
        next = stop < end ? stop + 1 : end;
        if (!parse_field(&field, at, stop) || field.offset > FIELD_LIMIT ||
            field.size > FIELD_LIMIT)
            continue;
        if (!strncmp(field.name, "common_", 7)) {
            print_bytes(text, "__do_not_use__", position, field.offset + field.size);
            if (field.offset + field.size > position)
                position = field.offset + field.size;
        } else if (field.offset >= position) {
            print_bytes(text, "__pad_", position, field.offset);
            print_field(sizes, text, &field);
            position = field.offset + field.size;
        }
    }
}

int lbpf_tracepoint_types(const struct lbpf_kernel_btf *btf, const struct lbpf_buffer *formats,
                          struct lbpf_buffer *text, struct lbpf_error *error)
{
    static const char mark[] = "tracepoint ";
    struct sizes sizes = {.btf = btf};
    const char *at = lbpf_buffer_string(formats), *end = at + formats->size;

    while (at < end && !strncmp(at, mark, sizeof mark - 1)) {
        const char *line = at + sizeof mark - 1, *body = strchr(line, '\n'), *next;
        size_t category = strcspn(line, " "), length;

        if (!body)
            break;
        next = strstr(body, "\ntracepoint ");
        next = next ? next + 1 : end;
        length = (size_t)(body - line);
        lbpf_buffer_printf(text, "struct tracepoint__%.*s__%.*s {\n", (int)category, line,
                           (int)(length - category - 1), line + category + 1);
        print_fields(&sizes, text, body, next);
        lbpf_buffer_append_string(text, "};\n");
        at = next;
    }
    lbpf_strmap_free(&sizes.known);
    return sizes.failed || text->failed ? lbpf_error_no_memory(error, "compile") : 0;
}
