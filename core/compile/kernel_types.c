/*
 * Which types a program gets. The names that it mentions are looked up once in BTF's string
 * section, so that the walk over 150,000 types compares numbers. A member that the program names
 * may lead to another structure by pointer; those are followed until nothing new appears.
 */
#include "compile/kernel_types.h"

#include "base/array.h"
#include "compile/module_btf.h"
#include "compile/type_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FILTER_BITS = 1 << 16, DEFINED_SHIFT = 8 };

/* One bit per rough hash of a wanted name; most of the kernel's strings end here. */
struct filter {
    unsigned char bits[FILTER_BITS / 8];
};

struct selection {
    const struct lbpf_kernel_btf *btf;
    const struct lbpf_identifiers *identifiers;
    struct filter filter;     /* of names, then of string offsets */
    struct lbpf_idmap wanted; /* string offset → LBPF_USED_*, LBPF_DEFINES_* << DEFINED_SHIFT */
    struct lbpf_idmap best; /* string offset of a tag → the id that the program most likely means */
    uint32_t *roots;        /* typedefs and enums to define */
    size_t root_count, root_capacity;
    bool failed;
};

static unsigned rough_hash(const char *name, size_t size)
{
    return ((unsigned char)name[0] * 131u + (unsigned char)name[size - 1] * 2053u +
            (unsigned char)name[size / 2] * 8209u + (unsigned)size * 521u) %
           FILTER_BITS;
}

static unsigned offset_hash(uint32_t offset)
{
    return (offset * 2654435761u >> 11) % FILTER_BITS;
}

static void filter_add(struct filter *filter, unsigned hash)
{
    filter->bits[hash / 8] |= (unsigned char)(1u << hash % 8);
}

static bool filter_has(const struct filter *filter, unsigned hash)
{
    return filter->bits[hash / 8] >> hash % 8 & 1;
}

/* Which names the program has, as offsets into the string section. */
static void find_strings(struct selection *selection)
{
    const struct lbpf_strmap *names = &selection->identifiers->names;
    const char *at = selection->btf->strings, *end = at + selection->btf->strings_size;

    for (size_t i = 0; i < names->slot_count; i++)
        if (names->slots[i].key && names->slots[i].size)
            filter_add(&selection->filter, rough_hash(names->slots[i].key, names->slots[i].size));
    for (size_t size; at < end; at += size + 1) {
        struct lbpf_strmap_entry *name, *defined;

        size = strlen(at);
        if (!size || !filter_has(&selection->filter, rough_hash(at, size)))
            continue;
        name = lbpf_strmap_get(names, at, size);
        if (!name)
            continue;
        defined = lbpf_strmap_get(&selection->identifiers->defined, at, size);
        if (lbpf_idmap_set(
                &selection->wanted, (uint32_t)(at - selection->btf->strings),
                (uint32_t)(name->value | (defined ? defined->value << DEFINED_SHIFT : 0))))
            selection->failed = true;
    }
    memset(&selection->filter, 0, sizeof selection->filter);
    for (size_t i = 0; i < selection->wanted.slot_count; i++)
        if (selection->wanted.slots[2 * i])
            filter_add(&selection->filter, offset_hash(selection->wanted.slots[2 * i]));
}

static uint32_t wanted_bits(const struct selection *selection, uint32_t name_offset)
{
    uint32_t *bits;

    if (!filter_has(&selection->filter, offset_hash(name_offset)))
        return 0;
    bits = lbpf_idmap_get(&selection->wanted, name_offset);
    return bits ? *bits : 0;
}

static void add_root(struct selection *selection, uint32_t id)
{
    uint32_t *grown = lbpf_array_grow(selection->roots, selection->root_count,
                                      &selection->root_capacity, sizeof *grown);

    if (!grown) {
        selection->failed = true;
        return;
    }
    selection->roots = grown;
    selection->roots[selection->root_count++] = id;
}

/* --- the walk over all types ------------------------------------------------------------------ */

/* Of several structures with one name the one with the most members: the others are mostly private
 * to a driver. */
