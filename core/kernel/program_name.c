#include "kernel/program_name.h"

#include "kernel/program_kind.h"

#include <elf.h>
#include <string.h>

/* The bytes passed lbpf_guard_object and were opened by libbpf: headers and tables lie inside.
 * Every access is checked all the same, and by copy, since nothing says that they are aligned. */
static const void *bytes_at(const struct lbpf_object *object, uint64_t offset, uint64_t size)
{
    return offset <= object->elf_size && size <= object->elf_size - offset
               ? (const char *)object->elf + offset
               : NULL;
}

static bool read_section(const struct lbpf_object *object, uint64_t index, Elf64_Shdr *section)
{
    const void *at = bytes_at(object, 0, sizeof(Elf64_Ehdr));
    Elf64_Ehdr header;

    if (!at)
        return false;
    memcpy(&header, at, sizeof header);
    if (index >= header.e_shnum)
        return false;
    at = bytes_at(object, header.e_shoff + index * sizeof *section, sizeof *section);
    if (at)
        memcpy(section, at, sizeof *section);
    return at != NULL;
}

/* The symbol table, and the strings that it names things with. */
static bool find_symbols(const struct lbpf_object *object, Elf64_Shdr *symbols, Elf64_Shdr *strings)
{
    for (uint64_t i = 0; read_section(object, i, symbols); i++)
        if (symbols->sh_type == SHT_SYMTAB)
            return read_section(object, symbols->sh_link, strings) &&
                   bytes_at(object, strings->sh_offset, strings->sh_size);
    return false;
}

static bool is_named(const struct lbpf_object *object, const Elf64_Sym *symbol,
                     const Elf64_Shdr *strings, const char *name)
{
    size_t size = strlen(name) + 1;
    const char *text;

    if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_name > strings->sh_size ||
        size > strings->sh_size - symbol->st_name)
        return false;
    text = bytes_at(object, strings->sh_offset + symbol->st_name, size);
    return text && !memcmp(text, name, size);
}

void lbpf_program_name_shorten(struct lbpf_short_name *name, const struct lbpf_object *object,
                               const struct lbpf_function *function)
{
    const char *short_name = lbpf_program_short_name(function->name);
    uint32_t skipped = (uint32_t)(short_name - function->name), number;
    Elf64_Shdr symbols, strings;
    Elf64_Sym symbol;

    name->place = NULL;
    if (!skipped || !find_symbols(object, &symbols, &strings))
        return;
    for (uint64_t at = 0; at < symbols.sh_size; at += sizeof symbol) {
        const void *bytes = bytes_at(object, symbols.sh_offset + at, sizeof symbol);

        if (!bytes)
            return;
        memcpy(&symbol, bytes, sizeof symbol);
        if (!is_named(object, &symbol, &strings, function->name))
            continue;
        name->place = (char *)object->elf + symbols.sh_offset + at + offsetof(Elf64_Sym, st_name);
        name->original = symbol.st_name;
        number = symbol.st_name + skipped;
        memcpy(name->place, &number, sizeof number);
        return;
    }
}

void lbpf_program_name_restore(struct lbpf_short_name *name)
{
    if (name->place)
        memcpy(name->place, &name->original, sizeof name->original);
    name->place = NULL;
}
