/*
 * Which function a stub stands for is not written anywhere: the stub jumps through a slot, and a
 * relocation tells the dynamic linker whose address to put there. The order of stubs and that of
 * relocations need not be the same (.plt.sec, .plt.got), so the jump itself is decoded.
 */
#include "elf/plt.h"

#include "base/array.h"
#include "elf/demangle.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SECTION_LIMIT = 8 * 1024 * 1024, CHUNK = 16 * 1024, STEP = 8, STUB = 16, BASED = 0xa3 };

static const char suffix[] = "@plt";

/* --- decoding --------------------------------------------------------------------------------- */

/* jmp *slot(%rip), after endbr64 and a bnd prefix if they are there; with 32 bits jmp *slot, or
 * jmp *slot(%ebx), where %ebx holds the address of the file's table of slots. */
static bool decode_x86(const uint8_t *code, size_t size, bool is_64, uint64_t address,
                       uint64_t slots, uint64_t *slot)
{
    static const uint8_t endbr[] = {0xf3, 0x0f, 0x1e};
    size_t at = 0;
    int32_t distance;

    if (size >= 4 && memcmp(code, endbr, sizeof endbr) == 0)
        at = 4;
    if (at < size && code[at] == 0xf2)
        at++;
    if (size - at < 6 || code[at] != 0xff ||
        (code[at + 1] != 0x25 && (is_64 || code[at + 1] != BASED)))
        return false;
    memcpy(&distance, code + at + 2, sizeof distance);
    if (is_64)
        *slot = address + at + 6 + (uint64_t)(int64_t)distance;
    else
        *slot = (uint32_t)((code[at + 1] == BASED ? slots : 0) + (uint32_t)distance);
    return true;
}

/* adrp x16, page; ldr x17, [x16, #offset], after bti c if it is there. */
static bool decode_arm64(const uint8_t *code, size_t size, uint64_t address, uint64_t *slot)
{
    uint32_t words[3];
    uint64_t page;
    size_t at = 0;

    if (size < sizeof words)
        return false;
    memcpy(words, code, sizeof words);
    if (words[0] == 0xd503245f)
        at = 1;
    if ((words[at] & 0x9f00001f) != 0x90000010 || (words[at + 1] & 0xffc003ff) != 0xf9400211)
        return false;
    page = (uint64_t)(words[at] >> 5 & 0x7ffff) << 2 | (words[at] >> 29 & 3);
    if (page & 1 << 20)
        page |= ~(uint64_t)0 << 21;
    *slot =
        ((address + 4 * at) & ~(uint64_t)0xfff) + (page << 12) + (words[at + 1] >> 10 & 0xfff) * 8;
    return true;
}

static bool decode(const struct lbpf_elf_image *image, const uint8_t *code, size_t size,
                   uint64_t address, uint64_t slots, uint64_t *slot)
{
    switch (image->machine) {
    case EM_X86_64:
        return decode_x86(code, size, true, address, slots, slot);
    case EM_386:
        return decode_x86(code, size, false, address, slots, slot);
    case EM_AARCH64:
        return decode_arm64(code, size, address, slot);
    default:
        return false;
    }
}

struct list {
    struct lbpf_elf_stub *stubs;
    size_t count, capacity;
};

static int add_stub(struct list *list, uint64_t address, uint64_t slot)
{
    struct lbpf_elf_stub *grown =
        lbpf_array_grow(list->stubs, list->count, &list->capacity, sizeof *grown);

    if (!grown)
        return -ENOMEM;
    list->stubs = grown;
    list->stubs[list->count++] = (struct lbpf_elf_stub){.address = address, .slot = slot};
    return 0;
}

static int read_section(const struct lbpf_elf_image *image, const struct lbpf_elf_section *section,
                        uint64_t slots, struct list *list)
{
    size_t size = (size_t)section->size;
    uint8_t *code;
    int result = 0;

    if (section->size > SECTION_LIMIT)
        return 0;
    code = malloc(size + 1);
    if (!code)
        return -ENOMEM;
    if (!lbpf_elf_image_read(image, section->offset, code, size))
        size = 0;
    for (size_t at = 0; result == 0 && at < size; at += STEP) {
        size_t left = size - at < STUB ? size - at : STUB;
        uint64_t slot;

        if (decode(image, code + at, left, section->address + at, slots, &slot))
            result = add_stub(list, section->address + at, slot);
    }
    free(code);
    return result;
}

/* --- relocations ------------------------------------------------------------------------------ */

static int by_slot(const void *a, const void *b)
{
    const struct lbpf_elf_stub *left = a, *right = b;

    return (left->slot > right->slot) - (left->slot < right->slot);
}

static int by_address(const void *a, const void *b)
{
    const struct lbpf_elf_stub *left = a, *right = b;

    return (left->address > right->address) - (left->address < right->address);
}

struct tables {
    const struct lbpf_elf_image *image;
    struct lbpf_elf_section symbols, strings;
    struct list *list; /* by slot */
    struct lbpf_buffer *names;
    char *name; /* scratch */
};

