/*
 * Function symbols. .dynsym comes first, because only there libraries keep the versions of a name:
 * old ones (pthread_cond_wait@GLIBC_2.2.5) still lie in the file, and a probe on one would never
 * fire for a program of today.
 */
#include "elf/symtab.h"

#include "elf/debug_file.h"
#include "elf/file.h"
#include "host/nearest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int symbol_visit(void *context, const struct lbpf_elf_symbol *symbol);

enum { NAME_LIMIT = 64 * 1024, VERSION_MASK = 0x7fff };

static const char op[] = "read symbols";

/* --- versions
 * -------------------------------------------------------------------------------------- */

struct versions {
    Elf_Data *numbers;     /* one per dynamic symbol; NULL without versions */
    Elf_Data *definitions; /* NULL when the file defines none */
    size_t strings;        /* section of their names */
    const char **names;    /* by number; NULL without definitions */
};

static Elf_Data *section_data(const struct lbpf_elf_file *file, Elf_Scn *section,
                              const GElf_Shdr *header)
{
    Elf_Data *data;

    if (header->sh_type == SHT_NOBITS || header->sh_size > file->size)
        return NULL;
    data = elf_getdata(section, NULL);
    return data && data->d_buf ? data : NULL;
}

/* Notes the names of all versions by their number. The list's links are offsets that the file
 * chose: they only lead onward, and libelf checks each place. */
static void name_versions(const struct lbpf_elf_file *file, struct versions *versions)
{
    Elf_Data *list = versions->definitions;
    GElf_Verdef definition;
    GElf_Verdaux name;

    for (uint64_t at = 0; at < list->d_size && gelf_getverdef(list, (int)at, &definition);
         at += definition.vd_next) {
        unsigned number = definition.vd_ndx & VERSION_MASK;

        if (at + definition.vd_aux < list->d_size &&
            gelf_getverdaux(list, (int)(at + definition.vd_aux), &name) && !versions->names[number])
            versions->names[number] = elf_strptr(file->handle, versions->strings, name.vda_name);
        if (definition.vd_next == 0)
            return;
    }
}

static void find_versions(const struct lbpf_elf_file *file, struct versions *versions)
{
    memset(versions, 0, sizeof *versions);
    for (Elf_Scn *section = NULL; (section = elf_nextscn(file->handle, section));) {
        GElf_Shdr header;

        if (!gelf_getshdr(section, &header))
            continue;
        if (header.sh_type == SHT_GNU_versym && !versions->numbers) {
            versions->numbers = section_data(file, section, &header);
        } else if (header.sh_type == SHT_GNU_verdef && !versions->definitions) {
            versions->definitions = section_data(file, section, &header);
            versions->strings = header.sh_link;
        }
    }
    if (versions->definitions)
        versions->names = calloc(VERSION_MASK + 1, sizeof *versions->names);
    if (versions->names)
        name_versions(file, versions);
}

static void add_version(const struct versions *versions, size_t index,
                        struct lbpf_elf_symbol *symbol)
{
    GElf_Versym number;

    if (!versions->numbers || !gelf_getversym(versions->numbers, (int)index, &number))
        return;
    symbol->is_old = number & 0x8000;
    if ((number & VERSION_MASK) > VER_NDX_GLOBAL && versions->names)
        symbol->version = versions->names[number & VERSION_MASK];
}

/* --- tables
 * ---------------------------------------------------------------------------------------- */

struct walk {
    const struct lbpf_elf_file *code; /* whose segments give offsets */
    const struct lbpf_elf_file *file; /* whose tables are read */
    struct versions versions;
    symbol_visit *visit;
    void *context;
    bool saw_symtab;
};

/* Linkers write versions into .symtab as part of the name: "memcpy@@GLIBC_2.14". */
static int visit_named(const struct walk *walk, const char *name, struct lbpf_elf_symbol *symbol)
{
    const char *at = strchr(name, '@');
    char *copy;
    int result;

    if (!at || at == name) {
        symbol->name = name;
        return walk->visit(walk->context, symbol);
    }
    copy = strndup(name, (size_t)(at - name));
    if (!copy)
        return -ENOMEM;
    symbol->name = copy;
    symbol->is_old = at[1] != '@';
    symbol->version = at + (symbol->is_old ? 1 : 2);
    result = walk->visit(walk->context, symbol);
    free(copy);
    return result;
}

static int visit_symbol(const struct walk *walk, const GElf_Shdr *header, Elf_Data *data,
                        size_t index)
{
    struct lbpf_elf_symbol symbol = {0};
    const char *name;
    GElf_Sym entry;
    unsigned type;

    if (!gelf_getsym(data, (int)index, &entry))
        return 0;
    type = GELF_ST_TYPE(entry.st_info);
    if ((type != STT_FUNC && type != STT_GNU_IFUNC) || entry.st_shndx == SHN_UNDEF ||
        entry.st_value == 0)
        return 0;
    if (walk->code->header.e_machine == EM_ARM)
        entry.st_value &= ~(uint64_t)1; /* the lowest bit says Thumb */
    if (lbpf_elf_offset(walk->code, entry.st_value, &symbol.file_offset) != 0)
        return 0;
    name = elf_strptr(walk->file->handle, header->sh_link, entry.st_name);
    if (!name || !*name || strnlen(name, NAME_LIMIT) == NAME_LIMIT)
        return 0;
    symbol.address = entry.st_value;
    symbol.size = entry.st_size;
    symbol.is_ifunc = type == STT_GNU_IFUNC;
    symbol.is_local = GELF_ST_BIND(entry.st_info) == STB_LOCAL;
    if (header->sh_type == SHT_DYNSYM)
        add_version(&walk->versions, index, &symbol);
    return visit_named(walk, name, &symbol);
}

