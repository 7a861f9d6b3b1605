/*
 * Which kernel functions an expression can mean. No list of the kernel is complete: kallsyms has
 * every symbol, available_filter_functions those with a hook, the blacklist those that would crash;
 * and init code is gone by now. Either of the last two may be missing or closed to us, then the
 * rest decides. kallsyms comes first, so that of the long lists only what matched is kept.
 */
#include "attach/link.h"
#include "base/buffer.h"
#include "base/strmap.h"
#include "host/kallsyms.h"
#include "host/match.h"
#include "host/tracefs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_LIMIT = 64 * 1024 * 1024 };

static const char op[] = "list kernel functions";

/* A part of the kernel's image whose functions are no places for probes. */
struct region {
    const char *start, *end;
    enum { BEFORE, INSIDE, BEHIND } state;
};

struct candidate {
    struct lbpf_ksym symbol; /* its name is owned; its module is not kept */
    bool is_traceable, is_forbidden;
};

struct listing {
    struct lbpf_match match;
    struct candidate *candidates;
    size_t count, capacity;
    struct lbpf_strmap numbers; /* of candidates, by name */
    struct region init, interrupt_entry;
};

/* Calls visit for the candidate of each name in one column (from 0) of a list. How many lines the
 * list has: 0 when it can't be read. */
static size_t each_listed(struct listing *listing, const char *path, unsigned column,
                          void (*visit)(struct candidate *candidate))
{
    struct lbpf_buffer text = {0};
    char *rest = NULL;
    size_t lines = 0;

    if (lbpf_buffer_read_file(&text, path, LIST_LIMIT) < 0 || !text.data) {
        lbpf_buffer_free(&text);
        return 0;
    }
    for (char *line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        const struct lbpf_strmap_entry *entry;

        for (unsigned i = 0; i < column; i++) {
            line += strcspn(line, " \t");
            line += strspn(line, " \t");
        }
        entry = lbpf_strmap_get(&listing->numbers, line, strcspn(line, " \t"));
        if (entry)
            visit(&listing->candidates[entry->value]);
        lines++;
    }
    lbpf_buffer_free(&text);
    return lines;
}

static void forbid(struct candidate *candidate)
{
    candidate->is_forbidden = true;
}

static void allow(struct candidate *candidate)
{
    candidate->is_traceable = true;
}

/* Whether name lies in the region, whose two marks are symbols themselves. */
static bool is_inside(struct region *region, const char *name)
{
    if (region->state == BEFORE && strcmp(name, region->start) == 0) {
        region->state = INSIDE;
        return true;
    }
    if (region->state != INSIDE)
        return false;
    if (strcmp(name, region->end) == 0)
        region->state = BEHIND;
    return true;
}

static bool has_prefix(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* "f.cold" and "f.cold.3": the unlikely half of a function, which nobody calls. */
static bool is_cold_part(const char *name)
{
    const char *cold = strstr(name, ".cold");

    for (; cold; cold = strstr(cold + 1, ".cold")) {
        const char *end = cold + 5;

        if (*end == '\0' ||
            (*end == '.' && end[1] && strspn(end + 1, "0123456789") == strlen(end + 1)))
            return true;
    }
    return false;
}

static bool is_candidate(struct listing *listing, const char *name, char type)
{
    /* both watch every symbol, whether it is a candidate or not */
    bool in_init = is_inside(&listing->init, name);
    bool in_entry = is_inside(&listing->interrupt_entry, name);

    if (in_init || in_entry || !strchr("tTwW", type))
        return false;
    if (has_prefix(name, "_kbl_addr_") || has_prefix(name, "__perf") || has_prefix(name, "perf_") ||
        has_prefix(name, "__SCT__") || is_cold_part(name))
        return false;
    return lbpf_match_name(&listing->match, name);
}

static int add_candidate(struct listing *listing, const struct lbpf_ksym *symbol)
{
    struct candidate *candidate;

    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity ? listing->capacity * 2 : 64;
        struct candidate *grown = realloc(listing->candidates, capacity * sizeof *grown);

        if (!grown)
            return -ENOMEM;
        listing->candidates = grown;
        listing->capacity = capacity;
    }
    if (lbpf_strmap_set(&listing->numbers, symbol->name, strlen(symbol->name), listing->count) < 0)
        return -ENOMEM;
    candidate = &listing->candidates[listing->count];
    *candidate = (struct candidate){.symbol = {.address = symbol->address, .module = ""}};
    candidate->symbol.name = strdup(symbol->name);
    listing->count += candidate->symbol.name != NULL;
    return candidate->symbol.name ? 0 : -ENOMEM;
}

static int visit_symbol(void *context, const struct lbpf_ksym *symbol, char type)
{
    struct listing *listing = context;

    if (!is_candidate(listing, symbol->name, type) ||
        lbpf_strmap_has(&listing->numbers, symbol->name))
        return 0;
    return add_candidate(listing, symbol);
}

static int visit_candidates(struct listing *listing,
                            int (*visit)(void *context, const struct lbpf_ksym *symbol),
                            void *context)
{
    const char *folder = lbpf_tracefs(NULL);
    size_t traceable = 0;
    char path[128];
    int result = 0;

    each_listed(listing, "/sys/kernel/debug/kprobes/blacklist", 1, forbid);
    if (folder) {
        snprintf(path, sizeof path, "%s/available_filter_functions", folder);
        traceable = each_listed(listing, path, 0, allow);
    }
    for (size_t i = 0; i < listing->count && result == 0; i++) {
        const struct candidate *candidate = &listing->candidates[i];

        if (!candidate->is_forbidden && (traceable == 0 || candidate->is_traceable))
            result = visit(context, &candidate->symbol);
    }
    return result;
}

static void close_listing(struct listing *listing)
{
    lbpf_match_close(&listing->match);
    for (size_t i = 0; i < listing->count; i++)
        free((char *)listing->candidates[i].symbol.name);
    free(listing->candidates);
    lbpf_strmap_free(&listing->numbers);
}

int lbpf_kprobe_each_function(const char *expression,
                              int (*visit)(void *context, const struct lbpf_ksym *symbol),
                              void *context, struct lbpf_error *error)
{
    struct listing listing = {
        .init = {.start = "__init_begin", .end = "__init_end"},
        .interrupt_entry = {.start = "__irqentry_text_start", .end = "__irqentry_text_end"},
    };
    int result = lbpf_match_open(&listing.match, expression, op, error);

    if (result < 0)
        return result;
    result = lbpf_kallsyms_scan(NULL, visit_symbol, &listing, error);
    if (result == 0 && listing.count > 0)
        result = visit_candidates(&listing, visit, context);
    if (result == -ENOMEM)
        lbpf_error_no_memory(error, op);
    close_listing(&listing);
    return result;
}
