/*
 * libbpf (at least up to 1.1) trusts an object's BTF: a type number out of range becomes a NULL
 * pointer that it follows, a cycle of typedefs an endless loop. The kernel checks all that, but
 * only after libbpf. So the numbers are checked here, in one pass over the bytes that allocates
 * only a table of types.
 */
#include "kernel/guard.h"

#include "base/array.h"
#include "types/btf_size.h"

#include <gelf.h>
#include <libelf.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_LIMIT 64 /* of typedefs, pointers, arrays in a row */
#define INT_MAX_U   0x7fffffffu

#ifndef BTF_KIND_ENUM64
#define BTF_KIND_ENUM64 19
#endif

struct types {
    const unsigned char *data, *strings; /* of the type and the string section */
    uint32_t size, string_size;
    const struct btf_type **items; /* [1 … count] */
    uint32_t count;
    size_t capacity;
};

/* ---- BTF ------------------------------------------------------------------------------------ */

static bool add_type(struct types *types, const struct btf_type *type)
{
    const struct btf_type **grown =
        lbpf_array_grow(types->items, (size_t)types->count + 1, &types->capacity, sizeof(*grown));

    if (!grown)
        return false;
    types->items = grown;
    types->items[++types->count] = type;
    return true;
}

static bool collect_types(struct types *types)
{
    uint32_t at = 0;

    while (at < types->size) {
        const struct btf_type *type = (const void *)(types->data + at);
        size_t tail;

        if (types->size - at < sizeof *type)
            return false;
        tail = lbpf_btf_tail_size(type);
        if (tail > types->size - at - sizeof *type || !add_type(types, type))
            return false;
        at += (uint32_t)(sizeof *type + tail);
    }
    return true;
}

static bool is_id(const struct types *types, uint32_t id)
{
    return id <= types->count;
}

static bool is_name(const struct types *types, uint32_t offset)
{
    return offset < types->string_size;
}

static uint32_t kind_of(const struct types *types, uint32_t id)
{
    return id ? BTF_INFO_KIND(types->items[id]->info) : BTF_KIND_UNKN;
}

static bool check_members(const struct types *types, const struct btf_type *type)
{
    const struct btf_member *members = (const void *)(type + 1);

    for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info); i++) {
        if (!is_id(types, members[i].type) || !is_name(types, members[i].name_off))
            return false;
    }
    return true;
}

static bool check_params(const struct types *types, const struct btf_type *type)
{
    const struct btf_param *params = (const void *)(type + 1);

    for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info); i++) {
        if (!is_id(types, params[i].type) || !is_name(types, params[i].name_off))
            return false;
    }
    return is_id(types, type->type);
}

static bool check_section(const struct types *types, const struct btf_type *type)
{
    const struct btf_var_secinfo *vars = (const void *)(type + 1);

    for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info); i++) {
        uint32_t kind = is_id(types, vars[i].type) ? kind_of(types, vars[i].type) : BTF_KIND_UNKN;

        if (kind != BTF_KIND_VAR && kind != BTF_KIND_FUNC)
            return false;
    }
    return true;
}

static bool check_names(const struct types *types, const struct btf_type *type, size_t stride)
{
    const unsigned char *at = (const void *)(type + 1);

    for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info); i++, at += stride) {
        uint32_t name;

        memcpy(&name, at, sizeof name);
        if (!is_name(types, name))
            return false;
    }
    return true;
}

static bool check_type(const struct types *types, const struct btf_type *type)
{
    const struct btf_array *array = (const void *)(type + 1);

    if (!is_name(types, type->name_off))
        return false;
    switch (BTF_INFO_KIND(type->info)) {
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        return check_members(types, type);
    case BTF_KIND_FUNC_PROTO:
        return check_params(types, type);
    case BTF_KIND_DATASEC:
        return check_section(types, type);
    case BTF_KIND_ENUM:
        return check_names(types, type, sizeof(struct btf_enum));
    case BTF_KIND_ENUM64:
        return check_names(types, type, 12);
    case BTF_KIND_ARRAY:
        return is_id(types, array->type) && is_id(types, array->index_type);
    case BTF_KIND_FUNC:
        return is_id(types, type->type) && kind_of(types, type->type) == BTF_KIND_FUNC_PROTO;
    case BTF_KIND_INT:
    case BTF_KIND_FWD:
    case BTF_KIND_FLOAT:
        return true;
    default:
        return is_id(types, type->type);
    }
}

/* What a type stands for or is made of, one step on; 0 at the end. Structs reach themselves through
 * pointers, which is no cycle in this sense. */
static uint32_t next_in_chain(const struct types *types, uint32_t id)
{
    const struct btf_type *type = types->items[id];

    switch (BTF_INFO_KIND(type->info)) {
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_CONST:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_TYPE_TAG:
    case BTF_KIND_PTR:
    case BTF_KIND_VAR:
        return type->type;
    case BTF_KIND_ARRAY:
        return ((const struct btf_array *)(const void *)(type + 1))->type;
    default:
        return 0;
    }
}

