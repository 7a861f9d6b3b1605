/*
 * Which places a user probe means. An indirect function (strlen) is followed to the implementation
 * that this machine uses, because its own symbol runs once per process.
 */
#include "attach/uprobe_places.h"

#include "base/array.h"
#include "elf/instruction.h"
#include "elf/symtab.h"
#include "host/match.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *lbpf_uprobe_op(const struct lbpf_uprobe_options *options)
{
    return options->is_return ? "attach uretprobe" : "attach uprobe";
}

static int add_place(struct lbpf_uprobe_places *places, uint64_t offset, const char *name)
{
    struct lbpf_uprobe_place place = {.offset = offset}, *grown;

    grown = lbpf_array_grow(places->found, places->count, &places->capacity, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    places->found = grown;
    place.name = strdup(name);
    if (!place.name)
        return -ENOMEM;
    places->found[places->count++] = place;
    return 0;
}

/* By offset; of several names of one place the one that people use first: malloc, __libc_malloc. */
static int compare_places(const void *a, const void *b)
{
    const struct lbpf_uprobe_place *left = a, *right = b;

    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    if ((left->name[0] == '_') != (right->name[0] == '_'))
        return left->name[0] == '_' ? 1 : -1;
    return strcmp(left->name, right->name);
}

static void make_unique(struct lbpf_uprobe_places *places)
{
    size_t kept = 0;

    if (places->count == 0)
        return;
    qsort(places->found, places->count, sizeof *places->found, compare_places);
    for (size_t i = 1; i < places->count; i++) {
        if (places->found[i].offset != places->found[kept].offset)
            places->found[++kept] = places->found[i];
        else
            free(places->found[i].name);
    }
    places->count = kept + 1;
}

/* BCC's words in front; what was found out becomes the hint. */
static int explain_symbol(int result, const struct lbpf_uprobe_options *options, const char *symbol,
                          const struct lbpf_error *cause, struct lbpf_error *error)
{
    lbpf_error_set(error, -result, lbpf_uprobe_op(options),
                   "could not determine address of symbol %.200s in %.200s", symbol, options->path);
    lbpf_error_hint(error, "%s%s%s%s", cause->message, cause->hint[0] ? "; " : "", cause->hint,
                    result == -EMFILE ? "; raise the limit of open files (ulimit -n)" : "");
    return result;
}

/* A probe in the middle of an instruction would make the program run another one. */
static int check_offset(const struct lbpf_uprobe_places *places, uint64_t start,
                        const struct lbpf_uprobe_options *options, struct lbpf_error *error)
{
    uint64_t before, behind;
    int result =
        lbpf_elf_check_boundary(&places->binary.elf, start, options->offset, &before, &behind);

    if (result == -ENOMEM)
        return lbpf_error_no_memory(error, lbpf_uprobe_op(options));
    if (result < 0) {
        lbpf_error_set(error, -result, lbpf_uprobe_op(options),
                       "%.200s+0x%llx is in the middle of an instruction", options->symbol,
                       (unsigned long long)options->offset);
        lbpf_error_hint(error, "instructions start at +0x%llx and +0x%llx; objdump -d shows them",
                        (unsigned long long)before, (unsigned long long)behind);
    }
    return result;
}

/* A traced process knows for itself, whatever library it has; else we have to find out. */
static int follow_ifunc(struct lbpf_uprobe_places *places, pid_t pid,
                        const struct lbpf_elf_symbol *symbol, const char *name, uint64_t *offset,
                        struct lbpf_error *cause)
{
    const struct lbpf_elf_file *elf = &places->binary.elf;

    if (pid > 0 && lbpf_elf_read_ifunc(elf, pid, symbol->address, offset) == 0)
        return 0;
    return lbpf_elf_resolve_ifunc(elf, name, offset, cause);
}

static int find_symbol(struct lbpf_uprobe_places *places, const struct lbpf_uprobe_options *options,
                       struct lbpf_error *error)
{
    struct lbpf_error cause = {0};
    struct lbpf_elf_symbol symbol;
    uint64_t offset = 0;
    int result = lbpf_elf_find_function(&places->binary.elf, options->symbol, &symbol, &cause);

    if (result == 0) {
        offset = symbol.file_offset;
        if (symbol.is_ifunc)
            result = follow_ifunc(places, options->pid, &symbol, options->symbol, &offset, &cause);
    }
    if (result < 0)
        explain_symbol(result, options, options->symbol, &cause, error);
    else if ((result = check_offset(places, offset, options, error)) == 0 &&
             (result = add_place(places, offset + options->offset, options->symbol)) < 0)
        lbpf_error_no_memory(error, lbpf_uprobe_op(options));
    lbpf_error_clear(&cause);
    return result;
}

struct matching {
    struct lbpf_uprobe_places *places;
    const struct lbpf_match *match;
    pid_t pid;
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
        if (follow_ifunc(matching->places, matching->pid, symbol, name, &offset, NULL) != 0)
            return 0;
    }
    return add_place(matching->places, offset, symbol->name);
}