static void consider_tag(struct selection *selection, uint32_t id, const struct btf_type *type)
{
    uint32_t bits = wanted_bits(selection, type->name_off), *best;

    if (!(bits & LBPF_USED_TAG) || bits >> DEFINED_SHIFT & LBPF_DEFINES_TAG)
        return;
    best = lbpf_idmap_get(&selection->best, type->name_off);
    if (best) {
        const struct btf_type *other = lbpf_kernel_btf_type(selection->btf, *best);

        if (lbpf_btf_vlen(type) > lbpf_btf_vlen(other))
            *best = id;
    } else if (lbpf_idmap_set(&selection->best, type->name_off, id)) {
        selection->failed = true;
    }
}

/* An enumerator counts when it is written like one: words such as `count` are constants somewhere
 * in the kernel too. */
static bool wants_enumerator(const struct selection *selection, uint32_t name_offset)
{
    uint32_t bits = wanted_bits(selection, name_offset);
    const char *name;

    if (!(bits & LBPF_USED_PLAIN) || bits >> DEFINED_SHIFT)
        return false;
    for (name = lbpf_kernel_btf_string(selection->btf, name_offset); *name; name++)
        if (islower((unsigned char)*name))
            return false;
    return true;
}

static void consider_enumerators(struct selection *selection, uint32_t id,
                                 const struct btf_type *type)
{
    const struct btf_enum *small = (const void *)(type + 1);
    const struct btf_enum64 *large = (const void *)(type + 1);
    bool wide = lbpf_btf_kind(type) == BTF_KIND_ENUM64;

    for (uint32_t i = 0; i < lbpf_btf_vlen(type); i++)
        if (wants_enumerator(selection, wide ? large[i].name_off : small[i].name_off)) {
            add_root(selection, id);
            return;
        }
}

static void consider_type(struct selection *selection, uint32_t id)
{
    const struct btf_type *type = lbpf_kernel_btf_type(selection->btf, id);
    uint32_t bits;

    switch (lbpf_btf_kind(type)) {
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        consider_tag(selection, id, type);
        break;
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
        consider_tag(selection, id, type);
        consider_enumerators(selection, id, type);
        break;
    case BTF_KIND_TYPEDEF:
        bits = wanted_bits(selection, type->name_off);
        if (bits & LBPF_USED_PLAIN && !(bits >> DEFINED_SHIFT))
            add_root(selection, id);
        break;
    }
}

/* --- what to write ---------------------------------------------------------------------------- */

/* The structure that a member points to, through any number of pointers and arrays; 0 for others.
 */
static uint32_t pointee(const struct lbpf_kernel_btf *btf, uint32_t id)
{
    bool pointer = false;

    for (int step = 0; step < 16; step++) {
        const struct btf_type *type;

        id = lbpf_kernel_btf_strip(btf, id);
        type = lbpf_kernel_btf_type(btf, id);
        if (lbpf_btf_kind(type) == BTF_KIND_PTR) {
            pointer = true;
            id = type->type;
        } else if (lbpf_btf_kind(type) == BTF_KIND_ARRAY) {
            id = ((const struct btf_array *)(type + 1))->type;
        } else {
            return pointer && lbpf_btf_is_aggregate(type) && type->name_off ? id : 0;
        }
    }
    return 0;
}

static bool defines_tag(const struct selection *selection, uint32_t name_offset)
{
    return wanted_bits(selection, name_offset) >> DEFINED_SHIFT & LBPF_DEFINES_TAG;
}

/* Defines what the members of id lead to that the program names; nameless parts are looked into. */
static void follow_members(struct selection *selection, struct lbpf_type_text *text, uint32_t id,
                           int depth)
{
    const struct btf_type *type = lbpf_kernel_btf_type(selection->btf, id);
    const struct btf_member *members = lbpf_btf_members(type);

    for (uint32_t i = 0; i < lbpf_btf_vlen(type); i++) {
        uint32_t part = lbpf_kernel_btf_strip(selection->btf, members[i].type);
        const struct btf_type *part_type = lbpf_kernel_btf_type(selection->btf, part);

        if (lbpf_btf_is_aggregate(part_type) && !part_type->name_off && depth < 16)
            follow_members(selection, text, part, depth + 1);
        if (!(wanted_bits(selection, members[i].name_off) & (LBPF_USED_OWN | LBPF_USED_MEMBER)))
            continue;
        part = pointee(selection->btf, members[i].type);
        if (part && !defines_tag(selection, lbpf_kernel_btf_type(selection->btf, part)->name_off))
            lbpf_type_text_define(text, part);
    }
}