static uint32_t add_name(struct tables *tables, uint64_t symbol)
{
    size_t entry_size = lbpf_elf_image_entry_size(tables->image);
    char bytes[sizeof(Elf64_Sym)];
    struct lbpf_elf_entry entry;
    uint32_t place = (uint32_t)tables->names->size;

    if (symbol == 0 || symbol >= tables->symbols.size / entry_size ||
        !lbpf_elf_image_read(tables->image, tables->symbols.offset + symbol * entry_size, bytes,
                             entry_size))
        return 0;
    lbpf_elf_image_entry(tables->image, bytes, &entry);
    if (entry.name == 0 || entry.name >= tables->strings.size ||
        !lbpf_elf_image_string(tables->image, tables->strings.offset + entry.name, tables->name,
                               LBPF_ELF_NAME_LIMIT))
        return 0;
    lbpf_buffer_append_string(tables->names, tables->name);
    lbpf_buffer_append(tables->names, suffix, sizeof suffix);
    if (lbpf_is_mangled(tables->name) && lbpf_demangle(tables->name, tables->names))
        lbpf_buffer_append_string(tables->names, suffix);
    lbpf_buffer_append(tables->names, "", 1);
    return place;
}

static void name_slot(struct tables *tables, uint64_t slot, uint64_t symbol)
{
    const struct list *list = tables->list;
    size_t low = 0, high = list->count;
    uint32_t name = 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (list->stubs[middle].slot < slot)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < list->count && list->stubs[low].slot == slot; low++) {
        if (!name)
            name = add_name(tables, symbol);
        list->stubs[low].name = name;
    }
}

/* Relocations with and without addend, of both word sizes: what they patch, and whose address. */
static void read_relocations(struct tables *tables, const struct lbpf_elf_section *section)
{
    bool is_64 = tables->image->is_64;
    size_t size = (is_64 ? 2U : 1U) * 8U, count;
    char chunk[CHUNK];

    if (section->type == SHT_RELA)
        size += is_64 ? 8 : 4;
    for (uint64_t at = 0; at < section->size; at += count * size) {
        count = sizeof chunk / size;
        if (count > (section->size - at) / size)
            count = (size_t)((section->size - at) / size);
        if (count == 0 ||
            !lbpf_elf_image_read(tables->image, section->offset + at, chunk, count * size))
            return;
        for (size_t i = 0; i < count; i++) {
            uint64_t wide[2];
            uint32_t narrow[2];

            if (is_64) {
                memcpy(wide, chunk + i * size, sizeof wide);
                if (ELF64_R_SYM(wide[1]))
                    name_slot(tables, wide[0], ELF64_R_SYM(wide[1]));
            } else {
                memcpy(narrow, chunk + i * size, sizeof narrow);
                if (ELF32_R_SYM(narrow[1]))
                    name_slot(tables, narrow[0], ELF32_R_SYM(narrow[1]));
            }
        }
    }
}

static int name_stubs(const struct lbpf_elf_image *image, struct list *list,
                      struct lbpf_buffer *names)
{
    struct tables tables = {.image = image, .list = list, .names = names};
    struct lbpf_elf_section section;

    if (!lbpf_elf_image_find(image, SHT_DYNSYM, NULL, &tables.symbols) ||
        !lbpf_elf_image_section(image, tables.symbols.link, &tables.strings))
        return 0;
    tables.name = malloc(LBPF_ELF_NAME_LIMIT);
    if (!tables.name)
        return -ENOMEM;
    qsort(list->stubs, list->count, sizeof *list->stubs, by_slot);
    for (size_t i = 1; i < image->section_count; i++) {
        if (lbpf_elf_image_section(image, i, &section) &&
            (section.type == SHT_RELA || section.type == SHT_REL) &&
            section.link == tables.symbols.number)
            read_relocations(&tables, &section);
    }
    free(tables.name);
    qsort(list->stubs, list->count, sizeof *list->stubs, by_address);
    return names->failed ? -ENOMEM : 0;
}

int lbpf_elf_read_stubs(const struct lbpf_elf_image *image, struct lbpf_elf_stub **stubs,
                        size_t *count, struct lbpf_buffer *names)
{
    static const char *const sections[] = {".plt", ".plt.sec", ".plt.got"};
    struct lbpf_elf_section slots = {0};
    struct list list = {0};
    int result = 0;

    if (!lbpf_elf_image_find(image, SHT_PROGBITS, ".got.plt", &slots))
        lbpf_elf_image_find(image, SHT_PROGBITS, ".got", &slots);
    if (names->size == 0)
        lbpf_buffer_append(names, "", 1); /* 0 means no name */
    for (size_t i = 0; result == 0 && i < sizeof sections / sizeof sections[0]; i++) {
        struct lbpf_elf_section section;

        if (lbpf_elf_image_find(image, SHT_PROGBITS, sections[i], &section))
            result = read_section(image, &section, slots.address, &list);
    }
    if (result == 0 && list.count > 0)
        result = name_stubs(image, &list, names);
    if (result < 0) {
        free(list.stubs);
        list = (struct list){0};
    }
    *stubs = list.stubs;
    *count = list.count;
    return result;
}