static int find_matching(struct lbpf_uprobe_places *places,
                         const struct lbpf_uprobe_options *options, struct lbpf_error *error)
{
    struct matching matching = {.places = places, .pid = options->pid};
    struct lbpf_match match;
    int result = lbpf_match_open(&match, options->symbol_re, lbpf_uprobe_op(options), error);

    if (result < 0)
        return result;
    matching.match = &match;
    result = lbpf_elf_each_function(&places->binary.elf, add_if_matching, &matching);
    lbpf_match_close(&match);
    if (result == -ENOMEM)
        return lbpf_error_no_memory(error, lbpf_uprobe_op(options));
    if (places->count > 0)
        return 0;
    lbpf_error_set(error, ENOENT, lbpf_uprobe_op(options), "no function of %s matches \"%.200s\"",
                   places->binary.name, options->symbol_re);
    lbpf_error_hint(error,
                    "the expression has to match the whole name; nm and nm -D list the names");
    return -ENOENT;
}

static int find_address(struct lbpf_uprobe_places *places,
                        const struct lbpf_uprobe_options *options, struct lbpf_error *error)
{
    uint64_t offset;
    int result = lbpf_elf_offset(&places->binary.elf, options->address, &offset);
    char name[32];

    if (result < 0) {
        lbpf_error_set(error, -result, lbpf_uprobe_op(options),
                       "could not determine address of symbol 0x%llx in %.200s",
                       (unsigned long long)options->address, options->path);
        lbpf_error_hint(error,
                        "that is not in its code; give the address that nm or objdump -d shows, "
                        "not one of a running process");
        return result;
    }
    snprintf(name, sizeof name, "0x%llx", (unsigned long long)options->address);
    return add_place(places, offset, name) < 0
               ? lbpf_error_no_memory(error, lbpf_uprobe_op(options))
               : 0;
}

static int check_options(const struct lbpf_uprobe_options *options, struct lbpf_error *error)
{
    int given = (options->symbol != NULL) + (options->symbol_re != NULL) + options->has_address;

    if (!options->path || !options->path[0])
        return lbpf_error_set(error, EINVAL, lbpf_uprobe_op(options),
                              "a library or program has to be named");
    if (given != 1)
        return lbpf_error_set(
            error, EINVAL, lbpf_uprobe_op(options),
            "exactly one of symbol, symbol expression and address has to be given");
    if (options->offset && !options->symbol)
        return lbpf_error_set(error, EINVAL, lbpf_uprobe_op(options),
                              "offset with addr is not supported");
    if (options->offset && options->is_return)
        return lbpf_error_set(error, EINVAL, lbpf_uprobe_op(options),
                              "a return probe has no offset");
    return 0;
}

/* Moves the places off instructions that the kernel would corrupt. */
static int make_safe(struct lbpf_uprobe_places *places, const struct lbpf_uprobe_options *options,
                     struct lbpf_error *error)
{
    size_t kept = 0;

