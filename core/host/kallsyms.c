/*
 * /proc/kallsyms has 120,000 to 250,000 lines and the kernel makes them anew for every reader, so
 * it is read once per table and parsed by hand. The table is one array of 16 bytes per symbol
 * beside one pool of names. The kernel proper comes sorted by address; modules and JITed programs
 * do not.
 *
 * Rules are BCC's: addresses that are 0, all ones or outside the kernel's half are no symbols, data
 * is left out, and the nearest symbol below is accepted whatever its size.
 */
#include "host/kallsyms.h"

#include "base/array.h"
#include "base/buffer.h"
#include "base/strmap.h"
#include "host/lines.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char proc_kallsyms[] = "/proc/kallsyms";
static const char vmlinux_module[] = "kernel";

/* --- reading ------------------------------------------------------------------------------------
 */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* "ffffffff81000000 T name" or "… t name\t[module]", cut in place. False for anything else. */
static bool parse_line(char *line, struct lbpf_ksym *symbol, char *type)
{
    uint64_t address = 0;
    char *at = line, *end;
    int digit;

    for (; (digit = hex_digit(*at)) >= 0; at++)
        address = address << 4 | (uint64_t)digit;
    if (at == line || at[0] != ' ' || !at[1] || at[2] != ' ')
        return false;
    *type = at[1];
    symbol->address = address;
    symbol->name = at + 3;
    symbol->module = vmlinux_module;
    end = at + 3;
    while (*end && *end != '\t' && *end != ' ')
        end++;
    if (end == at + 3)
        return false;
    if (*end) {
        char *module = strchr(end + 1, '[');
        char *bracket = module ? strchr(module, ']') : NULL;

        *end = '\0';
        if (bracket) {
            *bracket = '\0';
            symbol->module = module + 1;
        }
    }
    return true;
}

struct scan {
    int (*visit)(void *context, const struct lbpf_ksym *symbol, char type);
    void *context;
};

static int visit_line(void *context, char *line)
{
    struct scan *scan = context;
    struct lbpf_ksym symbol;
    char type;

    return parse_line(line, &symbol, &type) ? scan->visit(scan->context, &symbol, type) : 0;
}

int lbpf_kallsyms_scan(const char *path,
                       int (*visit)(void *context, const struct lbpf_ksym *symbol, char type),
                       void *context, struct lbpf_error *error)
{
    struct scan scan = {visit, context};
    int result = lbpf_lines_each(path ? path : proc_kallsyms, "read kernel symbols", visit_line,
                                 &scan, error);

    if (result == -ENOENT && !path)
        lbpf_error_hint(error, "is /proc mounted, and was this kernel built with CONFIG_KALLSYMS?");
    return result;
}

/* --- the table ----------------------------------------------------------------------------------
 */

struct entry {
    uint64_t address;
    uint32_t name;   /* offset into names */
    uint32_t module; /* the same; 0 is "kernel" */
};

struct lbpf_kallsyms {
    struct entry *entries; /* by address, equal ones as the kernel lists them */
    size_t count;
    struct lbpf_buffer names;
    /* Entry numbers plus one, hashed by name, 0 for free; made at the first lookup. */
    _Atomic(uint32_t *) index;
    size_t index_size; /* a power of two */
};

struct build {
    struct lbpf_kallsyms *table;
    size_t capacity;
    uint32_t module;   /* of the last symbol: lines of a module stand together */
    size_t line_count; /* with data and hidden ones */
    bool any_address, unsorted;
};

static bool is_data(char type)
{
    return strchr("bBdDrR", type) != NULL;
}

static bool is_kernel_address(uint64_t address)
{
#if defined(__s390x__) /* the kernel has an address space of its own there */
    return address != 0 && address != UINT64_MAX;
#else
    return address >> 63 && address != UINT64_MAX;
#endif
}

static uint32_t add_name(struct lbpf_buffer *names, const char *name)
{
    uint32_t at = (uint32_t)names->size;

    lbpf_buffer_append(names, name, strlen(name) + 1);
    if (names->size > UINT32_MAX / 2)
        names->failed = true;
    return at;
}

static int add_symbol(void *context, const struct lbpf_ksym *symbol, char type)
{
    struct build *build = context;
    struct lbpf_kallsyms *table = build->table;
    struct entry *entry, *grown;

    build->line_count++;
    if (symbol->address)
        build->any_address = true;
    if (!is_kernel_address(symbol->address) || is_data(type))
        return 0;
    grown = lbpf_array_grow(table->entries, table->count, &build->capacity, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    table->entries = grown;
    if (strcmp(table->names.data + build->module, symbol->module) != 0)
        build->module = strcmp(symbol->module, vmlinux_module) == 0
                            ? 0
                            : add_name(&table->names, symbol->module);
    if (table->count > 0 && table->entries[table->count - 1].address > symbol->address)
        build->unsorted = true;
    entry = &table->entries[table->count++];
    entry->address = symbol->address;
    entry->module = build->module;
    entry->name = add_name(&table->names, symbol->name);
    return table->names.failed ? -ENOMEM : 0;
}

/* Names are pooled in the file's order, so that their offsets keep equal addresses in it. */
static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;

    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    return (left->name > right->name) - (left->name < right->name);
}

