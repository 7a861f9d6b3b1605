/*
 * Which kernel functions an expression can mean. No list of the kernel is complete: kallsyms has
 * every symbol, available_filter_functions those with a hook, the blacklist those that would crash;
 * and init code is gone by now. Either of the last two may be missing or closed to us, then the
 * rest decides.
 */
#include "attach/link.h"
#include "base/buffer.h"
#include "base/strmap.h"
#include "host/kallsyms.h"
#include "host/match.h"
#include "host/tracefs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LIST_LIMIT = 64 * 1024 * 1024 };

static const char op[] = "list kernel functions";

/* A part of the kernel's image whose functions are no places for probes. */
struct region {
    const char *start, *end;
    enum { BEFORE, INSIDE, BEHIND } state;
};

struct listing {
    struct lbpf_match match;
    struct lbpf_strmap traceable; /* empty: not known */
    struct lbpf_strmap forbidden;
    struct lbpf_strmap seen;
    struct region init, interrupt_entry;
    int (*visit)(void *context, const struct lbpf_ksym *symbol);
    void *context;
};

/* Adds one column (from 0) of each line. */
static int add_column(struct lbpf_strmap *names, const char *path, unsigned column)
{
    struct lbpf_buffer text = {0};
    char *rest = NULL;
    int result = 0;

    if (lbpf_buffer_read_file(&text, path, LIST_LIMIT) < 0 || !text.data) {
        lbpf_buffer_free(&text);
        return 0;
    }
    for (char *line = strtok_r(text.data, "\n", &rest); line && result == 0;
         line = strtok_r(NULL, "\n", &rest)) {
        for (unsigned i = 0; i < column; i++) {
            line += strcspn(line, " \t");
            line += strspn(line, " \t");
        }
        if (*line)
            result = lbpf_strmap_set(names, line, strcspn(line, " \t"), 1);
    }
    lbpf_buffer_free(&text);
    return result;
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
    return lbpf_match_name(&listing->match, name) && !lbpf_strmap_has(&listing->forbidden, name) &&
           (listing->traceable.count == 0 || lbpf_strmap_has(&listing->traceable, name));
}

static int visit_symbol(void *context, const struct lbpf_ksym *symbol, char type)
{
    struct listing *listing = context;

    if (!is_candidate(listing, symbol->name, type) || lbpf_strmap_has(&listing->seen, symbol->name))
        return 0;
    if (lbpf_strmap_set(&listing->seen, symbol->name, strlen(symbol->name), 1) < 0)
        return -ENOMEM;
    return listing->visit(listing->context, symbol);
}

static int read_lists(struct listing *listing)
{
    const char *folder = lbpf_tracefs(NULL);
    char path[128];
    int result;

    result = add_column(&listing->forbidden, "/sys/kernel/debug/kprobes/blacklist", 1);
    if (result < 0 || !folder)
        return result;
    snprintf(path, sizeof path, "%s/available_filter_functions", folder);
    return add_column(&listing->traceable, path, 0);
}

int lbpf_kprobe_each_function(const char *expression,
                              int (*visit)(void *context, const struct lbpf_ksym *symbol),
                              void *context, struct lbpf_error *error)
{
    struct listing listing = {
        .visit = visit,
        .context = context,
        .init = {.start = "__init_begin", .end = "__init_end"},
        .interrupt_entry = {.start = "__irqentry_text_start", .end = "__irqentry_text_end"},
    };
    int result = lbpf_match_open(&listing.match, expression, op, error);

    if (result < 0)
        return result;
    result = read_lists(&listing);
    if (result == 0)
        result = lbpf_kallsyms_scan(NULL, visit_symbol, &listing, error);
    if (result == -ENOMEM)
        lbpf_error_no_memory(error, op);
    lbpf_match_close(&listing.match);
    lbpf_strmap_free(&listing.traceable);
    lbpf_strmap_free(&listing.forbidden);
    lbpf_strmap_free(&listing.seen);
    return result;
}
