/*
 * User probes: the kernel puts a breakpoint into every process that maps the file. It gets the file
 * as an open one (/proc/self/fd/N), so that what was looked up is what is probed, and files that no
 * path leads to can be probed, too.
 */
#include "attach/link_private.h"
#include "attach/uprobe_event.h"
#include "attach/uprobe_multi.h"
#include "attach/uprobe_places.h"
#include "host/features.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KERNEL_ENOTSUPP = 524 }; /* the kernel's own number for an instruction that takes no probe */

struct attaching {
    struct lbpf_link *link;
    int program;
    const struct lbpf_uprobe_options *options;
    const struct lbpf_uprobe_places *places;
    uint64_t *cookies; /* of each place: its index */
    char path[40];     /* of the open file, for the kernel */
    struct lbpf_error *error;
};

/* What the kernel refused at one place; code is a positive errno. */
static int refuse(const struct attaching *attaching, uint64_t offset, int code)
{
    const struct lbpf_uprobe_options *options = attaching->options;
    struct lbpf_error *error = attaching->error;
    struct lbpf_feature feature;
    char what[400];

    if (code == KERNEL_ENOTSUPP)
        code = EOPNOTSUPP;
    snprintf(what, sizeof what, "Failed to attach BPF to %s %.256s:0x%llx",
             options->is_return ? "uretprobe" : "uprobe", attaching->places->binary.name,
             (unsigned long long)offset);
    lbpf_attach_refused(error, code, lbpf_uprobe_op(options), what);
    if (!lbpf_feature("uprobe", &feature))
        lbpf_error_hint(error, "%s", feature.reason);
    else if (code == EINVAL || code == EOPNOTSUPP || code == EIO)
        lbpf_error_hint(error, "the kernel can not put a probe on this instruction%s",
                        options->offset || options->has_address
                            ? "; does the address point to the start of one?"
                            : "");
    return -code;
}

/* The kernel refused all places that an expression found. */
static int refuse_all(const struct attaching *attaching)
{
    return refuse(attaching, attaching->places->offsets[0], EOPNOTSUPP);
}

static int attach_each(const struct attaching *attaching)
{
    const struct lbpf_uprobe_places *places = attaching->places;
    const struct lbpf_uprobe_options *options = attaching->options;

    for (size_t i = 0; i < places->count; i++) {
        int fd = lbpf_uprobe_event_attach(attaching->program, attaching->path, places->offsets[i],
                                          options->pid, options->is_return, i);

        if (fd == -KERNEL_ENOTSUPP && places->count > 1)
            continue; /* found by an expression; the others count */
        if (fd < 0)
            return refuse(attaching, places->offsets[i], -fd);
        if (lbpf_link_add_fd(attaching->link, fd) < 0)
            return lbpf_error_no_memory(attaching->error, lbpf_uprobe_op(options));
    }
    return attaching->link->count > 0 ? 0 : refuse_all(attaching);
}

/*
 * One link for places first to end. The kernel refuses all for one instruction that takes no probe;
 * of those that an expression found such a place is left out, and what lies on both sides of it
 * gets links of its own.
 */
static int attach_range(const struct attaching *attaching, size_t first, size_t end)
{
    const struct lbpf_uprobe_places *places = attaching->places;
    const struct lbpf_uprobe_options *options = attaching->options;
    struct lbpf_uprobe_multi multi = {.path = attaching->path,
                                      .offsets = places->offsets + first,
                                      .cookies = attaching->cookies + first,
                                      .count = end - first,
                                      .pid = options->pid,
                                      .is_return = options->is_return};
    int fd = lbpf_uprobe_multi_attach(attaching->program, &multi);

    if (fd >= 0) {
        if (lbpf_link_add_fd(attaching->link, fd) < 0)
            return lbpf_error_no_memory(attaching->error, lbpf_uprobe_op(options));
        attaching->link->count += end - first - 1;
        return 0;
    }
    if (fd == -KERNEL_ENOTSUPP && end - first > 1) {
        size_t middle = first + (end - first) / 2;
        int result = attach_range(attaching, first, middle);

        return result < 0 ? result : attach_range(attaching, middle, end);
    }
    if (fd == -KERNEL_ENOTSUPP && places->count > 1)
        return 0;
    return refuse(attaching, places->offsets[first], -fd);
}

static int attach_together(struct attaching *attaching)
{
    size_t count = attaching->places->count;
    int result;

    attaching->cookies = calloc(count, sizeof *attaching->cookies);
    if (!attaching->cookies)
        return lbpf_error_no_memory(attaching->error, lbpf_uprobe_op(attaching->options));
    for (size_t i = 0; i < count; i++)
        attaching->cookies[i] = i;
    result = attach_range(attaching, 0, count);
    free(attaching->cookies);
    if (result == 0 && attaching->link->count == 0)
        return refuse_all(attaching);
    attaching->link->kind = "uprobe_multi";
    return result;
}

static int refuse_mechanism(const struct attaching *attaching, int code, const char *reason)
{
    lbpf_error_set(attaching->error, code, lbpf_uprobe_op(attaching->options),
                   "mechanism '%.100s' can not be used: %s", attaching->options->mechanism, reason);
    lbpf_error_hint(attaching->error, "leave out 'mechanism' to get the best one that works");
    return -code;
}

