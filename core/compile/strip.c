/*
 * Sections and symbols are known by their numbers, and what goes makes the numbers behind it
 * smaller: in section headers, symbols and relocations. Only relocatable objects as clang makes
 * them for BPF are understood: of this machine's byte order, 64 bits, with one symbol table.
 */
#include "compile/strip.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT_LIMIT = 4096 };
enum { LLVM_ADDRSIG = 0x6fff4c03 /* a section of symbols' numbers, which only linkers read */ };

struct strip {
    const char *bytes;
    size_t size;
    Elf64_Ehdr header;
    Elf64_Shdr *sections;
    uint16_t *numbers; /* of sections, in the new object; 0: it goes */
    Elf64_Sym *symbols;
    uint32_t *symbol_numbers; /* likewise; number 0 stays 0 */
    size_t symbol_count;
    unsigned symbol_section;
};

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_inside(const struct strip *strip, uint64_t offset, uint64_t size)
{
    return offset <= strip->size && size <= strip->size - offset;
}

static bool read_header(struct strip *strip)
{
    Elf64_Ehdr *header = &strip->header;

    if (strip->size < sizeof *header)
        return false;
    memcpy(header, strip->bytes, sizeof *header);
    return !memcmp(header->e_ident, ELFMAG, SELFMAG) && header->e_ident[EI_CLASS] == ELFCLASS64 &&
           header->e_type == ET_REL && header->e_machine == EM_BPF && !header->e_phnum &&
           header->e_shentsize == sizeof(Elf64_Shdr) && header->e_shnum > 1 &&
           header->e_shstrndx < header->e_shnum &&
           is_inside(strip, header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr));
}

/* Whether all sections lie in the object and are of kinds in which we know all numbers. */
static bool check_sections(struct strip *strip)
{
    for (unsigned i = 1; i < strip->header.e_shnum; i++) {
        const Elf64_Shdr *section = &strip->sections[i];

        if ((section->sh_type != SHT_NOBITS &&
             !is_inside(strip, section->sh_offset, section->sh_size)) ||
            section->sh_addralign > ALIGNMENT_LIMIT)
            return false;
        switch (section->sh_type) {
        case SHT_PROGBITS:
        case SHT_NOBITS:
        case SHT_STRTAB:
        case LLVM_ADDRSIG:
            break;
        case SHT_SYMTAB:
            if (strip->symbol_section || section->sh_entsize != sizeof(Elf64_Sym))
                return false;
            strip->symbol_section = i;
            break;
        case SHT_REL:
            if (section->sh_entsize != sizeof(Elf64_Rel) ||
                section->sh_info >= strip->header.e_shnum)
                return false;
            break;
        default:
            return false;
        }
    }
    return strip->symbol_section;
}

static const char *section_name(const struct strip *strip, const Elf64_Shdr *section)
{
    const Elf64_Shdr *names = &strip->sections[strip->header.e_shstrndx];
    const char *start = strip->bytes + names->sh_offset;

    if (section->sh_name >= names->sh_size ||
        !memchr(start + section->sh_name, '\0', names->sh_size - section->sh_name))
        return "";
    return start + section->sh_name;
}

static bool is_debug(const struct strip *strip, const Elf64_Shdr *section)
{
    if (section->sh_type == SHT_REL)
        section = &strip->sections[section->sh_info];
    return section->sh_type == LLVM_ADDRSIG || !strncmp(section_name(strip, section), ".debug_", 7);
}

/* Gives what stays its new numbers. Returns how many sections these are, with that of number 0. */
static uint16_t number_sections(struct strip *strip)
{
    uint16_t count = 1;

    for (unsigned i = 1; i < strip->header.e_shnum; i++)
        if (!is_debug(strip, &strip->sections[i]))
            strip->numbers[i] = count++;
    return count;
}

