/*
 * Building and searching the table of functions.
 *
 * Symbols may overlap, lie in one another, and lack a size. All that is settled once, when the
 * table is built: it becomes a list of stretches, each with the innermost function that covers it,
 * and a look-up is one binary search however the file was made. Addresses are kept as 32 bits
 * from the start of the code.
 */
#include "elf/function_table.h"

#include "base/array.h"
#include "base/buffer.h"
#include "elf/demangle.h"
#include "elf/plt.h"

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
    CODE_SECTIONS = 32,
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
    uint32_t *starts; /* of stretches, from base */
    uint32_t *owners; /* first of its names in functions, or NONE */
    size_t stretch_count;
    struct source sources[SOURCES];
    struct lbpf_buffer pool; /* names that were asked for */
    struct lbpf_elf_stub *stubs;
    size_t stub_count;
    bool has_read_stubs;
};

/* --- reading ---------------------------------------------------------------------------------- */

struct raw {
    uint32_t start, end, name;
};

struct build {
    struct lbpf_function_table *table;
    struct raw *raw;
    size_t count, capacity;
};

static int add_raw(struct build *build, const struct lbpf_elf_entry *entry, unsigned source)
{
    const struct lbpf_function_table *table = build->table;
    uint64_t address = entry->value, size = entry->size;
    struct raw *grown;

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
    build->raw[build->count++] =
        (struct raw){(uint32_t)(address - table->base), (uint32_t)(address - table->base + size),
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

/* --- sorting ---------------------------------------------------------------------------------- */

/* By start, stable. Radix: a comparing sort of node's symbols takes longer than all the rest. */
static int sort_raw(struct raw **raw, size_t count)
{
    struct raw *from = *raw, *to = malloc((count ? count : 1) * sizeof *to), *swap;

    if (!to)
        return -ENOMEM;
    for (unsigned shift = 0; shift < 33; shift += 11) {
        size_t places[2049] = {0};

        for (size_t i = 0; i < count; i++)
            places[(from[i].start >> shift & 0x7ff) + 1]++;
        for (size_t i = 1; i < 2048; i++)
            places[i] += places[i - 1];
        for (size_t i = 0; i < count; i++)
            to[places[from[i].start >> shift & 0x7ff]++] = from[i];
        swap = from;
        from = to;
        to = swap;
    }
    free(to);
    *raw = from;
    return 0;
}

/* --- stretches -------------------------------------------------------------------------------- */

struct open_function {
    uint32_t end, owner;
};

struct flatten {
    struct lbpf_function_table *table;
    struct open_function *open; /* those around the current place, the innermost last */
    size_t depth;
    struct lbpf_elf_section sections[CODE_SECTIONS]; /* those with code */
    size_t section_count;
};

static void add_stretch(struct lbpf_function_table *table, uint32_t start, uint32_t owner)
{
    size_t last = table->stretch_count;

    if (last > 0 && table->starts[last - 1] == start)
        last = --table->stretch_count;
    if (last > 0 && table->owners[last - 1] == owner)
        return;
    table->starts[table->stretch_count] = start;
    table->owners[table->stretch_count++] = owner;
}

/* Ends what ends at or before place. */
static void close_until(struct flatten *flatten, uint32_t place)
{
    while (flatten->depth > 0 && flatten->open[flatten->depth - 1].end <= place) {
        uint32_t end = flatten->open[--flatten->depth].end;

        while (flatten->depth > 0 && flatten->open[flatten->depth - 1].end <= end)
            flatten->depth--;
        add_stretch(flatten->table, end,
                    flatten->depth > 0 ? flatten->open[flatten->depth - 1].owner : NONE);
    }
}

/* The end of the section (without sections: segment) of code around place, which a function without
 * size does not leave: _init would reach into the stubs behind it. */
static uint32_t code_end(const struct flatten *flatten, uint32_t place)
{
    const struct lbpf_function_table *table = flatten->table;
    uint64_t address = table->base + place, end = address;

    for (size_t i = 0; i < table->image->segment_count; i++) {
        const struct lbpf_elf_image_segment *segment = &table->image->segments[i];

        if (address >= segment->address && address - segment->address < segment->size)
            end = segment->address + segment->size;
    }
    for (size_t i = 0; i < flatten->section_count; i++) {
        const struct lbpf_elf_section *section = &flatten->sections[i];

        if (address >= section->address && address - section->address < section->size &&
            section->address + section->size < end)
            end = section->address + section->size;
    }
    return (uint32_t)((end < table->end ? end : table->end) - table->base);
}

static void find_code_sections(struct flatten *flatten)
{
    const struct lbpf_elf_image *image = flatten->table->image;

    for (size_t i = 1; i < image->section_count && flatten->section_count < CODE_SECTIONS; i++) {
        struct lbpf_elf_section section;

        if (lbpf_elf_image_section(image, i, &section) && section.flags & SHF_EXECINSTR)
            flatten->sections[flatten->section_count++] = section;
    }
}

static void flatten_raw(struct flatten *flatten, const struct raw *raw, size_t count)
{
    struct lbpf_function_table *table = flatten->table;

    for (size_t i = 0, next; i < count; i = next) {
        uint32_t start = raw[i].start, end = raw[i].end;

        for (next = i + 1; next < count && raw[next].start == start; next++) {
            if (raw[next].end > end)
                end = raw[next].end;
        }
        close_until(flatten, start);
        if (end == start) { /* no size: up to the next one, unless a sized one is around it */
            if (flatten->depth > 0)
                continue;
            end = code_end(flatten, start);
            if (next < count && raw[next].start < end)
                end = raw[next].start;
            if (end <= start)
                continue;
        }
        add_stretch(table, start, (uint32_t)i);
        flatten->open[flatten->depth++] = (struct open_function){end, (uint32_t)i};
    }
    close_until(flatten, UINT32_MAX);
}

/* Gives unused memory at the end back. */
static void *trim(void *memory, size_t size)
{
    void *trimmed = realloc(memory, size ? size : 1);

    return trimmed ? trimmed : memory;
}

static int make_stretches(struct lbpf_function_table *table, const struct raw *raw, size_t count)
{
    struct flatten flatten = {.table = table};

    table->starts = malloc((2 * count + 1) * sizeof *table->starts);
    table->owners = malloc((2 * count + 1) * sizeof *table->owners);
    table->functions = malloc((count + 1) * sizeof *table->functions);
    flatten.open = malloc((count + 1) * sizeof *flatten.open);
    if (!table->starts || !table->owners || !table->functions || !flatten.open) {
        free(flatten.open);
        return -ENOMEM;
    }
    find_code_sections(&flatten);
    flatten_raw(&flatten, raw, count);
    free(flatten.open);
    for (size_t i = 0; i < count; i++)
        table->functions[i] = (struct function){raw[i].start, raw[i].name};
    table->count = count;
    table->starts = trim(table->starts, table->stretch_count * sizeof *table->starts);
    table->owners = trim(table->owners, table->stretch_count * sizeof *table->owners);
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
    int result = read_functions(build, image, SHT_SYMTAB, 0);

    if (result == 0)
        result = read_functions(build, image, SHT_DYNSYM, 1);
    if (result == 0 && extra)
        result = read_functions(build, extra, SHT_SYMTAB, 2);
    if (result == 0)
        result = sort_raw(&build->raw, build->count);
    if (result == 0)
        result = make_stretches(build->table, build->raw, build->count);
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
    free(table->starts);
    free(table->owners);
    free(table->stubs);
    lbpf_buffer_free(&table->pool);
    free(table);
}

size_t lbpf_function_table_memory(const struct lbpf_function_table *table)
{
    return sizeof *table + table->count * sizeof *table->functions +
           table->stretch_count * 2 * sizeof *table->starts +
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
    size_t low = 0, high = table->stretch_count;
    uint32_t place, owner;

    if (address < table->base || address >= table->end)
        return NULL;
    place = (uint32_t)(address - table->base);
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (table->starts[middle] <= place)
            low = middle + 1;
        else
            high = middle;
    }
    owner = low == 0 ? NONE : table->owners[low - 1];
    if (owner == NONE)
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
