/*
 * Reading .note.stapsdt. The section is found by its name alone: it is not loaded, so no segment
 * leads to it, and a file that was stripped of its section headers has no probes.
 *
 * A note is: sizes of name and descriptor, type 3; "stapsdt"; three addresses, then provider, name
 * and arguments, each ended by a NUL.
 */
#include "elf/stapsdt.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { NOTE_TYPE = 3, HEADER_SIZE = 12, ALIGNMENT = 4 };

static const char op[] = "read USDT probes";
static const char owner[] = "stapsdt";

struct reader {
    const unsigned char *bytes;
    size_t size, at;
    const struct lbpf_stapsdt_layout *layout;
};

static uint64_t read_number(const struct reader *reader, size_t at, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++) {
        size_t byte = reader->layout->is_big_endian ? i : size - 1 - i;

        value = value << 8 | reader->bytes[at + byte];
    }
    return value;
}

/* The string at *at, which moves behind its NUL; NULL when it does not end before end. */
static const char *read_string(const struct reader *reader, size_t *at, size_t end)
{
    const char *text = (const char *)reader->bytes + *at;
    size_t size = strnlen(text, end - *at);

    if (size == end - *at)
        return NULL;
    *at += size + 1;
    return text;
}

/* The descriptor from at to end. Compilers pad the notes, not what is in them; other tools do. */
static bool read_descriptor(const struct reader *reader, size_t at, size_t end,
                            struct lbpf_stapsdt_note *note)
{
    size_t word = reader->layout->is_64 ? 8 : 4;

    if (end - at < 3 * word)
        return false;
    note->location = read_number(reader, at, word);
    note->base = read_number(reader, at + word, word);
    note->semaphore = read_number(reader, at + 2 * word, word);
    at += 3 * word;
    note->provider = read_string(reader, &at, end);
    note->name = note->provider ? read_string(reader, &at, end) : NULL;
    note->arguments = note->name ? read_string(reader, &at, end) : NULL;
    return note->arguments && note->provider[0] && note->name[0];
}

static int refuse_note(size_t at, const char *why, struct lbpf_error *error)
{
    return lbpf_error_set(error, EINVAL, op, "the note at %zu of section .note.stapsdt %s", at,
                          why);
}

/* size rounded up to the alignment of notes; size is at most 32 bits wide. */
static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

int lbpf_stapsdt_parse(const void *bytes, size_t size, const struct lbpf_stapsdt_layout *layout,
                       lbpf_stapsdt_visit *visit, void *context, struct lbpf_error *error)
{
    struct reader reader = {.bytes = bytes, .size = size, .layout = layout};

    while (size - reader.at >= HEADER_SIZE) {
        size_t start = reader.at, name_size = read_number(&reader, start, 4), left;
        size_t bytes_size = read_number(&reader, start + 4, 4);
        uint64_t type = read_number(&reader, start + 8, 4);
        struct lbpf_stapsdt_note note;
        int result;

        left = size - start - HEADER_SIZE;
        if (aligned(name_size) > left || bytes_size > left - aligned(name_size))
            return refuse_note(start, "ends beyond it", error);
        reader.at = start + HEADER_SIZE + aligned(name_size);
        if (type == NOTE_TYPE && name_size == sizeof owner &&
            memcmp(reader.bytes + start + HEADER_SIZE, owner, sizeof owner) == 0) {
            if (!read_descriptor(&reader, reader.at, reader.at + bytes_size, &note))
                return refuse_note(start, "is broken", error);
            result = visit(context, &note);
            if (result != 0)
                return result;
        }
        left = size - reader.at;
        reader.at += aligned(bytes_size) < left ? aligned(bytes_size) : left;
    }
    return 0;
}

/* --- the file --------------------------------------------------------------------------------- */

struct file_visit {
    lbpf_stapsdt_visit *visit;
    void *context;
    uint64_t base; /* address of .stapsdt.base; 0: there is none */
};

static int visit_moved(void *context, const struct lbpf_stapsdt_note *note)
{
    const struct file_visit *file = context;
    struct lbpf_stapsdt_note moved = *note;

    if (file->base != 0 && note->base != 0) {
        moved.location += file->base - note->base;
        if (moved.semaphore != 0)
            moved.semaphore += file->base - note->base;
    }
    return file->visit(file->context, &moved);
}

static const char *name_of(const struct lbpf_elf_file *file, const GElf_Shdr *header)
{
    size_t strings;
    const char *name = NULL;

    if (elf_getshdrstrndx(file->handle, &strings) == 0)
        name = elf_strptr(file->handle, strings, header->sh_name);
    return name ? name : "";
}

static uint64_t find_base(const struct lbpf_elf_file *file)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(file->handle, section));) {
        GElf_Shdr header;

        if (gelf_getshdr(section, &header) && strcmp(name_of(file, &header), ".stapsdt.base") == 0)
            return header.sh_addr;
    }
    return 0;
}

static int read_section(const struct lbpf_elf_file *file, Elf_Scn *section, const GElf_Shdr *header,
                        struct file_visit *visit, struct lbpf_error *error)
{
    struct lbpf_stapsdt_layout layout = {
        .is_64 = file->header.e_ident[EI_CLASS] == ELFCLASS64,
        .is_big_endian = file->header.e_ident[EI_DATA] == ELFDATA2MSB,
    };
    Elf_Data *data;

    if (header->sh_size > file->size || header->sh_offset > file->size - header->sh_size)
        return lbpf_error_set(error, EINVAL, op,
                              "section .note.stapsdt ends beyond the end of the file");
    if (header->sh_size == 0)
        return 0;
    if (header->sh_flags & SHF_COMPRESSED)
        return lbpf_error_set(error, ENOTSUP, op, "section .note.stapsdt is compressed");
    data = elf_rawdata(section, NULL);
    if (!data || !data->d_buf)
        return lbpf_error_set(error, EIO, op, "section .note.stapsdt can not be read: %s",
                              elf_errmsg(-1));
    return lbpf_stapsdt_parse(data->d_buf, data->d_size, &layout, visit_moved, visit, error);
}

int lbpf_stapsdt_each(const struct lbpf_elf_file *file, lbpf_stapsdt_visit *visit, void *context,
                      struct lbpf_error *error)
{
    struct file_visit both = {visit, context, find_base(file)};
    int result = 0;

    for (Elf_Scn *section = NULL; result == 0 && (section = elf_nextscn(file->handle, section));) {
        GElf_Shdr header;

        if (gelf_getshdr(section, &header) && header.sh_type == SHT_NOTE &&
            strcmp(name_of(file, &header), ".note.stapsdt") == 0)
            result = read_section(file, section, &header, &both, error);
    }
    return result;
}

bool lbpf_stapsdt_offset(const struct lbpf_elf_file *file, uint64_t address, uint64_t *offset)
{
    size_t count;

    if (elf_getphdrnum(file->handle, &count) != 0)
        return false;
    for (size_t i = 0; i < count && i <= INT_MAX; i++) {
        GElf_Phdr header;

        if (!gelf_getphdr(file->handle, (int)i, &header))
            return false;
        if (header.p_type != PT_LOAD || address < header.p_vaddr ||
            address - header.p_vaddr >= header.p_filesz)
            continue;
        *offset = address - header.p_vaddr + header.p_offset;
        return true;
    }
    return false;
}
