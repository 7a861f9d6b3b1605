/*
 * User probes: a name becomes a file, a symbol becomes offsets in it, and the kernel puts a
 * breakpoint there for every process that maps the file. An indirect function (strlen) is followed
 * to the implementation that this machine uses, because its own symbol runs once per process.
 */
#include "attach/link_private.h"
#include "attach/uprobe_multi.h"
#include "elf/file.h"
#include "elf/instruction.h"
#include "elf/symtab.h"
#include "host/features.h"
#include "host/match.h"
#include "host/proc.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KERNEL_ENOTSUPP = 524 }; /* the kernel's own number for an instruction that takes no probe */

struct places {
    char path[PATH_MAX];
    struct lbpf_elf_file file;
    uint64_t *offsets; /* ascending, unique */
    size_t count, capacity;
};

static const char *op(const struct lbpf_uprobe_options *options)
{
    return options->is_return ? "attach uretprobe" : "attach uprobe";
}

/* --- which places
 * ---------------------------------------------------------------------------------------- */

static int add_place(struct places *places, uint64_t offset)
{
    if (places->count == places->capacity) {
        size_t capacity = places->capacity ? places->capacity * 2 : 16;
        uint64_t *grown = realloc(places->offsets, capacity * sizeof *grown);

        if (!grown)
            return -ENOMEM;
        places->offsets = grown;
        places->capacity = capacity;
    }
    places->offsets[places->count++] = offset;
    return 0;
}