static int check_build(const struct build *build, const char *path, struct lbpf_error *error)
{
    static const char op[] = "read kernel symbols";

    if (build->table->count > 0)
        return 0;
    if (build->line_count == 0 || build->any_address)
        return lbpf_error_set(error, ENODATA, op, "%s has no symbols", path);
    lbpf_error_set(error, EPERM, op, "the kernel hides the addresses in %s", path);
    lbpf_error_hint(error, "run as root (CAP_SYSLOG), or allow it: sysctl kernel.kptr_restrict=0");
    return -EPERM;
}

int lbpf_kallsyms_open(struct lbpf_kallsyms **out, const char *path, struct lbpf_error *error)
{
    struct lbpf_kallsyms *table = calloc(1, sizeof *table);
    struct build build = {.table = table};
    int result = -ENOMEM;

    *out = NULL;
    if (!table)
        return lbpf_error_no_memory(error, "read kernel symbols");
    add_name(&table->names, vmlinux_module);
    if (!table->names.failed)
        result = lbpf_kallsyms_scan(path, add_symbol, &build, error);
    if (result == -ENOMEM)
        lbpf_error_no_memory(error, "read kernel symbols");
    if (result == 0)
        result = check_build(&build, path ? path : proc_kallsyms, error);
    if (result < 0) {
        lbpf_kallsyms_close(table);
        return result;
    }
    if (build.unsorted)
        qsort(table->entries, table->count, sizeof *table->entries, compare_entries);
    for (table->index_size = 1024; table->index_size < 2 * table->count;)
        table->index_size *= 2;
    *out = table;
    return 0;
}

void lbpf_kallsyms_close(struct lbpf_kallsyms *table)
{
    if (!table)
        return;
    free(atomic_load(&table->index));
    free(table->entries);
    lbpf_buffer_free(&table->names);
    free(table);
}

static void lend(const struct lbpf_kallsyms *table, size_t number, struct lbpf_ksym *symbol)
{
    const struct entry *entry = &table->entries[number];

    symbol->name = table->names.data + entry->name;
    symbol->module = table->names.data + entry->module;
    symbol->address = entry->address;
}

/* The first entry that is not below address. */
static size_t lower_bound(const struct lbpf_kallsyms *table, uint64_t address)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (table->entries[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int lbpf_kallsyms_resolve(const struct lbpf_kallsyms *table, uint64_t address,
                          struct lbpf_ksym *symbol)
{
    size_t at = lower_bound(table, address);

    if (at == table->count || table->entries[at].address != address) {
        if (at == 0)
            return -ENOENT;
        at = lower_bound(table, table->entries[at - 1].address);
    }
    lend(table, at, symbol);
    return 0;
}

int lbpf_kallsyms_each(const struct lbpf_kallsyms *table,
                       int (*visit)(void *context, const struct lbpf_ksym *symbol), void *context)
{
    int result = 0;

    for (size_t i = 0; result == 0 && i < table->count; i++) {
        struct lbpf_ksym symbol;

        lend(table, i, &symbol);
        result = visit(context, &symbol);
    }
    return result;
}

/* --- by name ------------------------------------------------------------------------------------
 */

static const char *name_at(const struct lbpf_kallsyms *table, uint32_t number)
{
    return table->names.data + table->entries[number].name;
}

/* The slot of name, or the free one where it would go. */
static uint32_t *find_slot(const struct lbpf_kallsyms *table, uint32_t *index, const char *name)
{
    size_t at = lbpf_hash32(name, strlen(name));

    for (;; at++) {
        uint32_t *slot = &index[at & (table->index_size - 1)];

        if (*slot == 0 || strcmp(name_at(table, *slot - 1), name) == 0)
            return slot;
    }
}

/* Two threads may both make it; the loser's goes away. NULL when there is no memory. */
static uint32_t *make_index(struct lbpf_kallsyms *table)
{
    uint32_t *index, *expected = NULL;

    index = calloc(table->index_size, sizeof *index);
    if (!index)
        return NULL;
    for (size_t i = 0; i < table->count; i++) /* later is higher: it replaces its namesakes */
        *find_slot(table, index, name_at(table, (uint32_t)i)) = (uint32_t)i + 1;
    if (!atomic_compare_exchange_strong(&table->index, &expected, index)) {
        free(index);
        index = expected;
    }
    return index;
}

int lbpf_kallsyms_lookup(const struct lbpf_kallsyms *table, const char *name,
                         struct lbpf_ksym *symbol)
{
    uint32_t *index = atomic_load(&table->index);

    if (!index) /* the table is ours and on the heap; only its cache changes */
        index = make_index((struct lbpf_kallsyms *)table);
    if (index) {
        uint32_t slot = *find_slot(table, index, name);

        if (slot == 0)
            return -ENOENT;
        lend(table, slot - 1, symbol);
        return 0;
    }
    for (size_t i = table->count; i > 0; i--) {
        if (strcmp(name_at(table, (uint32_t)i - 1), name) == 0) {
            lend(table, i - 1, symbol);
            return 0;
        }
    }
    return -ENOENT;
}

static int is_name(void *context, const struct lbpf_ksym *symbol, char type)
{
    (void)type;
    return strcmp(context, symbol->name) == 0;
}

int lbpf_kallsyms_has(const char *name)
{
    return lbpf_kallsyms_scan(NULL, is_name, (void *)name, NULL) > 0;
}
