/*
 * Building and searching the table of functions.
 *
 * Its names stay in the file, and each is read when somebody asks for it first: who asks for ten
 * functions of a browser pays for ten. Addresses are kept as 32 bits from the start of the code.
 */
#include "elf/function_table.h"

#include "base/array.h"
#include "base/buffer.h"
#include "elf/demangle.h"
#include "elf/plt.h"
#include "elf/stretches.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    FUNCTION_LIMIT = 4 * 1024 * 1024,
    CHUNK = 48 * 1024,        /* a multiple of both sizes of symbols */
    TABLE_LIMIT = 0x20000000, /* bytes of a symbol table */
    SOURCES = 3,              /* string tables: .symtab's and .dynsym's, a debug file's .symtab's */
    POOL = 3,                 /* as a source: a name that was read already */
    SOURCE_SHIFT = 30,
};

#define NAME_MASK (((uint32_t)1 << SOURCE_SHIFT) - 1)
#define NONE      UINT32_MAX

static const char op[] = "read symbols";

struct function {
    uint32_t start; /* from base */
    uint32_t name;  /* the source and an offset in its strings */
};

struct source {
    const struct lbpf_elf_image *image;
    uint64_t offset, size;
};

struct lbpf_function_table {
    const struct lbpf_elf_image *image;
    uint64_t base, end;         /* addresses of the code */
    struct function *functions; /* by start; those of equal start are names of one function */
    size_t count;
    struct lbpf_stretches stretches; /* whose owners are the first of its names in functions */
    struct source sources[SOURCES];
    struct lbpf_buffer pool; /* names that were asked for */
    struct lbpf_elf_stub *stubs;
    size_t stub_count;
    bool has_read_stubs;
};

/* --- reading ---------------------------------------------------------------------------------- */

struct build {
    struct lbpf_function_table *table;
    struct lbpf_elf_span *raw;
    size_t count, capacity;
};

