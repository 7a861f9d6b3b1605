/*
 * The .BTF.ext section: a header, then tables of func_info and line_info, each table split by ELF
 * section. Offsets are bytes from the start of the section in question. Object files come from
 * users too, so every step is checked against the bytes that are there; damage ends the reading,
 * with what was found so far.
 */
#include "kernel/line_info.h"

#include "base/array.h"

#include <bpf/btf.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <string.h>

#define BTF_EXT_MAGIC     0xeb9f
#define INSTRUCTION_BYTES 8u

struct bytes {
    const unsigned char *data;
    size_t size;
};

/* One table of .BTF.ext: records of one size, in runs that each belong to a section. */
struct table {
    struct bytes rest;
    uint32_t record_size;
};

struct run {
    const char *section;
    struct bytes records;
};

struct lines {
    struct lbpf_line *items;
    size_t count, capacity;
};

static uint32_t word_at(struct bytes bytes, size_t offset)
{
    uint32_t word;

    memcpy(&word, bytes.data + offset, sizeof word);
    return word;
}

static struct bytes cut(struct bytes bytes, size_t offset, size_t size)
{
    struct bytes none = {0}, part;

    if (offset > bytes.size || size > bytes.size - offset)
        return none;
    part.data = bytes.data + offset;
    part.size = size;
    return part;
}

static const char *string_at(const struct btf *btf, uint32_t offset)
{
    const char *string = btf__str_by_offset(btf, offset);

    return string ? string : "";
}

/* ---- the section ---------------------------------------------------------------------------- */

static struct bytes find_section(Elf *elf, const char *wanted)
{
    struct bytes none = {0}, found;
    Elf_Scn *section = NULL;
    size_t strings;

    if (elf_getshdrstrndx(elf, &strings))
        return none;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;
        const char *name;
        Elf_Data *data;

        if (!gelf_getshdr(section, &header))
            continue;
        name = elf_strptr(elf, strings, header.sh_name);
        if (!name || strcmp(name, wanted))
            continue;
        data = elf_rawdata(section, NULL);
        found.data = data ? data->d_buf : NULL;
        found.size = data && data->d_buf ? data->d_size : 0;
        return found;
    }
    return none;
}

/* The table whose offset and length fields stand at `field` of the header. */
static struct table open_table(struct bytes ext, size_t field)
{
    struct table table = {{0}, 0};
    uint32_t header_size;
    uint16_t magic;
    struct bytes body;

    if (ext.size < 24)
        return table;
    memcpy(&magic, ext.data, sizeof magic);
    header_size = word_at(ext, 4);
    if (magic != BTF_EXT_MAGIC || header_size < 24 || header_size > ext.size)
        return table;
    body = cut(ext, header_size, ext.size - header_size);
    body = cut(body, word_at(ext, field), word_at(ext, field + 4));
    if (body.size < 4)
        return table;
    table.record_size = word_at(body, 0);
    if (table.record_size >= 8)
        table.rest = cut(body, 4, body.size - 4);
    return table;
}

static bool next_run(struct table *table, const struct btf *btf, struct run *run)
{
    uint64_t size;

    if (table->rest.size < 8)
        return false;
    size = (uint64_t)word_at(table->rest, 4) * table->record_size;
    if (size > table->rest.size - 8)
        return false;
    run->section = string_at(btf, word_at(table->rest, 0));
    run->records = cut(table->rest, 8, (size_t)size);
    table->rest = cut(table->rest, 8 + (size_t)size, table->rest.size - 8 - (size_t)size);
    return true;
}

/* ---- where a function lies in its section -----------------------------------------------------
 */

static bool is_function(const struct btf *btf, uint32_t id, const char *name)
{
    const struct btf_type *type = btf__type_by_id(btf, id);

    return type && btf_is_func(type) && !strcmp(string_at(btf, type->name_off), name);
}

/* Bytes [*start, *end) of function in section, by func_info; the whole section when it says
 * nothing. */
static void find_extent(struct bytes ext, const struct btf *btf, const char *section,
                        const char *function, uint32_t *start, uint32_t *end)
{
    struct table table = open_table(ext, 8);
    struct run run;
    bool found = false;

    *start = 0;
    *end = UINT32_MAX;
    while (next_run(&table, btf, &run)) {
        if (strcmp(run.section, section))
            continue;
        for (size_t at = 0; at + 8 <= run.records.size; at += table.record_size) {
            uint32_t offset = word_at(run.records, at);

            if (is_function(btf, word_at(run.records, at + 4), function)) {
                *start = offset;
                found = true;
            } else if (found && offset > *start) {
                *end = offset;
                return;
            }
        }
    }
}

/* ---- lines ---------------------------------------------------------------------------------- */

static bool add_line(struct lines *lines, const struct lbpf_line *line)
{
    struct lbpf_line *grown =
        lbpf_array_grow(lines->items, lines->count, &lines->capacity, sizeof *grown);

    if (!grown)
        return false;
    lines->items = grown;
    lines->items[lines->count++] = *line;
    return true;
}

/* Adds the lines of section's bytes [start, end). elsewhere: their instructions have no known
 * index. */
static void add_lines(struct lines *lines, struct bytes ext, const struct btf *btf,
                      const char *section, uint32_t start, uint32_t end, bool elsewhere)
{
    struct table table = open_table(ext, 16);
    struct run run;

    while (next_run(&table, btf, &run)) {
        if (table.record_size < 16 || strcmp(run.section, section))
            continue;
        for (size_t at = 0; at + 16 <= run.records.size; at += table.record_size) {
            uint32_t offset = word_at(run.records, at);
            struct lbpf_line line;

            if (offset < start || offset >= end)
                continue;
            line.instruction =
                elsewhere ? LBPF_LINE_ELSEWHERE : (offset - start) / INSTRUCTION_BYTES;
            line.file_name = string_at(btf, word_at(run.records, at + 4));
            line.text = string_at(btf, word_at(run.records, at + 8));
            line.line = word_at(run.records, at + 12) >> 10; /* the low bits are the column */
            if (!add_line(lines, &line))
                return;
        }
    }
}

void lbpf_line_info_read(const void *elf, size_t size, const struct btf *btf, const char *section,
                         const char *function, struct lbpf_line **lines, size_t *count)
{
    struct lines found = {0};
    struct bytes ext;
    uint32_t start, end;
    Elf *handle;

    *lines = NULL;
    *count = 0;
    if (!btf || elf_version(EV_CURRENT) == EV_NONE)
        return;
    handle =
        elf_memory((char *)(uintptr_t)elf, size); /* only read, though its type says otherwise */
    if (!handle)
        return;
    ext = find_section(handle, ".BTF.ext");
    find_extent(ext, btf, section, function, &start, &end);
    add_lines(&found, ext, btf, section, start, end, false);
    if (strcmp(section, ".text"))
        add_lines(&found, ext, btf, ".text", 0, UINT32_MAX, true);
    elf_end(handle);
    *lines = found.items;
    *count = found.count;
}