static bool check_chain(const struct types *types, uint32_t id)
{
    for (int depth = 0; depth < DEPTH_LIMIT; depth++) {
        if (!id)
            return true;
        id = next_in_chain(types, id);
    }
    return false;
}

/* Arrays in arrays whose size together has no 31 bits: libbpf multiplies them unchecked. */
static bool check_array(const struct types *types, uint32_t id)
{
    uint64_t elements = 1;

    while (id && kind_of(types, id) == BTF_KIND_ARRAY) {
        const struct btf_array *array = (const void *)(types->items[id] + 1);

        elements *= array->nelems ? array->nelems : 1;
        if (elements > INT_MAX_U)
            return false;
        id = array->type;
    }
    return true;
}

static bool check_types(struct types *types)
{
    if (!collect_types(types))
        return false;
    for (uint32_t id = 1; id <= types->count; id++) {
        if (!check_type(types, types->items[id]))
            return false;
    }
    for (uint32_t id = 1; id <= types->count; id++) {
        if (!check_chain(types, id) || !check_array(types, id))
            return false;
    }
    return true;
}

static bool check_btf(const unsigned char *data, size_t size)
{
    struct btf_header header;
    struct types types = {0};
    bool good;

    if (size < sizeof header)
        return false;
    memcpy(&header, data, sizeof header);
    if (header.magic != BTF_MAGIC || header.hdr_len < sizeof header || header.hdr_len > size)
        return false;
    size -= header.hdr_len;
    data += header.hdr_len;
    if (header.type_off > size || header.type_len > size - header.type_off ||
        (header.type_off & 3) || header.str_off > size || header.str_len > size - header.str_off ||
        header.str_len == 0)
        return false;
    types.data = data + header.type_off;
    types.size = header.type_len;
    types.strings = data + header.str_off;
    types.string_size = header.str_len;
    if (types.strings[0] || types.strings[types.string_size - 1])
        return false;
    good = check_types(&types);
    free(types.items);
    return good;
}

/* ---- ELF ------------------------------------------------------------------------------------ */

static bool check_symbols(Elf_Data *data, size_t section_count, size_t string_size)
{
    size_t count = data->d_size / sizeof(Elf64_Sym);
    GElf_Sym symbol;

    for (size_t i = 0; i < count; i++) {
        if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_name >= string_size)
            return false;
        if (symbol.st_shndx < SHN_LORESERVE && symbol.st_shndx >= section_count)
            return false;
    }
    return true;
}

static size_t section_bytes(Elf *elf, size_t index)
{
    GElf_Shdr header;
    Elf_Scn *section = elf_getscn(elf, index);

    return section && gelf_getshdr(section, &header) ? header.sh_size : 0;
}

static const char *check_one(Elf *elf, Elf_Scn *section, size_t section_count, size_t names)
{
    GElf_Shdr header;
    const char *name;
    Elf_Data *data;

    if (!gelf_getshdr(section, &header))
        return "a damaged section header";
    name = elf_strptr(elf, names, header.sh_name);
    if (!name)
        return "a section without a name";
    if (header.sh_type == SHT_NULL || header.sh_type == SHT_NOBITS)
        return header.sh_size > INT_MAX_U ? "a section of absurd size" : NULL;
    data = elf_getdata(section, NULL);
    if (!data || (header.sh_size && (!data->d_buf || data->d_size != header.sh_size)))
        return "a section beyond the end of the file";
    if (!strcmp(name, ".BTF") && !check_btf(data->d_buf, data->d_size))
        return "damaged type information (BTF)";
    if (header.sh_type == SHT_SYMTAB &&
        !check_symbols(data, section_count, section_bytes(elf, header.sh_link)))
        return "a damaged symbol table";
    if ((header.sh_type == SHT_REL || header.sh_type == SHT_SYMTAB) &&
        header.sh_link >= section_count)
        return "a section that refers to no section";
    return NULL;
}

static const char *check_elf(Elf *elf)
{
    const char *problem = NULL;
    Elf_Scn *section = NULL;
    size_t names, count;
    GElf_Ehdr header;

    if (!gelf_getehdr(elf, &header) || header.e_ident[EI_CLASS] != ELFCLASS64)
        return "it is no 64-bit ELF file";
    if (elf_getshdrstrndx(elf, &names) || elf_getshdrnum(elf, &count))
        return "it has no sections";
    while (!problem && (section = elf_nextscn(elf, section)) != NULL)
        problem = check_one(elf, section, count, names);
    return problem;
}

const char *lbpf_guard_object(const void *elf, size_t size)
{
    const char *problem;
    Elf *handle;

    if (elf_version(EV_CURRENT) == EV_NONE)
        return NULL; /* libbpf will say so */
    handle = elf_memory((char *)(uintptr_t)elf, size);
    if (!handle || elf_kind(handle) != ELF_K_ELF) {
        elf_end(handle);
        return "it is no ELF file";
    }
    problem = check_elf(handle);
    elf_end(handle);
    return problem;
}