static void write_types(struct selection *selection, struct lbpf_type_text *text)
{
    const struct lbpf_idmap *best = &selection->best;
    struct lbpf_buffer ignored = {0};

    /* Take the plain names first, so that what the program means gets them. */
    for (size_t i = 0; i < best->slot_count; i++)
        if (best->slots[2 * i])
            lbpf_type_text_tag(text, &ignored, best->slots[2 * i + 1], false);
    lbpf_buffer_free(&ignored);
    for (size_t i = 0; i < selection->root_count; i++)
        lbpf_type_text_define(text, selection->roots[i]);
    for (size_t i = 0; i < best->slot_count; i++)
        if (best->slots[2 * i])
            lbpf_type_text_define(text, best->slots[2 * i + 1]);
    for (size_t i = 0; i < text->aggregate_count; i++)
        follow_members(selection, text, text->aggregates[i], 0);
}

/* --- modules ---------------------------------------------------------------------------------- */

static bool has_tag(const struct selection *selection, const char *name)
{
    const struct lbpf_idmap *best = &selection->best;

    for (size_t i = 0; i < best->slot_count; i++)
        if (best->slots[2 * i] &&
            !strcmp(lbpf_kernel_btf_string(selection->btf, best->slots[2 * i]), name))
            return true;
    return false;
}

/* Tags that the program names and nobody has defined so far. */
static int find_missing(const struct selection *selection, struct lbpf_strmap *missing)
{
    const struct lbpf_strmap *names = &selection->identifiers->names;
    const uintptr_t wanted = LBPF_USED_TAG | LBPF_USED_OWN;

    for (size_t i = 0; i < names->slot_count; i++) {
        const struct lbpf_strmap_entry *name = &names->slots[i], *defined;

        if (!name->key || (name->value & wanted) != wanted)
            continue;
        defined = lbpf_strmap_get(&selection->identifiers->defined, name->key, name->size);
        if ((!defined || !(defined->value & LBPF_DEFINES_TAG)) && !has_tag(selection, name->key) &&
            lbpf_strmap_set(missing, name->key, name->size, 0))
            return -ENOMEM;
    }
    return 0;
}

static void select_types(struct selection *selection)
{
    find_strings(selection);
    for (uint32_t id = 1; id < selection->btf->count; id++)
        consider_type(selection, id);
}

static void forget(struct selection *selection)
{
    lbpf_idmap_free(&selection->wanted);
    lbpf_idmap_free(&selection->best);
    free(selection->roots);
    memset(selection, 0, sizeof *selection);
}

/* Chooses again, with modules, when a structure is missing. */
static void select_from_modules(struct selection *selection, struct lbpf_kernel_btf *btf)
{
    const struct lbpf_identifiers *identifiers = selection->identifiers;
    struct lbpf_strmap missing = {0};
    int added = find_missing(selection, &missing);

    if (!added && missing.count)
        added = lbpf_module_btf_add(btf, &missing);
    if (added > 0) {
        forget(selection);
        selection->btf = btf;
        selection->identifiers = identifiers;
        select_types(selection);
    } else if (added < 0) {
        selection->failed = true;
    }
    lbpf_strmap_free(&missing);
}

int lbpf_kernel_types(struct lbpf_kernel_btf *btf, const struct lbpf_identifiers *identifiers,
                      bool relocated, struct lbpf_buffer *text, struct lbpf_error *error)
{
    struct selection *selection = calloc(1, sizeof *selection);
    struct lbpf_type_text writer = {0};
    bool failed = true;

    if (!selection)
        return lbpf_error_no_memory(error, "compile");
    selection->btf = btf;
    selection->identifiers = identifiers;
    select_types(selection);
    select_from_modules(selection, btf);
    if (!lbpf_type_text_init(&writer, btf, identifiers, text)) {
        writer.relocated = relocated;
        write_types(selection, &writer);
        failed = writer.failed || selection->failed || text->failed;
    }
    lbpf_type_text_free(&writer);
    forget(selection);
    free(selection);
    return failed ? lbpf_error_set(error, ENOMEM, "compile",
                                   "the kernel's types need more memory than there is")
                  : 0;
}