    for (size_t i = 0; i < places->count; i++) {
        struct lbpf_uprobe_place place = places->found[i];

        if (lbpf_elf_probe_offset(&places->binary.elf, &place.offset) == 0)
            places->found[kept++] = place;
        else
            free(place.name);
    }
    places->count = kept;
    if (kept == 0) {
        lbpf_error_set(
            error, EOPNOTSUPP, lbpf_uprobe_op(options),
            "Failed to attach BPF to %s in %.200s: it begins with a vector instruction that the "
            "kernel's user probes get wrong",
            options->is_return ? "uretprobe" : "uprobe", places->binary.name);
        lbpf_error_hint(
            error, "a probe there would corrupt every process that calls it; probe a caller, or "
                   "an address behind that instruction");
        return -EOPNOTSUPP;
    }
    make_unique(places);
    return 0;
}

static int open_binary(struct lbpf_uprobe_places *places, const struct lbpf_uprobe_options *options,
                       struct lbpf_error *error)
{
    struct lbpf_error cause = {0};
    struct stat status;
    int result = lbpf_binary_open(&places->binary, options->path, options->pid, &cause);
    char address[32];

    if (result < 0) {
        snprintf(address, sizeof address, "0x%llx", (unsigned long long)options->address);
        explain_symbol(result, options,
                       options->symbol      ? options->symbol
                       : options->symbol_re ? options->symbol_re
                                            : address,
                       &cause, error);
    } else if (fstat(places->binary.library.fd, &status) == 0) {
        places->device = status.st_dev;
        places->inode = status.st_ino;
    }
    lbpf_error_clear(&cause);
    return result;
}

/* What was found, as the kernel wants it: offsets in the file that processes map, which may hold
 * the ELF file somewhere inside. */
static int finish_places(struct lbpf_uprobe_places *places)
{
    places->offsets = calloc(places->count, sizeof *places->offsets);
    places->names = calloc(places->count, sizeof *places->names);
    if (!places->offsets || !places->names)
        return -ENOMEM;
    for (size_t i = 0; i < places->count; i++) {
        places->offsets[i] = places->found[i].offset + places->binary.start;
        places->names[i] = places->found[i].name;
    }
    free(places->found);
    places->found = NULL;
    return 0;
}

static int find_offsets(struct lbpf_uprobe_places *places,
                        const struct lbpf_uprobe_options *options, struct lbpf_error *error)
{
    int result = options->symbol_re ? find_matching(places, options, error)
                 : options->symbol  ? find_symbol(places, options, error)
                                    : find_address(places, options, error);

    if (result == 0)
        result = make_safe(places, options, error);
    if (result == 0 && finish_places(places) < 0)
        return lbpf_error_no_memory(error, lbpf_uprobe_op(options));
    return result;
}

int lbpf_uprobe_find(const struct lbpf_uprobe_options *options, struct lbpf_uprobe_places **out,
                     struct lbpf_error *error)
{
    struct lbpf_uprobe_places *places;
    int result = check_options(options, error);

    *out = NULL;
    if (result < 0)
        return result;
    places = calloc(1, sizeof *places);
    if (!places)
        return lbpf_error_no_memory(error, lbpf_uprobe_op(options));
    result = open_binary(places, options, error);
    if (result < 0) {
        free(places);
        return result;
    }
    result = find_offsets(places, options, error);
    if (result < 0) {
        lbpf_uprobe_places_free(places);
        return result;
    }
    *out = places;
    return 0;
}

void lbpf_uprobe_places_free(struct lbpf_uprobe_places *places)
{
    if (!places)
        return;
    for (size_t i = 0; i < places->count; i++) {
        if (places->found)
            free(places->found[i].name);
        else if (places->names)
            free(places->names[i]);
    }
    lbpf_binary_close(&places->binary);
    free(places->found);
    free(places->offsets);
    free(places->names);
    free(places);
}

size_t lbpf_uprobe_places_count(const struct lbpf_uprobe_places *places)
{
    return places->count;
}
