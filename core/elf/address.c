/* Looking a name up in the symbol tables of a file. */
#include "elf/address.h"

#include "elf/debug_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

struct search {
    const char *name;
    size_t size;
    uint64_t address;
    bool is_found, is_global, is_ambiguous, is_thread_local;
};

static bool is_name(const struct search *search, const char *name)
{
    /* Linkers write versions into .symtab as part of the name. */
    return name && strncmp(name, search->name, search->size) == 0 &&
           (name[search->size] == '\0' || name[search->size] == '@');
}

static void take(struct search *search, const GElf_Sym *symbol)
{
    bool is_global = GELF_ST_BIND(symbol->st_info) != STB_LOCAL;

    if (GELF_ST_TYPE(symbol->st_info) == STT_TLS) {
        search->is_thread_local = true;
        return;
    }
    if (search->is_found && search->is_global && !is_global)
        return;
    if (search->is_found && search->is_global == is_global && search->address != symbol->st_value)
        search->is_ambiguous = true;
    else
        search->is_ambiguous = false;
    search->address = symbol->st_value;
    search->is_global = is_global;
    search->is_found = true;
}

static void search_table(struct search *search, const struct lbpf_elf_file *file, Elf_Scn *section,
                         const GElf_Shdr *header)
{
    Elf_Data *data;
    size_t count;

    if (header->sh_entsize == 0 || header->sh_size > file->size ||
        !(data = elf_getdata(section, NULL)) || !data->d_buf)
        return;
    count = header->sh_size / header->sh_entsize;
    for (size_t i = 0; i < count && i <= INT_MAX; i++) {
        GElf_Sym symbol;

        if (!gelf_getsym(data, (int)i, &symbol))
            return;
        if (symbol.st_shndx != SHN_UNDEF && GELF_ST_TYPE(symbol.st_info) != STT_FILE &&
            is_name(search, elf_strptr(file->handle, header->sh_link, symbol.st_name)))
            take(search, &symbol);
    }
}

/* Whether there was a .symtab, which has all that .dynsym has. */
static bool search_file(struct search *search, const struct lbpf_elf_file *file)
{
    bool has_symtab = false;

    for (Elf_Scn *section = NULL; (section = elf_nextscn(file->handle, section));) {
        GElf_Shdr header;

        if (!gelf_getshdr(section, &header) ||
            (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM))
            continue;
        has_symtab |= header.sh_type == SHT_SYMTAB;
        search_table(search, file, section, &header);
    }
    return has_symtab;
}

int lbpf_elf_find_address(const struct lbpf_elf_file *file, const char *name, size_t size,
                          uint64_t *address)
{
    struct search search = {.name = name, .size = size};
    struct lbpf_elf_file debug;

    if (!search_file(&search, file) && lbpf_elf_open_debug_file(&debug, file)) {
        search_file(&search, &debug);
        lbpf_elf_close(&debug);
    }
    if (search.is_ambiguous)
        return -EEXIST;
    if (!search.is_found)
        return search.is_thread_local ? -EOPNOTSUPP : -ENOENT;
    *address = search.address;
    return 0;
}
