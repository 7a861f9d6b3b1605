/*
 * clang speaks well; what it cannot know is said here: that a struct of methods is a table, and
 * which names the running kernel has. The kernel's names are searched only after a failure.
 */
#include "compile/diagnostics.h"

#include "compile/child.h"
#include "host/nearest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 128 };

struct finding {
    char where[256]; /* file:line */
    char message[512];
};

/* --- clean text
 * ----------------------------------------------------------------------------------- */

static void replace_all(struct lbpf_buffer *text, const char *from, const char *to)
{
    struct lbpf_buffer out = {0};
    const char *at = lbpf_buffer_string(text), *next;

    if (!strstr(at, from))
        return;
    for (; (next = strstr(at, from)); at = next + strlen(from)) {
        lbpf_buffer_append(&out, at, (size_t)(next - at));
        lbpf_buffer_append_string(&out, to);
    }
    lbpf_buffer_append_string(&out, at);
    if (out.failed) {
        lbpf_buffer_free(&out);
        return;
    }
    lbpf_buffer_free(text);
    *text = out;
}

void lbpf_diagnostics_clean(struct lbpf_buffer *text, const char *file_name)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", LBPF_CHILD_FIRST_FD);
    replace_all(text, path, file_name);
    snprintf(path, sizeof path, "/proc/self/fd/%d", LBPF_CHILD_FIRST_FD + 1);
    replace_all(text, path, "kernel types");
    snprintf(path, sizeof path, "/proc/self/fd/%d", LBPF_CHILD_FIRST_FD + 2);
    replace_all(text, path, "tracepoint types");
    replace_all(text, "/virtual/include/", "");
    replace_all(text, "error: luabpf: ", "error: ");
}

/* --- the first error
 * ------------------------------------------------------------------------------ */

static void copy_field(char *field, size_t size, const char *from, size_t length)
{
    snprintf(field, size, "%.*s", (int)(length < size ? length : size - 1), from);
}

/* Takes file:line out of "file:line:column". */
static void copy_where(char *field, size_t size, const char *from, size_t length)
{
    size_t colon = length;

    while (colon && from[colon - 1] != ':')
        colon--;
    copy_field(field, size, from, colon ? colon - 1 : length);
}

static bool find_error(const struct lbpf_buffer *text, struct finding *finding)
{
    static const char mark[] = "error: ", fatal[] = "fatal error: ";
    static const char elsewhere[] = "could not determine the original source location for ";
    const char *at = lbpf_buffer_string(text), *end, *place;

    for (; *at; at = *end ? end + 1 : end) {
        const char *found = strstr(at, mark), *start;

        end = at + strcspn(at, "\n");
        if (!found || found >= end)
            continue;
        start = found - at >= 6 && !strncmp(found - 6, fatal, 6) ? found - 6 : found;
        if (start - at > 2)
            copy_where(finding->where, sizeof finding->where, at, (size_t)(start - at) - 2);
        found += sizeof mark - 1;
        copy_field(finding->message, sizeof finding->message, found, (size_t)(end - found));
        if (!strchr(finding->where, ':'))
            finding->where[0] = '\0'; /* the program's name, not a place */
        place = strstr(end, elsewhere);
        if (!finding->where[0] && place) {
            place += sizeof elsewhere - 1;
            copy_where(finding->where, sizeof finding->where, place, strcspn(place, "\n"));
        }
        return true;
    }
    return false;
}

/* "'struct counts_methods'" is the table counts. */
static void name_tables(char *message, size_t size)
{
    static const char before[] = "'struct ", after[] = "_methods'";
    char *start = strstr(message, before), *end = strstr(message, after), *name, rest[512];

    if (!start || !end || end < start)
        return;
    name = start + sizeof before - 1;
    snprintf(rest, sizeof rest, "table '%.*s'%s", (int)(end - name), name, end + sizeof after - 1);
    snprintf(start, size - (size_t)(start - message), "%s", rest);
}

/* --- hints
 * ---------------------------------------------------------------------------------------- */

/* The index-th name between single quotes, into name. */
static bool quoted_name(const char *message, int index, char name[NAME_SIZE])
{
    for (;; index--) {
        const char *open = strchr(message, '\''), *close = open ? strchr(open + 1, '\'') : NULL;

        if (!close)
            return false;
        if (!index) {
            copy_field(name, NAME_SIZE, open + 1, (size_t)(close - open - 1));
            return true;
        }
        message = close + 1;
    }
}

static const char *const keyed_methods =
    "lookup lookup_or_try_init lookup_or_init update insert delete increment atomic_increment";