/* Whether one link is made for all places. Also for a single one: the other way takes 100 ms to
 * close, which nothing can overlap. */
static int choose_mechanism(const struct lbpf_object *object, const struct attaching *attaching,
                            bool *together)
{
    const struct lbpf_uprobe_options *options = attaching->options;
    const char *single = options->is_return ? "uretprobe" : "uprobe";
    bool has_tail_calls = lbpf_object_has_tail_calls(object);
    struct lbpf_feature feature = {0};
    bool usable = lbpf_uprobe_multi_usable(options->pid);

    *together = usable && !has_tail_calls;
    if (!options->mechanism)
        return 0;
    if (strcmp(options->mechanism, single) == 0) {
        *together = false;
        return 0;
    }
    if (strcmp(options->mechanism, "uprobe_multi") != 0) {
        lbpf_error_set(attaching->error, EINVAL, lbpf_uprobe_op(options),
                       "unknown mechanism '%.100s'", options->mechanism);
        lbpf_error_hint(attaching->error, "it is one of: uprobe_multi, %s", single);
        return -EINVAL;
    }
    if (!usable) {
        lbpf_feature(options->pid > 0 ? "uprobe_multi_pid" : "uprobe_multi", &feature);
        return refuse_mechanism(attaching, EOPNOTSUPP, feature.reason);
    }
    return has_tail_calls ? refuse_mechanism(attaching, EINVAL, "the program has tail calls") : 0;
}

static int attach_places(struct lbpf_object *object, struct attaching *attaching)
{
    const struct lbpf_uprobe_options *options = attaching->options;
    struct lbpf_load_options load = {.type = BPF_PROG_TYPE_KPROBE};
    struct bpf_program *program;
    bool together;
    int result = choose_mechanism(object, attaching, &together);

    if (result < 0)
        return result;
    if (together)
        load.expected_attach_type = (enum bpf_attach_type)LBPF_TRACE_UPROBE_MULTI;
    result = lbpf_object_load(object, options->function, &load, &program, attaching->error);
    if (result < 0)
        return result;
    attaching->program = bpf_program__fd(program);
    snprintf(attaching->path, sizeof attaching->path, "/proc/self/fd/%d",
             attaching->places->binary.library.fd);
    return together ? attach_together(attaching) : attach_each(attaching);
}

static struct lbpf_link *new_link(const struct lbpf_uprobe_options *options,
                                  const struct lbpf_uprobe_places *places)
{
    char target[2 * PATH_MAX + 300];

    if (options->has_address)
        snprintf(target, sizeof target, "%s:0x%llx", places->binary.name,
                 (unsigned long long)options->address);
    else if (options->offset)
        snprintf(target, sizeof target, "%s:%.256s+0x%llx", places->binary.name, options->symbol,
                 (unsigned long long)options->offset);
    else
        snprintf(target, sizeof target, "%s:%.256s", places->binary.name,
                 options->symbol ? options->symbol : options->symbol_re);
    return lbpf_link_new(options->is_return ? LBPF_LINK_URETPROBE : LBPF_LINK_UPROBE,
                         options->is_return ? "uretprobe" : "uprobe", target, options->function);
}

/* The link remembers where it is, for as long as it is read, and takes the names. */
static int keep_places(struct lbpf_link *link, struct lbpf_uprobe_places *places)
{
    size_t size = places->count * sizeof *places->offsets;

    link->file.offsets = malloc(size);
    if (!link->file.offsets)
        return -ENOMEM;
    memcpy(link->file.offsets, places->offsets, size);
    link->file.count = places->count;
    link->file.device = places->device;
    link->file.inode = places->inode;
    link->names = places->names;
    link->name_count = places->count;
    places->names = NULL;
    return 0;
}

static bool is_same_file(const struct lbpf_link *link, const struct lbpf_uprobe_places *places)
{
    return link->file.count > 0 && link->file.inode == places->inode &&
           link->file.device == places->device;
}

bool lbpf_link_covers_any(const struct lbpf_link *link, const struct lbpf_uprobe_places *places)
{
    size_t i = 0, j = 0;

    if (!is_same_file(link, places))
        return false;
    while (i < link->file.count && j < places->count) {
        if (link->file.offsets[i] == places->offsets[j])
            return true;
        if (link->file.offsets[i] < places->offsets[j])
            i++;
        else
            j++;
    }
    return false;
}

bool lbpf_link_covers_exactly(const struct lbpf_link *link, const struct lbpf_uprobe_places *places)
{
    return is_same_file(link, places) && link->file.count == places->count &&
           memcmp(link->file.offsets, places->offsets, places->count * sizeof *places->offsets) ==
               0;
}

int lbpf_attach_uprobe(struct lbpf_object *object, const struct lbpf_uprobe_options *options,
                       struct lbpf_uprobe_places *places, struct lbpf_link **out,
                       struct lbpf_error *error)
{
    struct attaching attaching = {.options = options, .places = places, .error = error};
    int result;

    *out = NULL;
    attaching.link = new_link(options, places);
    if (!attaching.link || keep_places(attaching.link, places) < 0) {
        lbpf_link_free(attaching.link);
        return lbpf_error_no_memory(error, lbpf_uprobe_op(options));
    }
    result = attach_places(object, &attaching);
    if (result < 0) {
        lbpf_link_free(attaching.link);
        return result;
    }
    *out = attaching.link;
    return 0;
}