static int add_raw(struct build *build, const struct lbpf_elf_entry *entry, unsigned source)
{
    const struct lbpf_function_table *table = build->table;
    uint64_t address = entry->value, size = entry->size;
    struct lbpf_elf_span *grown;

    if (table->image->machine == EM_ARM)
        address &= ~(uint64_t)1; /* the lowest bit says Thumb */
    if (address < table->base || address >= table->end || entry->name > NAME_MASK ||
        entry->name >= table->sources[source].size || entry->name == 0)
        return 0;
    if (size > table->end - address)
        size = table->end - address;
    if (build->count == FUNCTION_LIMIT)
        return -E2BIG;
    grown = lbpf_array_grow(build->raw, build->count, &build->capacity, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    build->raw = grown;
    build->raw[build->count++] = (struct lbpf_elf_span){
        (uint32_t)(address - table->base), (uint32_t)(address - table->base + size),
        (uint32_t)source << SOURCE_SHIFT | entry->name};
    return 0;
}

static bool is_function(const struct lbpf_elf_entry *entry)
{
    unsigned type = entry->info & 0xf;

    return (type == STT_FUNC || type == STT_GNU_IFUNC) && entry->section != SHN_UNDEF &&
           entry->value != 0;
}

static int read_table(struct build *build, const struct lbpf_elf_image *image,
                      const struct lbpf_elf_section *section, unsigned source)
{
    size_t entry_size = lbpf_elf_image_entry_size(image);
    char *chunk = malloc(CHUNK);
    int result = chunk ? 0 : -ENOMEM;

    for (uint64_t at = 0; result == 0 && at < section->size;) {
        size_t size = section->size - at < CHUNK ? (size_t)(section->size - at) : CHUNK;

        if (!lbpf_elf_image_read(image, section->offset + at, chunk, size))
            break; /* the file shrank: what was read counts */
        for (size_t i = 0; result == 0 && i + entry_size <= size; i += entry_size) {
            struct lbpf_elf_entry entry;

            lbpf_elf_image_entry(image, chunk + i, &entry);
            if (is_function(&entry))
                result = add_raw(build, &entry, source);
        }
        at += size;
    }
    free(chunk);
    return result;
}

/* The functions of the image's table of this type, if it has one. */
static int read_functions(struct build *build, const struct lbpf_elf_image *image, uint32_t type,
                          unsigned source)
{
    struct lbpf_elf_section section, strings;

    if (!lbpf_elf_image_find(image, type, NULL, &section))
        return 0;
    if (section.size > TABLE_LIMIT)
        return -EFBIG;
    if (section.entry_size != lbpf_elf_image_entry_size(image) ||
        !lbpf_elf_image_section(image, section.link, &strings) || strings.type != SHT_STRTAB)
        return 0;
    build->table->sources[source] = (struct source){image, strings.offset, strings.size};
    return read_table(build, image, &section, source);
}

static int keep_functions(struct lbpf_function_table *table, const struct lbpf_elf_span *raw,
                          size_t count)
{
    table->functions = malloc((count + 1) * sizeof *table->functions);
    if (!table->functions)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        table->functions[i] = (struct function){raw[i].start, raw[i].name};
    table->count = count;
    return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* The span of the code; what lies 4 GB behind its start has no names. */
static void set_span(struct lbpf_function_table *table)
{
    const struct lbpf_elf_image *image = table->image;

    table->base = UINT64_MAX;
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct lbpf_elf_image_segment *segment = &image->segments[i];

        if (segment->address < table->base)
            table->base = segment->address;
        if (segment->address + segment->size > table->end)
            table->end = segment->address + segment->size;
    }
    if (image->segment_count == 0)
        table->base = 0;
    if (table->end - table->base >= UINT32_MAX)
        table->end = table->base + UINT32_MAX - 1;
}

static int build_table(struct build *build, const struct lbpf_elf_image *image,
                       const struct lbpf_elf_image *extra)
{
    struct lbpf_function_table *table = build->table;
    int result = read_functions(build, image, SHT_SYMTAB, 0);

    if (result == 0)
        result = read_functions(build, image, SHT_DYNSYM, 1);
    if (result == 0 && extra)
        result = read_functions(build, extra, SHT_SYMTAB, 2);
    if (result == 0)
        result = lbpf_stretches_make(&table->stretches, table->image, table->base, table->end,
                                     &build->raw, build->count);
    if (result == 0)
        result = keep_functions(table, build->raw, build->count);
    return result;
}

int lbpf_function_table_open(struct lbpf_function_table **out, const struct lbpf_elf_image *image,
                             const struct lbpf_elf_image *extra, const char *path,
                             struct lbpf_error *error)
{
    struct lbpf_function_table *table = calloc(1, sizeof *table);
    struct build build = {.table = table};
    int result;

    *out = NULL;
    if (!table)
        return lbpf_error_no_memory(error, op);
    table->image = image;
    set_span(table);
    result = build_table(&build, image, extra);
    free(build.raw);
    if (result < 0) {
        lbpf_function_table_close(table);
        if (result == -EFBIG)
            return lbpf_error_set(error, EFBIG, op, "%s has a table of symbols of more than %d MB",
                                  path, TABLE_LIMIT >> 20);
        if (result == -E2BIG)
            return lbpf_error_set(error, E2BIG, op, "%s has more than %d functions", path,
                                  FUNCTION_LIMIT);
        return lbpf_error_no_memory(error, op);
    }
    *out = table;
    return 0;
}

void lbpf_function_table_close(struct lbpf_function_table *table)
{
    if (!table)
        return;
    free(table->functions);
    lbpf_stretches_free(&table->stretches);
    free(table->stubs);
    lbpf_buffer_free(&table->pool);
    free(table);
}

size_t lbpf_function_table_memory(const struct lbpf_function_table *table)
{
    return sizeof *table + table->count * sizeof *table->functions +
           table->stretches.count * 2 * sizeof *table->stretches.starts +
           table->stub_count * sizeof *table->stubs + table->pool.capacity;
}

size_t lbpf_function_table_count(const struct lbpf_function_table *table)
{
    return table->count;
}

/* --- names ------------------------------------------------------------------------------------ */

static bool read_name(const struct lbpf_function_table *table, uint32_t name, char *text)
{
    const struct source *source = &table->sources[name >> SOURCE_SHIFT];

    return lbpf_elf_image_string(source->image, source->offset + (name & NAME_MASK), text,
                                 LBPF_ELF_NAME_LIMIT) &&
           *text;
}

/* Linkers write versions into .symtab as part of the name: "memcpy@@GLIBC_2.14". */
static void cut_version(char *name)
{
    char *at = strchr(name, '@');

    if (at && at > name)
        *at = '\0';
}

/* Keeps a name in the pool, and what it means behind it: "_Z1fv\0f()\0", or "main\0\0". */
static uint32_t keep_name(struct lbpf_function_table *table, const char *name)
{
    struct lbpf_buffer *pool = &table->pool;
    uint32_t place = (uint32_t)pool->size;

    lbpf_buffer_append(pool, name, strlen(name) + 1);
    if (pool->failed)
        return NONE;
    if (lbpf_is_mangled(name))
        lbpf_demangle(name, pool);
    lbpf_buffer_append(pool, "", 1);
    return pool->failed || pool->size > NAME_MASK ? NONE : place;
}

/* Whether name is better to show than best: what people write, not what libraries call it inside.
 */
static bool is_better(const char *name, const char *best)
{
    size_t name_score = strspn(name, "_"), best_score = strspn(best, "_");

    if (name_score != best_score)
        return name_score < best_score;
    return strlen(name) < strlen(best);
}

/* Reads the best of the names that share a start into texts, and puts it first of them. */
static const char *choose_name(struct lbpf_function_table *table, uint32_t first, char *texts)
{
    enum { CANDIDATES = 64 };
    struct function *functions = table->functions, swapped;
    char *best = NULL, *text = texts;
    size_t best_at = first;

    for (size_t i = first; i < table->count && i < (size_t)first + CANDIDATES &&
                           functions[i].start == functions[first].start;
         i++) {
        if (!read_name(table, functions[i].name, text))
            continue;
        cut_version(text);
        if (best && !is_better(text, best))
            continue;
        best = text;
        best_at = i;
        text = text == texts ? texts + LBPF_ELF_NAME_LIMIT : texts;
    }
    swapped = functions[first];
    functions[first] = functions[best_at];
    functions[best_at] = swapped;
    return best;
}

static const char *name_of(struct lbpf_function_table *table, uint32_t first)
{
    uint32_t *name = &table->functions[first].name;

    if (*name >> SOURCE_SHIFT != POOL) {
        char *texts = malloc(2 * LBPF_ELF_NAME_LIMIT);
        const char *best = texts ? choose_name(table, first, texts) : NULL;
        uint32_t place = best ? keep_name(table, best) : NONE;

        free(texts);
        if (place == NONE)
            return NULL;
        *name = (uint32_t)POOL << SOURCE_SHIFT | place;
    }
    return table->pool.data + (*name & NAME_MASK);
}

/* --- searching -------------------------------------------------------------------------------- */

static const char *find_stub(struct lbpf_function_table *table, uint64_t address, uint64_t *start)
{
    enum { STUB_SIZE = 16 };
    size_t low = 0, high;

    if (!table->has_read_stubs) {
        table->has_read_stubs = true;
        lbpf_elf_read_stubs(table->image, &table->stubs, &table->stub_count, &table->pool);
    }
    for (high = table->stub_count; low < high;) {
        size_t middle = low + (high - low) / 2;

        if (table->stubs[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address - table->stubs[low - 1].address >= STUB_SIZE ||
        table->stubs[low - 1].name == 0)
        return NULL;
    *start = table->stubs[low - 1].address;
    return table->pool.data + table->stubs[low - 1].name;
}

const char *lbpf_function_table_find(struct lbpf_function_table *table, uint64_t address,
                                     uint64_t *start)
{
    uint32_t owner;

    if (address < table->base || address >= table->end)
        return NULL;
    owner = lbpf_stretches_owner(&table->stretches, (uint32_t)(address - table->base));
    if (owner == LBPF_NO_OWNER)
        return find_stub(table, address, start);
    *start = table->base + table->functions[owner].start;
    return name_of(table, owner);
}

uint64_t lbpf_function_table_address(struct lbpf_function_table *table, const char *name)
{
    char *text = malloc(LBPF_ELF_NAME_LIMIT);
    uint64_t address = 0;

    for (size_t i = 0; text && address == 0 && i < table->count; i++) {
        uint32_t place = table->functions[i].name;

        if (place >> SOURCE_SHIFT == POOL) {
            if (strcmp(table->pool.data + (place & NAME_MASK), name) == 0)
                address = table->base + table->functions[i].start;
        } else if (read_name(table, place, text)) {
            cut_version(text);
            if (strcmp(text, name) == 0)
                address = table->base + table->functions[i].start;
        }
    }
    free(text);
    return address;
}