static const struct {
    const char *macro; /* how its name goes on after BPF_ */
    const char *methods;
} method_lists[] = {
    {"PERF_OUTPUT", "perf_submit perf_submit_skb"},
    {"PERF_ARRAY", "perf_read perf_counter_value"},
    {"RINGBUF_OUTPUT",
     "ringbuf_output ringbuf_reserve ringbuf_submit ringbuf_discard ringbuf_query"},
    {"STACK_TRACE", "get_stackid"},
    {"PROG_ARRAY", "call"},
    {"QUEUE", "push pop peek"},
    {"STACK", "push pop peek"},
    {"CGROUP_ARRAY", "check_current_task"},
};

static bool has_word(const char *text, size_t size, const char *word)
{
    size_t length = strlen(word);

    for (size_t i = 0; i + length <= size; i++)
        if (!memcmp(text + i, word, length) && (i == 0 || strchr(" ,(\t\n", text[i - 1])) &&
            (i + length == size || strchr(" ,)\t\n", text[i + length])))
            return true;
    return false;
}

/* The methods of the table that the program declares under this name. */
static const char *find_methods(const struct lbpf_source *source, const char *table)
{
    const char *at = source->text, *end = at + source->size;

    while ((at = memmem(at, (size_t)(end - at), "BPF_", 4))) {
        const char *close;

        at += 4;
        close = memchr(at, ')', (size_t)(end - at));
        if (!close)
            break;
        if (!has_word(at, (size_t)(close - at), table))
            continue;
        for (size_t i = 0; i < sizeof method_lists / sizeof *method_lists; i++) {
            size_t size = strlen(method_lists[i].macro);

            if ((size_t)(close - at) > size && !memcmp(at, method_lists[i].macro, size))
                return method_lists[i].methods;
        }
        break;
    }
    return keyed_methods;
}

static void hint_method(const struct lbpf_diagnostics *diagnostics, const char *method, char *table,
                        struct lbpf_error *error)
{
    const char *methods;
    struct lbpf_nearest nearest;
    char word[NAME_SIZE];

    table[strlen(table) - strlen("_methods")] = '\0';
    methods = find_methods(diagnostics->source, table);
    lbpf_nearest_start(&nearest, method);
    for (const char *at = methods; *at; at += strspn(at, " ")) {
        copy_field(word, sizeof word, at, strcspn(at, " "));
        lbpf_nearest_offer(&nearest, word);
        at += strcspn(at, " ");
    }
    if (lbpf_nearest_name(&nearest))
        lbpf_error_hint(error, "did you mean '%s'? '%s' has: %s", lbpf_nearest_name(&nearest),
                        table, methods);
    else
        lbpf_error_hint(error, "'%s' has: %s", table, methods);
}

static void offer_members(const struct lbpf_kernel_btf *btf, uint32_t id,
                          struct lbpf_nearest *nearest, int depth)
{
    const struct btf_type *type = lbpf_kernel_btf_type(btf, id);
    const struct btf_member *members = lbpf_btf_members(type);

    for (uint32_t i = 0; lbpf_btf_is_aggregate(type) && i < lbpf_btf_vlen(type); i++) {
        if (members[i].name_off)
            lbpf_nearest_offer(nearest, lbpf_kernel_btf_string(btf, members[i].name_off));
        else if (depth < 8)
            offer_members(btf, lbpf_kernel_btf_strip(btf, members[i].type), nearest, depth + 1);
    }
}

static void hint_member(const struct lbpf_kernel_btf *btf, const char *member, const char *tag,
                        struct lbpf_error *error)
{
    struct lbpf_nearest nearest;
    bool found = false;

    lbpf_nearest_start(&nearest, member);
    for (uint32_t id = 1; id < btf->count; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(btf, id);

        if (lbpf_btf_is_aggregate(type) &&
            !strcmp(lbpf_kernel_btf_string(btf, type->name_off), tag)) {
            found = true;
            offer_members(btf, id, &nearest, 0);
        }
    }
    if (found && lbpf_nearest_name(&nearest))
        lbpf_error_hint(error, "did you mean '%s'? It is what the running kernel's struct %s has",
                        lbpf_nearest_name(&nearest), tag);
    else if (found)
        lbpf_error_hint(
            error, "the running kernel's struct %s has no such member; other kernels may", tag);
}

static const char *kind_word(const struct btf_type *type)
{
    switch (lbpf_btf_kind(type)) {
    case BTF_KIND_STRUCT:
        return "struct ";
    case BTF_KIND_UNION:
        return "union ";
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
        return "enum ";
    case BTF_KIND_TYPEDEF:
        return "";
    default:
        return NULL;
    }
}

