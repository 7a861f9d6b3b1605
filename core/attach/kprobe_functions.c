/*
 * Which kernel functions an expression can mean: those in the kernel's list of functions with a
 * hook, less those where a probe would crash. Each line of such a list costs the kernel the search
 * for a symbol, so one list has to do; since Linux 6.5 there is one with addresses, too, whose
 * lines cost half as much again. Only without tracefs are all symbols read, among which the end of
 * every region says what is no place for probes.
 */
#include "attach/link.h"
#include "base/array.h"
#include "base/strmap.h"
#include "host/kallsyms.h"
#include "host/lines.h"
#include "host/match.h"
#include "host/tracefs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char op[] = "list kernel functions";

/* A part of the kernel's image whose functions are no places for probes. */
struct region {
    const char *start, *end;
    enum { BEFORE, INSIDE, BEHIND } state;
};

struct candidate {
    struct lbpf_ksym symbol; /* its name is owned; its module is not kept */
    bool is_forbidden;
};

struct listing {
    struct lbpf_match match;
    struct candidate *candidates;
    size_t count, capacity;
    struct lbpf_strmap numbers; /* of candidates, by name */
    struct region init, interrupt_entry;
    size_t lines; /* of the list that is read */
};

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

/* "__ftrace_invalid_address___16" stands for a weak function that another one replaced. */
static bool is_function(const char *name)
{
    return !has_prefix(name, "_kbl_addr_") && !has_prefix(name, "__perf") &&
           !has_prefix(name, "perf_") && !has_prefix(name, "__SCT__") &&
           !has_prefix(name, "__ftrace_invalid_address__") && !is_cold_part(name);
}

/* The first of several with one name counts, as it does for the kernel. */
static int add_candidate(struct listing *listing, const char *name, size_t size, uint64_t address)
{
    struct candidate *candidate, *grown;

    if (lbpf_strmap_get(&listing->numbers, name, size))
        return 0;
    grown = lbpf_array_grow(listing->candidates, listing->count, &listing->capacity, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    listing->candidates = grown;
    if (lbpf_strmap_set(&listing->numbers, name, size, listing->count) < 0)
        return -ENOMEM;
    candidate = &listing->candidates[listing->count];
    *candidate = (struct candidate){.symbol = {.address = address, .module = ""}};
    candidate->symbol.name = strndup(name, size);
    listing->count += candidate->symbol.name != NULL;
    return candidate->symbol.name ? 0 : -ENOMEM;
}

/* --- the lists
 * -------------------------------------------------------------------------------------------- */

/* "name" or "name [module]". */
static int visit_name(void *context, char *line)
{
    struct listing *listing = context;
    size_t size = strcspn(line, " \t");

    listing->lines++;
    line[size] = '\0';
    if (!lbpf_match_name(&listing->match, line) || !is_function(line))
        return 0;
    return add_candidate(listing, line, size, 0);
}

/* "ffffffff81000000 name" or "… name [module]". The address is that of the hook. */
static int visit_addressed_name(void *context, char *line)
{
    struct listing *listing = context;
    char *name = strchr(line, ' ');
    size_t size;

    listing->lines++;
    if (!name)
        return 0;
    name++;
    size = strcspn(name, " \t");
    name[size] = '\0';
    if (!lbpf_match_name(&listing->match, name) || !is_function(name))
        return 0;
    return add_candidate(listing, name, size, strtoull(line, NULL, 16));
}

static int visit_symbol(void *context, const struct lbpf_ksym *symbol, char type)
{
    struct listing *listing = context;
    /* both watch every symbol, whether it is a candidate or not */
    bool in_init = is_inside(&listing->init, symbol->name);
    bool in_entry = is_inside(&listing->interrupt_entry, symbol->name);

    if (in_init || in_entry || !strchr("tTwW", type) ||
        !lbpf_match_name(&listing->match, symbol->name) || !is_function(symbol->name))
        return 0;
    return add_candidate(listing, symbol->name, strlen(symbol->name), symbol->address);
}

/* "0xffffffff81000000-0xffffffff81000040\tname" */
static int visit_forbidden(void *context, char *line)
{
    struct listing *listing = context;
    const struct lbpf_strmap_entry *entry;

    line += strcspn(line, " \t");
    line += strspn(line, " \t");
    entry = lbpf_strmap_get(&listing->numbers, line, strcspn(line, " \t"));
    if (entry)
        listing->candidates[entry->value].is_forbidden = true;
    return 0;
}

/* Reads the first list that there is, and that we may read. */
static int read_candidates(struct listing *listing, bool with_addresses, struct lbpf_error *error)
{
    static const struct {
        const char *name;
        int (*visit)(void *context, char *line);
    } lists[] = {
        {"available_filter_functions_addrs", visit_addressed_name},
        {"available_filter_functions", visit_name},
    };
    const char *folder = lbpf_tracefs(NULL);
    char path[128];

    for (size_t i = with_addresses ? 0 : 1; folder && i < sizeof lists / sizeof lists[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, lists[i].name);
        if (lbpf_lines_each(path, op, lists[i].visit, listing, NULL) == -ENOMEM)
            return -ENOMEM;
        if (listing->lines > 0)
            return 0;
    }
    return lbpf_kallsyms_scan(NULL, visit_symbol, listing, error);
}

/* --- the whole
 * -------------------------------------------------------------------------------------------- */

static int visit_candidates(struct listing *listing,
                            int (*visit)(void *context, const struct lbpf_ksym *symbol),
                            void *context)
{
    int result = 0;

    lbpf_lines_each("/sys/kernel/debug/kprobes/blacklist", op, visit_forbidden, listing, NULL);
    for (size_t i = 0; i < listing->count && result == 0; i++) {
        if (!listing->candidates[i].is_forbidden)
            result = visit(context, &listing->candidates[i].symbol);
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

int lbpf_kprobe_each_function(const char *expression, bool with_addresses,
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
    result = read_candidates(&listing, with_addresses, error);
    if (result == 0 && listing.count > 0)
        result = visit_candidates(&listing, visit, context);
    if (result == -ENOMEM)
        lbpf_error_no_memory(error, op);
    close_listing(&listing);
    return result;
}
