/*
 * What to do about an error of clang's. Names are compared with the program's, the prelude's and
 * the running kernel's; all of it only after a failure, so speed does not matter here.
 */
#include "compile/diagnostics.h"

#include "host/nearest.h"

#include <ctype.h>
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

/* Members that have another name since a version of Linux, as a path that programs can write. */
static const struct {
    const char *tag, *was, *is;
} renames[] = {
    {"task_struct", "state", "__state"},                  /* 5.14 */
    {"task_struct", "cpus_allowed", "cpus_mask"},         /* 5.3 */
    {"task_struct", "real_start_time", "start_boottime"}, /* 5.5 */
    {"task_struct", "cpu", "thread_info.cpu"},            /* 5.16 */
    {"mm_struct", "mmap_sem", "mmap_lock"},               /* 5.8 */
    {"bio", "bi_disk", "bi_bdev->bd_disk"},               /* 5.12 */
    {"request", "rq_disk", "q->disk"},                    /* 5.17 */
    {"inode", "i_ctime", "__i_ctime"},                    /* 6.6 */
    {"inode", "i_ctime", "i_ctime_sec"},                  /* 6.11 */
    {"inode", "i_mtime", "i_mtime_sec"},
    {"inode", "i_atime", "i_atime_sec"},
    {"dentry", "d_child", "d_sib"}, /* 6.8 */
    {"dentry", "d_subdirs", "d_children"},
    {"kernfs_node", "parent", "__parent"}, /* 6.15 */
    {"file", "f_dentry", "f_path.dentry"}, /* 3.19 */
};

static bool has_member(const struct lbpf_kernel_btf *btf, uint32_t id, const char *path)
{
    const struct btf_type *type = lbpf_kernel_btf_type(btf, id);
    const struct btf_member *members = lbpf_btf_members(type);
    size_t size = strcspn(path, ".-");

    for (uint32_t i = 0; lbpf_btf_is_aggregate(type) && i < lbpf_btf_vlen(type); i++) {
        const char *name = lbpf_kernel_btf_string(btf, members[i].name_off);

        if (!strncmp(name, path, size) && !name[size])
            return true;
    }
    return false;
}

static const char *find_rename(const struct lbpf_kernel_btf *btf, uint32_t id, const char *tag,
                               const char *member)
{
    for (size_t i = 0; i < sizeof renames / sizeof *renames; i++)
        if (!strcmp(renames[i].tag, tag) && !strcmp(renames[i].was, member) &&
            has_member(btf, id, renames[i].is))
            return renames[i].is;
    return NULL;
}