/* Puts the symbols that stay to the table's beginning. */
static void number_symbols(struct strip *strip)
{
    Elf64_Shdr *table = &strip->sections[strip->symbol_section];
    size_t count = strip->symbol_count, kept = 0;
    uint32_t locals = 0;

    for (size_t i = 0; i < count; i++) {
        Elf64_Sym symbol = strip->symbols[i];

        if (symbol.st_shndx && symbol.st_shndx < strip->header.e_shnum) {
            symbol.st_shndx = strip->numbers[symbol.st_shndx];
            if (!symbol.st_shndx)
                continue;
        }
        locals += i < table->sh_info;
        strip->symbol_numbers[i] = (uint32_t)kept;
        strip->symbols[kept++] = symbol;
    }
    strip->symbol_count = kept;
    table->sh_info = locals;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void align(struct lbpf_buffer *object, uint64_t alignment)
{
    while (alignment > 1 && !object->failed && object->size % alignment)
        lbpf_buffer_append(object, "", 1);
}

static void write_relocations(const struct strip *strip, const Elf64_Shdr *section,
                              size_t symbol_limit, struct lbpf_buffer *object)
{
    for (uint64_t at = 0; at + sizeof(Elf64_Rel) <= section->sh_size; at += sizeof(Elf64_Rel)) {
        Elf64_Rel relocation;
        uint64_t symbol;

        memcpy(&relocation, strip->bytes + section->sh_offset + at, sizeof relocation);
        symbol = ELF64_R_SYM(relocation.r_info);
        relocation.r_info = ELF64_R_INFO(symbol < symbol_limit ? strip->symbol_numbers[symbol] : 0,
                                         ELF64_R_TYPE(relocation.r_info));
        lbpf_buffer_append(object, &relocation, sizeof relocation);
    }
}

static void write_section(struct strip *strip, Elf64_Shdr *section, size_t symbol_limit,
                          struct lbpf_buffer *object)
{
    size_t offset;

    align(object, section->sh_addralign);
    offset = object->size;
    if (section->sh_type == SHT_SYMTAB)
        lbpf_buffer_append(object, strip->symbols, strip->symbol_count * sizeof *strip->symbols);
    else if (section->sh_type == SHT_REL)
        write_relocations(strip, section, symbol_limit, object);
    else if (section->sh_type != SHT_NOBITS)
        lbpf_buffer_append(object, strip->bytes + section->sh_offset, section->sh_size);
    section->sh_offset = offset;
    if (section->sh_type != SHT_NOBITS)
        section->sh_size = object->size - offset;
    if (section->sh_link < strip->header.e_shnum)
        section->sh_link = strip->numbers[section->sh_link];
    if (section->sh_type == SHT_REL)
        section->sh_info = strip->numbers[section->sh_info];
}

static void write_object(struct strip *strip, uint16_t count, struct lbpf_buffer *object)
{
    Elf64_Ehdr header = strip->header;
    size_t symbol_limit = strip->symbol_count;

    number_symbols(strip);
    lbpf_buffer_append(object, &header, sizeof header);
    /* Larger than it was becomes only what has sections that overlap. */
    for (unsigned i = 1; i < header.e_shnum && object->size <= strip->size; i++)
        if (strip->numbers[i])
            write_section(strip, &strip->sections[i], symbol_limit, object);
    align(object, sizeof(uint64_t));
    header.e_shoff = object->size;
    for (unsigned i = 0; i < header.e_shnum; i++)
        if (!i || strip->numbers[i])
            lbpf_buffer_append(object, &strip->sections[i], sizeof *strip->sections);
    header.e_shnum = count;
    header.e_shstrndx = strip->numbers[header.e_shstrndx];
    if (!object->failed)
        memcpy(object->data, &header, sizeof header);
}

static int allocate(struct strip *strip)
{
    size_t count = strip->header.e_shnum;

    strip->sections = malloc(count * sizeof *strip->sections);
    strip->numbers = calloc(count, sizeof *strip->numbers);
    if (!strip->sections || !strip->numbers)
        return -ENOMEM;
    memcpy(strip->sections, strip->bytes + strip->header.e_shoff, count * sizeof *strip->sections);
    return 0;
}

static int allocate_symbols(struct strip *strip)
{
    const Elf64_Shdr *table = &strip->sections[strip->symbol_section];

    strip->symbol_count = (size_t)table->sh_size / sizeof *strip->symbols;
    strip->symbols = malloc(table->sh_size + 1);
    strip->symbol_numbers = calloc(strip->symbol_count + 1, sizeof *strip->symbol_numbers);
    if (!strip->symbols || !strip->symbol_numbers)
        return -ENOMEM;
    memcpy(strip->symbols, strip->bytes + table->sh_offset,
           strip->symbol_count * sizeof *strip->symbols);
    return 0;
}

static int strip_to(struct strip *strip, struct lbpf_buffer *stripped)
{
    if (!read_header(strip))
        return 0;
    if (allocate(strip))
        return -ENOMEM;
    if (!check_sections(strip))
        return 0;
    if (allocate_symbols(strip))
        return -ENOMEM;
    write_object(strip, number_sections(strip), stripped);
    return stripped->failed ? -ENOMEM : 0;
}

int lbpf_strip(struct lbpf_buffer *object, size_t start)
{
    struct strip strip = {.bytes = object->data + start, .size = object->size - start};
    struct lbpf_buffer stripped = {0};
    int result = strip_to(&strip, &stripped);

    if (!result && stripped.size && stripped.size < strip.size) {
        memcpy(object->data + start, stripped.data, stripped.size);
        object->size = start + stripped.size;
        object->data[object->size] = '\0';
    }
    lbpf_buffer_free(&stripped);
    free(strip.sections);
    free(strip.numbers);
    free(strip.symbols);
    free(strip.symbol_numbers);
    return result;
}