static int compare_offsets(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static void make_unique(struct places *places)
{
    size_t kept = 0;

    if (places->count == 0)
        return;
    qsort(places->offsets, places->count, sizeof *places->offsets, compare_offsets);
    for (size_t i = 1; i < places->count; i++) {
        if (places->offsets[i] != places->offsets[kept])
            places->offsets[++kept] = places->offsets[i];
    }
    places->count = kept + 1;
}

/* BCC's words in front; what was found out becomes the hint. */
static int explain_symbol(int result, const struct lbpf_uprobe_options *options, const char *symbol,
                          const struct lbpf_error *cause, struct lbpf_error *error)
{
    lbpf_error_set(error, -result, op(options),
                   "could not determine address of symbol %.200s in %.200s", symbol, options->path);
    lbpf_error_hint(error, "%s%s%s", cause->message, cause->hint[0] ? "; " : "", cause->hint);
    return result;
}

static int find_symbol(struct places *places, const struct lbpf_uprobe_options *options,
                       struct lbpf_error *error)
{
    struct lbpf_error cause = {0};
    struct lbpf_elf_symbol symbol;
    uint64_t offset = 0;
    int result = lbpf_elf_find_function(&places->file, options->symbol, &symbol, &cause);

    if (result == 0) {
        offset = symbol.file_offset;
        if (symbol.is_ifunc)
            result = lbpf_elf_resolve_ifunc(&places->file, options->symbol, &offset, &cause);
    }
    if (result < 0)
        explain_symbol(result, options, options->symbol, &cause, error);
    else if ((result = add_place(places, offset + options->offset)) < 0)
        lbpf_error_no_memory(error, op(options));
    lbpf_error_clear(&cause);
    return result;
}

struct matching {
    struct places *places;
    const struct lbpf_match *match;
};

static int add_if_matching(void *context, const struct lbpf_elf_symbol *symbol)
{
    const struct matching *matching = context;
    uint64_t offset = symbol->file_offset;
    char name[512];

    if (!lbpf_match_name(matching->match, symbol->name))
        return 0;
    if (symbol->is_ifunc) {
        snprintf(name, sizeof name, "%s%s%s", symbol->name, symbol->version ? "@" : "",
                 symbol->version ? symbol->version : "");
        /* One whose implementation is out of reach is no place for a probe; the rest still are. */
        if (lbpf_elf_resolve_ifunc(&matching->places->file, name, &offset, NULL) != 0)
            return 0;
    }
    return add_place(matching->places, offset);
}

static int find_matching(struct places *places, const struct lbpf_uprobe_options *options,
                         struct lbpf_error *error)
{
    struct matching matching = {.places = places};
    struct lbpf_match match;
    int result = lbpf_match_open(&match, options->symbol_re, op(options), error);

    if (result < 0)
        return result;
    matching.match = &match;
    result = lbpf_elf_each_function(&places->file, add_if_matching, &matching);
    lbpf_match_close(&match);
    if (result == -ENOMEM)
        return lbpf_error_no_memory(error, op(options));
    if (places->count > 0)
        return 0;
    lbpf_error_set(error, ENOENT, op(options), "no function of %s matches \"%.200s\"", places->path,
                   options->symbol_re);
    lbpf_error_hint(error,
                    "the expression has to match the whole name; nm and nm -D list the names");
    return -ENOENT;
}

static int find_address(struct places *places, const struct lbpf_uprobe_options *options,
                        struct lbpf_error *error)
{
    uint64_t offset;
    int result = lbpf_elf_offset(&places->file, options->address, &offset);

    if (result < 0) {
        lbpf_error_set(error, -result, op(options),
                       "could not determine address of symbol 0x%llx in %.200s",
                       (unsigned long long)options->address, options->path);
        lbpf_error_hint(error,
                        "that is not in its code; give the address that nm or objdump -d shows, "
                        "not one of a running process");
        return result;
    }
    return add_place(places, offset) < 0 ? lbpf_error_no_memory(error, op(options)) : 0;
}

static int check_options(const struct lbpf_uprobe_options *options, struct lbpf_error *error)
{
    int given = (options->symbol != NULL) + (options->symbol_re != NULL) + options->has_address;

    if (!options->path || !options->path[0])
        return lbpf_error_set(error, EINVAL, op(options), "a library or program has to be named");
    if (given != 1)
        return lbpf_error_set(
            error, EINVAL, op(options),
            "exactly one of symbol, symbol expression and address has to be given");
    if (options->offset && !options->symbol)
        return lbpf_error_set(error, EINVAL, op(options), "offset with addr is not supported");
    if (options->offset && options->is_return)
        return lbpf_error_set(error, EINVAL, op(options), "a return probe has no offset");
    return 0;
}

static int find_path(const struct lbpf_uprobe_options *options, char *path, size_t size,
                     struct lbpf_error *error)
{
    struct lbpf_error cause = {0};
    int result = lbpf_find_library(options->path, options->pid, path, size, &cause);
    char address[32];

    if (result < 0) {
        snprintf(address, sizeof address, "0x%llx", (unsigned long long)options->address);
        explain_symbol(result, options,
                       options->symbol      ? options->symbol
                       : options->symbol_re ? options->symbol_re
                                            : address,
                       &cause, error);
    }
    lbpf_error_clear(&cause);
    return result;
}

static int open_file(struct places *places, const struct lbpf_uprobe_options *options,
                     struct lbpf_error *error)
{
    struct lbpf_error cause = {0};
    int result = lbpf_elf_open(&places->file, places->path, &cause);

    if (result < 0)
        explain_symbol(result, options,
                       options->symbol      ? options->symbol
                       : options->symbol_re ? options->symbol_re
                                            : "",
                       &cause, error);
    lbpf_error_clear(&cause);
    return result;
}

/* Moves the places off instructions that the kernel would corrupt. */
static int make_safe(struct places *places, const struct lbpf_uprobe_options *options,
                     struct lbpf_error *error)
{
    size_t kept = 0;

    for (size_t i = 0; i < places->count; i++) {
        if (lbpf_elf_probe_offset(&places->file, &places->offsets[i]) == 0)
            places->offsets[kept++] = places->offsets[i];
    }
    if (kept == 0) {
        lbpf_error_set(
            error, EOPNOTSUPP, op(options),
            "Failed to attach BPF to %s in %.200s: it begins with a vector instruction that the "
            "kernel's user probes get wrong",
            options->is_return ? "uretprobe" : "uprobe", places->path);
        lbpf_error_hint(
            error, "a probe there would corrupt every process that calls it; probe a caller, or "
                   "an address behind that instruction");
        return -EOPNOTSUPP;
    }
    places->count = kept;
    make_unique(places);
    return 0;
}

static int find_places(struct places *places, const struct lbpf_uprobe_options *options,
                       struct lbpf_error *error)
{
    int result = find_path(options, places->path, sizeof places->path, error);

    if (result == 0)
        result = open_file(places, options, error);
    if (result == 0 && options->symbol_re)
        result = find_matching(places, options, error);
    else if (result == 0 && options->symbol)
        result = find_symbol(places, options, error);
    else if (result == 0)
        result = find_address(places, options, error);
    return result < 0 ? result : make_safe(places, options, error);
}

/* --- attaching
 * ----------------------------------------------------------------------------------------- */

static int refuse(const struct lbpf_uprobe_options *options, const struct places *places,
                  uint64_t offset, int code, struct lbpf_error *error)
{
    struct lbpf_feature feature;
    char what[400];

    if (code == KERNEL_ENOTSUPP)
        code = EOPNOTSUPP;
    snprintf(what, sizeof what, "Failed to attach BPF to %s %.256s:0x%llx",
             options->is_return ? "uretprobe" : "uprobe", places->path, (unsigned long long)offset);
    lbpf_attach_refused(error, code, op(options), what);
    if (!lbpf_feature("uprobe", &feature))
        lbpf_error_hint(error, "%s", feature.reason);
    else if (code == EINVAL || code == EOPNOTSUPP || code == EIO)
        lbpf_error_hint(error, "the kernel can not put a probe on this instruction%s",
                        options->offset || options->has_address
                            ? "; does the address point to the start of one?"
                            : "");
    return -code;
}

static int attach_each(struct lbpf_link *link, const struct bpf_program *program,
                       const struct lbpf_uprobe_options *options, const struct places *places,
                       struct lbpf_error *error)
{
    LIBBPF_OPTS(bpf_uprobe_opts, settings, .retprobe = options->is_return);

    for (size_t i = 0; i < places->count; i++) {
        struct bpf_link *part =
            bpf_program__attach_uprobe_opts(program, options->pid > 0 ? options->pid : -1,
                                            places->path, places->offsets[i], &settings);

        if (!part && errno == KERNEL_ENOTSUPP && places->count > 1)
            continue; /* found by an expression; the others count */
        if (!part)
            return refuse(options, places, places->offsets[i], lbpf_libbpf_code(-errno), error);
        if (lbpf_link_add(link, part) < 0)
            return lbpf_error_no_memory(error, op(options));
    }
    return link->count > 0 ? 0 : refuse(options, places, places->offsets[0], EOPNOTSUPP, error);
}

/*
 * One link for places first to end. The kernel refuses all for one instruction that takes no probe;
 * of those that an expression found such a place is left out, and what lies on both sides of it
 * gets links of its own.
 */
static int attach_range(struct lbpf_link *link, const struct bpf_program *program,
                        const struct lbpf_uprobe_options *options, const struct places *places,
                        size_t first, size_t end, struct lbpf_error *error)
{
    int fd =
        lbpf_uprobe_multi_attach(bpf_program__fd(program), places->path, places->offsets + first,
                                 end - first, options->pid, options->is_return);

    if (fd >= 0) {
        if (lbpf_link_add_fd(link, fd) < 0)
            return lbpf_error_no_memory(error, op(options));
        link->count += end - first - 1;
        return 0;
    }
    if (fd == -KERNEL_ENOTSUPP && end - first > 1) {
        size_t middle = first + (end - first) / 2;
        int result = attach_range(link, program, options, places, first, middle, error);

        return result < 0 ? result
                          : attach_range(link, program, options, places, middle, end, error);
    }
    if (fd == -KERNEL_ENOTSUPP && places->count > 1)
        return 0;
    return refuse(options, places, places->offsets[first], -fd, error);
}

static int attach_together(struct lbpf_link *link, const struct bpf_program *program,
                           const struct lbpf_uprobe_options *options, const struct places *places,
                           struct lbpf_error *error)
{
    int result = attach_range(link, program, options, places, 0, places->count, error);

    if (result == 0 && link->count == 0)
        return refuse(options, places, places->offsets[0], EOPNOTSUPP, error);
    if (options->symbol_re)
        link->kind = "uprobe_multi";
    return result;
}

static void describe(const struct lbpf_uprobe_options *options, const char *path, char *text,
                     size_t size)
{
    if (options->has_address)
        snprintf(text, size, "%s:0x%llx", path, (unsigned long long)options->address);
    else if (options->offset)
        snprintf(text, size, "%s:%s+0x%llx", path, options->symbol,
                 (unsigned long long)options->offset);
    else
        snprintf(text, size, "%s:%s", path, options->symbol ? options->symbol : options->symbol_re);
}

int lbpf_uprobe_target(const struct lbpf_uprobe_options *options, char *text, size_t size,
                       struct lbpf_error *error)
{
    char path[PATH_MAX];
    int result = check_options(options, error);

    if (result == 0)
        result = find_path(options, path, sizeof path, error);
    if (result == 0)
        describe(options, path, text, size);
    return result;
}

static int attach_places(struct lbpf_object *object, const struct lbpf_uprobe_options *options,
                         const struct places *places, struct lbpf_link *link,
                         struct lbpf_error *error)
{
    /* Also for a single place: the other way takes 100 ms to close, which nothing can overlap. */
    bool together = lbpf_uprobe_multi_usable(options->pid) && !lbpf_object_has_tail_calls(object);
    struct lbpf_load_options load = {.type = BPF_PROG_TYPE_KPROBE};
    struct bpf_program *program;
    int result;

    if (together)
        load.expected_attach_type = (enum bpf_attach_type)LBPF_TRACE_UPROBE_MULTI;
    result = lbpf_object_load(object, options->function, &load, &program, error);
    if (result < 0)
        return result;
    if (together)
        return attach_together(link, program, options, places, error);
    return attach_each(link, program, options, places, error);
}

int lbpf_attach_uprobe(struct lbpf_object *object, const struct lbpf_uprobe_options *options,
                       struct lbpf_link **out, struct lbpf_error *error)
{
    struct places places = {.file.fd = -1};
    struct lbpf_link *link = NULL;
    char target[PATH_MAX + 256];
    int result = check_options(options, error);

    *out = NULL;
    if (result == 0)
        result = find_places(&places, options, error);
    if (result == 0) {
        describe(options, places.path, target, sizeof target);
        link =
            lbpf_link_new(options->is_return ? LBPF_LINK_URETPROBE : LBPF_LINK_UPROBE,
                          options->is_return ? "uretprobe" : "uprobe", target, options->function);
        result = link ? attach_places(object, options, &places, link, error)
                      : lbpf_error_no_memory(error, op(options));
    }
    lbpf_elf_close(&places.file);
    free(places.offsets);
    if (result < 0) {
        lbpf_link_free(link);
        return result;
    }
    *out = link;
    return 0;
}