static int visit_table(struct walk *walk, uint32_t type)
{
    int result = 0;

    for (Elf_Scn *section = NULL;
         result == 0 && (section = elf_nextscn(walk->file->handle, section));) {
        size_t entry_size = gelf_fsize(walk->file->handle, ELF_T_SYM, 1, EV_CURRENT);
        GElf_Shdr header;
        Elf_Data *data;

        if (!gelf_getshdr(section, &header) || header.sh_type != type || entry_size == 0 ||
            header.sh_entsize != entry_size || !(data = section_data(walk->file, section, &header)))
            continue;
        if (type == SHT_SYMTAB)
            walk->saw_symtab = true;
        for (size_t i = 0; result == 0 && i < data->d_size / entry_size && i <= INT32_MAX; i++)
            result = visit_symbol(walk, &header, data, i);
    }
    return result;
}

static int visit_debug_file(struct walk *walk)
{
    struct lbpf_elf_file debug;
    int result;

    if (!lbpf_elf_open_debug_file(&debug, walk->code))
        return 0;
    walk->file = &debug;
    result = visit_table(walk, SHT_SYMTAB);
    walk->file = walk->code;
    lbpf_elf_close(&debug);
    return result;
}

int lbpf_elf_each_function(const struct lbpf_elf_file *file, symbol_visit *visit, void *context)
{
    struct walk walk = {.code = file, .file = file, .visit = visit, .context = context};
    int result;

    find_versions(file, &walk.versions);
    result = visit_table(&walk, SHT_DYNSYM);
    if (result == 0)
        result = visit_table(&walk, SHT_SYMTAB);
    if (result == 0 && !walk.saw_symtab)
        result = visit_debug_file(&walk);
    free(walk.versions.names);
    return result;
}

/* --- by name
 * ---------------------------------------------------------------------------------------- */

struct find {
    const char *name;
    size_t name_size;    /* without version */
    const char *version; /* wanted, or NULL */
    unsigned rank;       /* of found; 0 while there is none */
    struct lbpf_elf_symbol *found;
};

/* How well a symbol of the right name fits. */
static unsigned rank_symbol(const struct find *find, const struct lbpf_elf_symbol *symbol)
{
    if (find->version)
        return symbol->version && strcmp(symbol->version, find->version) == 0 ? 3 : 0;
    if (symbol->is_local)
        return 1;
    return symbol->is_old ? 2 : 3;
}

static int find_symbol(void *context, const struct lbpf_elf_symbol *symbol)
{
    struct find *find = context;
    unsigned rank;

    if (strncmp(symbol->name, find->name, find->name_size) != 0 ||
        symbol->name[find->name_size] != '\0')
        return 0;
    rank = rank_symbol(find, symbol);
    if (rank > find->rank) {
        find->rank = rank;
        *find->found = *symbol;
    }
    return find->rank == 3;
}

static int offer_symbol(void *context, const struct lbpf_elf_symbol *symbol)
{
    lbpf_nearest_offer(context, symbol->name);
    return 0;
}

static int explain_missing(const struct lbpf_elf_file *file, const char *name,
                           struct lbpf_error *error)
{
    struct lbpf_nearest nearest;

    lbpf_nearest_start(&nearest, name);
    lbpf_elf_each_function(file, offer_symbol, &nearest);
    lbpf_error_set(error, ENOENT, op, "%s has no function %.200s", file->path, name);
    if (lbpf_nearest_name(&nearest))
        lbpf_error_hint(error, "did you mean %s?", lbpf_nearest_name(&nearest));
    else
        lbpf_error_hint(error,
                        "nm and nm -D list its symbols; a stripped file lacks those of static "
                        "functions, and inlined functions have none");
    return -ENOENT;
}

int lbpf_elf_find_function(const struct lbpf_elf_file *file, const char *name,
                           struct lbpf_elf_symbol *symbol, struct lbpf_error *error)
{
    const char *at = strchr(name, '@');
    struct find find = {.name = name, .name_size = strlen(name), .found = symbol};
    int result;

    if (at && at > name) {
        find.name_size = (size_t)(at - name);
        find.version = at + (at[1] == '@' ? 2 : 1);
    }
    result = lbpf_elf_each_function(file, find_symbol, &find);
    if (result == -ENOMEM)
        return lbpf_error_no_memory(error, op);
    if (find.rank == 0)
        return explain_missing(file, name, error);
    symbol->name = name;
    symbol->version = NULL;
    return 0;
}