/* suggested: clang has named one that is spelled alike. */
static void hint_member(const struct lbpf_kernel_btf *btf, const char *member, const char *tag,
                        bool suggested, struct lbpf_error *error)
{
    struct lbpf_nearest nearest;
    const char *renamed = NULL;
    bool found = false;

    lbpf_nearest_start(&nearest, member);
    for (uint32_t id = 1; id < btf->count && !renamed; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(btf, id);

        if (lbpf_btf_is_aggregate(type) &&
            !strcmp(lbpf_kernel_btf_string(btf, type->name_off), tag)) {
            found = true;
            renamed = find_rename(btf, id, tag, member);
            offer_members(btf, id, &nearest, 0);
        }
    }
    if (renamed)
        lbpf_error_hint(error, "in the running kernel struct %s has it as '%s'", tag, renamed);
    else if (suggested)
        return;
    else if (found && lbpf_nearest_name(&nearest))
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

/* Constants of the kernel's enums, whether the program uses their types or not. */
static void offer_enumerators(const struct lbpf_kernel_btf *btf, struct lbpf_nearest *nearest)
{
    for (uint32_t id = 1; id < btf->count; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(btf, id);
        const struct btf_enum *small = (const void *)(type + 1);
        const struct btf_enum64 *large = (const void *)(type + 1);

        for (uint32_t i = 0; lbpf_btf_is_enum(type) && i < lbpf_btf_vlen(type); i++)
            lbpf_nearest_offer(nearest,
                               lbpf_kernel_btf_string(btf, lbpf_btf_kind(type) == BTF_KIND_ENUM64
                                                               ? large[i].name_off
                                                               : small[i].name_off));
    }
}

static bool is_constant_name(const char *name)
{
    for (; *name; name++)
        if (islower((unsigned char)*name))
            return false;
    return true;
}

static void hint_name(const struct lbpf_diagnostics *diagnostics, const char *name, bool function,
                      struct lbpf_error *error)
{
    struct lbpf_nearest nearest;

    if (lbpf_strmap_has(&diagnostics->identifiers->defined, name)) {
        lbpf_error_hint(error, "it comes with the kernel headers: #include <linux/sched.h> or "
                               "any other of them, or use it after its definition");
        return;
    }
    lbpf_nearest_start(&nearest, name);
    offer_known(diagnostics->identifiers, name, &nearest);
    if (diagnostics->btf && !function && is_constant_name(name))
        offer_enumerators(diagnostics->btf, &nearest);
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

#define NO_FLOATS "BPF has no floating point: count in smaller units, and divide in the script"
#define CFLAGS    "cflags are given to clang as they are, each one an argument of its own"

/* What LLVM says in its own words about BPF's limits. The first that fits is taken. */
static const struct {
    const char *part, *hint;
} limits[] = {
    {"BPF stack limit", "a BPF function has 512 bytes of stack: keep large structures in a "
                        "BPF_PERCPU_ARRAY with one element, and work on what its lookup returns"},
    {"stack arguments", "a BPF function that is not inlined takes at most 5 arguments"},
    {"'__float", NO_FLOATS},
    {"'__fix", NO_FLOATS},
    {"sf3'", NO_FLOATS},
    {"df3'", NO_FLOATS},
    {"ti3'", "BPF computes with 64 bits: numbers of 128 bits can only be added and shifted"},
    {"built-in function", "BPF has no C library: the size of memset and memcpy must be a small "
                          "constant"},
    {"undeclared library function",
     "BPF has no C library: __builtin_memcpy and __builtin_memset work with constant sizes, "
     "bpf_probe_read_kernel_str and bpf_probe_read_user_str read strings, bpf_trace_printk prints"},
    {"variadic functions", "write a macro, or one function for each number of arguments"},
    {"unknown argument:", CFLAGS},
    {"unsupported option", CFLAGS},
    {"ld returned", CFLAGS},
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
    char name[NAME_SIZE], owner[NAME_SIZE];
    bool suggested = strstr(message, "did you mean") != NULL; /* by clang itself */

    if (hint_limit(message, error) || !quoted_name(message, 0, name))
        return;
    if (!strncmp(message, "no member named", 15) && quoted_name(message, 1, owner) &&
        !strncmp(owner, "struct ", 7)) {
        if (!lbpf_diagnostics_hint_method(name, owner + 7, error) && diagnostics->btf)
            hint_member(diagnostics->btf, name, owner + 7, suggested, error);
    } else if (suggested) {
        return;
    } else if (strstr(message, "unknown type name") || strstr(message, "incomplete")) {
        if (strstr(message, "incomplete") && quoted_name(message, 1, owner) &&
            !strncmp(owner, "struct ", 7))
            memcpy(name, owner, sizeof name);
        if (diagnostics->source->headers)
            lbpf_error_hint(error, "include the kernel header that defines it: with 'headers', no "
                                   "type comes from the kernel's BTF");
        else
            hint_type(diagnostics, name, error);
    } else if (strstr(message, "use of undeclared identifier")) {
        hint_name(diagnostics, name, false, error);
    } else if (strstr(message, "call to undeclared function")) {
        hint_name(diagnostics, name, true, error);
    } else if (strstr(message, "file not found")) {
        lbpf_error_hint(error, "give its folder with cflags = {\"-I…\"}; kernel headers %s",
                        diagnostics->source->headers ? "come from the folder of 'headers'"
                                                     : "need none");
    }
}
