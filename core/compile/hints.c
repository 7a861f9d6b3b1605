/*
 * What to do about an error of clang's. Names are compared with the program's, the prelude's and
 * the running kernel's; all of it only after a failure, so speed does not matter here.
 */
#include "compile/diagnostics.h"

#include "host/nearest.h"

#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 128 };

static void copy_field(char *field, size_t size, const char *from, size_t length)
{
    snprintf(field, size, "%.*s", (int)(length < size ? length : size - 1), from);
}

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
    if (lbpf_nearest_name(&nearest) && !strstr(error->message, "did you mean"))
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

/* The program's own type that comes nearest. */
static bool hint_own_type(const struct lbpf_identifiers *identifiers, const char *name,
                          struct lbpf_error *error)
{
    const struct lbpf_strmap *defined = &identifiers->defined;
    struct lbpf_nearest nearest;
    struct lbpf_strmap_entry *best;
    const char *kind;

    lbpf_nearest_start(&nearest, name);
    for (size_t i = 0; i < defined->slot_count; i++)
        if (defined->slots[i].key &&
            defined->slots[i].value & (LBPF_DEFINES_TAG | LBPF_DEFINES_TYPEDEF))
            lbpf_nearest_offer(&nearest, defined->slots[i].key);
    best = lbpf_strmap_get(defined, nearest.best, strlen(nearest.best));
    if (!lbpf_nearest_name(&nearest) || !best)
        return false;
    kind = best->value & LBPF_DEFINES_STRUCT  ? "struct "
           : best->value & LBPF_DEFINES_UNION ? "union "
           : best->value & LBPF_DEFINES_ENUM  ? "enum "
                                              : "";
    lbpf_error_hint(error, "did you mean '%s%s'?", kind, best->key);
    return true;
}

static void hint_type(const struct lbpf_diagnostics *diagnostics, const char *name,
                      struct lbpf_error *error)
{
    const struct lbpf_kernel_btf *btf = diagnostics->btf;
    const char *word = strchr(name, ' '), *best_kind = "";
    struct lbpf_nearest nearest;
    unsigned distance = 0;

    if (!strncmp(name, "struct ", 7) || !strncmp(name, "union ", 6) || !strncmp(name, "enum ", 5))
        name = word + 1;
    if (hint_own_type(diagnostics->identifiers, name, error) || !btf)
        return;
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

/* What the program defines and what the prelude mentions: helpers above all. */
static void offer_known(const struct lbpf_identifiers *identifiers, const char *name,
                        struct lbpf_nearest *nearest)
{
    for (size_t i = 0; i < identifiers->defined.slot_count; i++) {
        const char *key = identifiers->defined.slots[i].key;

        if (key && strcmp(key, name))
            lbpf_nearest_offer(nearest, key);
    }
    for (size_t i = 0; i < identifiers->names.slot_count; i++) {
        const struct lbpf_strmap_entry *entry = &identifiers->names.slots[i];

        if (entry->key && !(entry->value & LBPF_USED_OWN))
            lbpf_nearest_offer(nearest, entry->key);
    }
}

static void hint_name(const struct lbpf_diagnostics *diagnostics, const char *name, bool function,
                      struct lbpf_error *error)
{
    struct lbpf_nearest nearest;

    lbpf_nearest_start(&nearest, name);
    offer_known(diagnostics->identifiers, name, &nearest);
    if (lbpf_nearest_name(&nearest))
        lbpf_error_hint(error, "did you mean '%s'?", lbpf_nearest_name(&nearest));
    else if (function)
        lbpf_error_hint(error,
                        "a BPF program can call kernel helpers (bpf_…) and functions that it "
                        "defines itself, not the kernel's own functions");
    else
        lbpf_error_hint(error,
                        "constants of kernel headers come with any of them, as with #include "
                        "<linux/sched.h>; #define it in the program if it is not among them");
}

/* What LLVM says in its own words about BPF's limits. */
static const struct {
    const char *part, *hint;
} limits[] = {
    {"BPF stack limit", "a BPF function has 512 bytes of stack: keep large structures in a "
                        "BPF_PERCPU_ARRAY with one element, and work on what its lookup returns"},
    {"too many arguments", "a BPF function that is not inlined takes at most 5 arguments"},
    {"stack arguments", "a BPF function that is not inlined takes at most 5 arguments"},
    {"built-in function", "BPF has no C library: the size of memset and memcpy must be a small "
                          "constant"},
    {"signed division", "BPF divides unsigned numbers only: cast the operands"},
    {"dynamic stack allocation", "an array in a BPF function must have a constant size"},
};

static bool hint_limit(const char *message, struct lbpf_error *error)
{
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (strstr(message, limits[i].part)) {
            lbpf_error_hint(error, "%s", limits[i].hint);
            return true;
        }
    return false;
}

void lbpf_diagnostics_hint(const struct lbpf_diagnostics *diagnostics, const char *message,
                           struct lbpf_error *error)
{
    static const char suffix[] = "_methods";
    char name[NAME_SIZE], owner[NAME_SIZE];

    bool suggested = strstr(message, "did you mean") != NULL; /* by clang itself */

    if (hint_limit(message, error) || !quoted_name(message, 0, name))
        return;
    if (!strncmp(message, "no member named", 15) && quoted_name(message, 1, owner) &&
        !strncmp(owner, "struct ", 7)) {
        size_t length = strlen(owner);

        if (length > sizeof suffix + 7 && !strcmp(owner + length - (sizeof suffix - 1), suffix))
            hint_method(diagnostics, name, owner + 7, error);
        else if (diagnostics->btf && !suggested)
            hint_member(diagnostics->btf, name, owner + 7, error);
    } else if (suggested) {
        return;
    } else if (strstr(message, "unknown type name") || strstr(message, "incomplete")) {
        if (strstr(message, "incomplete") && quoted_name(message, 1, owner) &&
            !strncmp(owner, "struct ", 7))
            memcpy(name, owner, sizeof name);
        hint_type(diagnostics, name, error);
    } else if (strstr(message, "use of undeclared identifier")) {
        hint_name(diagnostics, name, false, error);
    } else if (strstr(message, "call to undeclared function")) {
        hint_name(diagnostics, name, true, error);
    } else if (strstr(message, "file not found")) {
        lbpf_error_hint(error, "give its folder with cflags = {\"-I…\"}; kernel headers need none");
    }
}