static void hint_type(const struct lbpf_kernel_btf *btf, const char *name, struct lbpf_error *error)
{
    const char *word = strchr(name, ' '), *best_kind = "";
    struct lbpf_nearest nearest;
    unsigned distance = 0;

    if (!strncmp(name, "struct ", 7) || !strncmp(name, "union ", 6) || !strncmp(name, "enum ", 5))
        name = word + 1;
    lbpf_nearest_start(&nearest, name);
    distance = nearest.distance;
    for (uint32_t id = 1; id < btf->count; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(btf, id);
        const char *kind = kind_word(type);

        if (!kind || !type->name_off)
            continue;
        lbpf_nearest_offer(&nearest, lbpf_kernel_btf_string(btf, type->name_off));
        if (nearest.distance != distance || !*nearest.best)
            best_kind = kind;
        distance = nearest.distance;
    }
    if (lbpf_nearest_name(&nearest))
        lbpf_error_hint(error, "did you mean '%s%s'? It is what the running kernel has", best_kind,
                        lbpf_nearest_name(&nearest));
    else
        lbpf_error_hint(error,
                        "the running kernel's BTF has no type of this name; it may belong to "
                        "a module or another kernel version, so define it in the program");
}

static void hint_name(const struct lbpf_diagnostics *diagnostics, const char *name, bool function,
                      struct lbpf_error *error)
{
    const struct lbpf_strmap *defined = &diagnostics->identifiers->defined;
    struct lbpf_nearest nearest;

    lbpf_nearest_start(&nearest, name);
    for (size_t i = 0; i < defined->slot_count; i++)
        if (defined->slots[i].key && strcmp(defined->slots[i].key, name))
            lbpf_nearest_offer(&nearest, defined->slots[i].key);
    if (lbpf_nearest_name(&nearest))
        lbpf_error_hint(error, "did you mean '%s'?", lbpf_nearest_name(&nearest));
    else if (function)
        lbpf_error_hint(error,
                        "a BPF program can call kernel helpers (bpf_…) and functions that it "
                        "defines itself, not the kernel's own functions");
    else
        lbpf_error_hint(error, "macros of kernel headers are not in BTF; #define it in the program "
                               "if it is one");
}

static void add_hint(const struct lbpf_diagnostics *diagnostics, const char *message,
                     struct lbpf_error *error)
{
    static const char suffix[] = "_methods";
    char name[NAME_SIZE], owner[NAME_SIZE];

    if (!quoted_name(message, 0, name))
        return;
    if (!strncmp(message, "no member named", 15) && quoted_name(message, 1, owner) &&
        !strncmp(owner, "struct ", 7)) {
        size_t length = strlen(owner);

        if (length > sizeof suffix + 7 && !strcmp(owner + length - (sizeof suffix - 1), suffix))
            hint_method(diagnostics, name, owner + 7, error);
        else if (diagnostics->btf)
            hint_member(diagnostics->btf, name, owner + 7, error);
    } else if (strstr(message, "unknown type name") || strstr(message, "incomplete")) {
        if (strstr(message, "incomplete") && quoted_name(message, 1, owner) &&
            !strncmp(owner, "struct ", 7))
            memcpy(name, owner, sizeof name);
        if (diagnostics->btf)
            hint_type(diagnostics->btf, name, error);
    } else if (strstr(message, "use of undeclared identifier")) {
        hint_name(diagnostics, name, false, error);
    } else if (strstr(message, "call to undeclared function")) {
        hint_name(diagnostics, name, true, error);
    } else if (strstr(message, "file not found")) {
        lbpf_error_hint(error, "give its folder with cflags = {\"-I…\"}; kernel headers need none");
    }
}

int lbpf_diagnostics_error(const struct lbpf_diagnostics *diagnostics,
                           const struct lbpf_buffer *text, struct lbpf_error *error)
{
    struct finding finding = {{0}, {0}};
    char message[sizeof finding.message];
    const char *log = lbpf_buffer_string(text);

    if (!find_error(text, &finding))
        snprintf(finding.message, sizeof finding.message,
                 *log ? "clang failed; see the log" : "clang failed without a word");
    memcpy(message, finding.message, sizeof message);
    name_tables(message, sizeof message);
    lbpf_error_set(error, EINVAL, "compile", "%s", message);
    if (finding.where[0])
        lbpf_error_where(error, "%s", finding.where);
    if (strstr(finding.message, "unable to load plugin"))
        lbpf_error_hint(error, "clang must have the LLVM version that luabpf was built with; unset "
                               "LUABPF_CLANG, or build luabpf anew");
    else
        add_hint(diagnostics, finding.message, error);
    lbpf_error_take_log(error, strdup(log));
    return -EINVAL;
}
