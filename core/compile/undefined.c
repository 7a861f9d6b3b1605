#include "compile/undefined.h"

#include <bpf/btf.h>
#include <gelf.h>
#include <libelf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static Elf_Data *find_section(Elf *elf, const char *wanted)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    size_t names;

    if (elf_getshdrstrndx(elf, &names))
        return NULL;
    while ((section = elf_nextscn(elf, section))) {
        const char *name =
            gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

        if (name && !strcmp(name, wanted))
            return elf_getdata(section, NULL);
    }
    return NULL;
}

/* Whether one of the object's sections of variables lists it, as .ksyms and .kconfig do. */
static bool is_listed(const struct btf *btf, const char *name)
{
    for (__u32 id = 1; id < btf__type_cnt(btf); id++) {
        const struct btf_type *type = btf__type_by_id(btf, id);
        const struct btf_var_secinfo *places = (const void *)(type + 1);

        for (__u32 i = 0;
             BTF_INFO_KIND(type->info) == BTF_KIND_DATASEC && i < BTF_INFO_VLEN(type->info); i++) {
            const struct btf_type *part = btf__type_by_id(btf, places[i].type);

            if (part && !strcmp(btf__name_by_offset(btf, part->name_off), name))
                return true;
        }
    }
    return false;
}

static bool find(Elf *elf, const struct btf *btf, char *name, size_t name_size)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;

    while ((section = elf_nextscn(elf, section))) {
        Elf_Data *symbols;
        GElf_Sym symbol;

        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB)
            continue;
        symbols = elf_getdata(section, NULL);
        for (int i = 1; symbols && gelf_getsym(symbols, i, &symbol); i++) {
            const char *text = elf_strptr(elf, header.sh_link, symbol.st_name);

            if (symbol.st_shndx != SHN_UNDEF || !text || !*text || (btf && is_listed(btf, text)))
                continue;
            snprintf(name, name_size, "%s", text);
            return true;
        }
    }
    return false;
}

bool lbpf_undefined_find(const void *object, size_t size, char *name, size_t name_size)
{
    Elf *elf = elf_version(EV_CURRENT) == EV_NONE
                   ? NULL
                   : elf_memory((char *)(uintptr_t)object, size); /* only read */
    Elf_Data *types = elf ? find_section(elf, ".BTF") : NULL;
    struct btf *btf = types && types->d_buf ? btf__new(types->d_buf, (__u32)types->d_size) : NULL;
    bool found = elf && find(elf, btf, name, name_size);

    btf__free(btf);
    elf_end(elf);
    return found;
}
