#include "kernel/inspect.h"

#include "kernel/object_private.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>

/* Where the function lies in the object file. */
struct extent {
    size_t section; /* index */
    uint64_t start, size;
    Elf_Data *symbols;
    size_t names; /* index of the symbols' string table */
};

static bool find_extent(Elf *elf, const char *name, struct extent *extent)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;

    while ((section = elf_nextscn(elf, section))) {
        GElf_Sym symbol;

        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB)
            continue;
        extent->symbols = elf_getdata(section, NULL);
        extent->names = header.sh_link;
        for (int i = 0; extent->symbols && gelf_getsym(extent->symbols, i, &symbol); i++) {
            const char *found = elf_strptr(elf, header.sh_link, symbol.st_name);

            if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC || !found || strcmp(found, name))
                continue;
            extent->section = symbol.st_shndx;
            extent->start = symbol.st_value;
            extent->size = symbol.st_size;
            return true;
        }
    }
    return false;
}

/* Puts the fd of the map that a relocation names into its instruction. */
static void relocate(Elf *elf, const struct extent *extent, const GElf_Rel *place,
                     struct lbpf_object *object, struct bpf_insn *instructions)
{
    uint64_t index = (place->r_offset - extent->start) / sizeof *instructions;
    const struct lbpf_map *map;
    const char *name;
    GElf_Sym symbol;

    if (place->r_offset < extent->start || index + 1 >= extent->size / sizeof *instructions ||
        !gelf_getsym(extent->symbols, (int)GELF_R_SYM(place->r_info), &symbol))
        return;
    name = elf_strptr(elf, extent->names, symbol.st_name);
    map = name ? lbpf_object_map(object, name) : NULL;
    if (!map || instructions[index].code != (BPF_LD | BPF_IMM | BPF_DW))
        return;
    instructions[index].src_reg = BPF_PSEUDO_MAP_FD;
    instructions[index].imm = map->fd;
}

static void relocate_all(Elf *elf, const struct extent *extent, struct lbpf_object *object,
                         struct bpf_insn *instructions)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;

    while ((section = elf_nextscn(elf, section))) {
        Elf_Data *data;
        GElf_Rel place;

        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_REL ||
            header.sh_info != extent->section)
            continue;
        data = elf_getdata(section, NULL);
        for (int i = 0; data && gelf_getrel(data, i, &place); i++)
            relocate(elf, extent, &place, object, instructions);
    }
}

static int copy_compiled(Elf *elf, struct lbpf_object *object, const char *name,
                         struct lbpf_buffer *instructions)
{
    struct extent extent = {0};
    Elf_Scn *section = find_extent(elf, name, &extent) ? elf_getscn(elf, extent.section) : NULL;
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
    size_t start = instructions->size;

    if (!data || !data->d_buf || extent.start > data->d_size ||
        extent.size > data->d_size - extent.start)
        return -EINVAL;
    lbpf_buffer_append(instructions, (const char *)data->d_buf + extent.start, extent.size);
    if (instructions->failed)
        return -ENOMEM;
    if (start % sizeof(struct bpf_insn) == 0)
        relocate_all(elf, &extent, object, (void *)(instructions->data + start));
    return 0;
}

/* A load has descriptors of its own for the maps; scripts know those of the object. */
static void name_maps(struct lbpf_object *object, const struct lbpf_loaded *loaded,
                      struct bpf_insn *instruction)
{
    struct bpf_map *map;

    if (instruction->code != (BPF_LD | BPF_IMM | BPF_DW) ||
        (instruction->src_reg != BPF_PSEUDO_MAP_FD && instruction->src_reg != BPF_PSEUDO_MAP_VALUE))
        return;
    bpf_object__for_each_map(map, loaded->libbpf_object)
    {
        const struct lbpf_map *own = lbpf_object_map(object, bpf_map__name(map));

        if (own && bpf_map__fd(map) == instruction->imm) {
            instruction->imm = own->fd;
            return;
        }
    }
}

static int copy_loaded(struct lbpf_object *object, const struct lbpf_loaded *loaded,
                       struct lbpf_buffer *instructions)
{
    size_t count = bpf_program__insn_cnt(loaded->program);
    struct bpf_insn *copy =
        (void *)lbpf_buffer_reserve(instructions, count * sizeof(struct bpf_insn));

    if (!copy)
        return -ENOMEM;
    memcpy(copy, bpf_program__insns(loaded->program), count * sizeof *copy);
    instructions->size += count * sizeof *copy;
    for (size_t i = 0; i < count; i++)
        name_maps(object, loaded, &copy[i]);
    return 0;
}

int lbpf_object_instructions(struct lbpf_object *object, const char *name,
                             struct lbpf_buffer *instructions, struct lbpf_error *error)
{
    const struct lbpf_strmap_entry *entry =
        lbpf_strmap_get(&object->function_index, name, strlen(name));
    const struct lbpf_loaded *loaded = entry ? object->functions[entry->value].loaded : NULL;
    Elf *elf = NULL;
    int result;

    if (!entry)
        return lbpf_error_set(error, ENOENT, "dump", "Unknown program %s", name);
    if (loaded)
        return copy_loaded(object, loaded, instructions) ? lbpf_error_no_memory(error, "dump") : 0;
    if (elf_version(EV_CURRENT) != EV_NONE)
        elf = elf_memory(object->elf, object->elf_size);
    result = elf ? copy_compiled(elf, object, name, instructions) : -EINVAL;
    elf_end(elf);
    if (result == -ENOMEM)
        return lbpf_error_no_memory(error, "dump");
    return result ? lbpf_error_set(error, EINVAL, "dump",
                                   "the object does not say where the function %s lies", name)
                  : 0;
}

uint32_t lbpf_map_id(const struct lbpf_map *map)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof info;

    return bpf_obj_get_info_by_fd(map->fd, &info, &size) ? 0 : info.id;
}
