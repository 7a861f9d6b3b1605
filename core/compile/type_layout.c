/*
 * What clang makes of a structure as written. BTF has offsets and sizes but no alignment
 * attributes; the alignment computed here is that of the text, which need not be the kernel's:
 * offsets and sizes are kept by padding instead.
 */
#include "compile/type_text.h"

enum { LARGEST_ALIGN = 16, STEP_LIMIT = 64 };

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static const struct btf_array *array_of(const struct btf_type *type)
{
    return (const struct btf_array *)(type + 1);
}

uint64_t lbpf_type_size(const struct lbpf_type_text *text, uint32_t id)
{
    uint64_t count = 1;

    for (int step = 0; step < STEP_LIMIT; step++) {
        const struct btf_type *type;

        id = lbpf_kernel_btf_strip(text->btf, id);
        type = lbpf_kernel_btf_type(text->btf, id);
        switch (lbpf_btf_kind(type)) {
        case BTF_KIND_PTR:
            return count * 8;
        case BTF_KIND_ARRAY:
            if (array_of(type)->nelems && count > UINT32_MAX)
                return 0;
            count *= array_of(type)->nelems;
            id = array_of(type)->type;
            break;
        case BTF_KIND_INT:
        case BTF_KIND_FLOAT:
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64:
            return count > UINT32_MAX ? 0 : count * type->size;
        default:
            return 0;
        }
    }
    return 0;
}

unsigned lbpf_type_align(struct lbpf_type_text *text, uint32_t id)
{
    for (int step = 0; step < STEP_LIMIT; step++) {
        const struct btf_type *type;

        id = lbpf_kernel_btf_strip(text->btf, id);
        type = lbpf_kernel_btf_type(text->btf, id);
        switch (lbpf_btf_kind(type)) {
        case BTF_KIND_PTR:
            return 8;
        case BTF_KIND_ARRAY:
            id = array_of(type)->type;
            break;
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
            lbpf_type_layout(text, id);
            return text->infos[id].align ? text->infos[id].align : 1;
        case BTF_KIND_INT:
        case BTF_KIND_FLOAT:
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64:
            return type->size && type->size <= LARGEST_ALIGN && !(type->size & (type->size - 1))
                       ? type->size
                       : 1;
        default:
            return 1;
        }
    }
    return 1;
}

/* The width of a bit field, 0 for another member. BTF of old compilers has it in the integer type.
 */
static unsigned field_width(const struct lbpf_type_text *text, const struct btf_type *type,
                            const struct btf_member *member)
{
    const struct btf_type *field;
    uint32_t encoding;

    if (lbpf_btf_flag(type))
        return BTF_MEMBER_BITFIELD_SIZE(member->offset);
    field = lbpf_kernel_btf_type(text->btf, lbpf_kernel_btf_strip(text->btf, member->type));
    if (lbpf_btf_kind(field) != BTF_KIND_INT)
        return 0;
    encoding = *(const uint32_t *)(field + 1);
    return BTF_INT_BITS(encoding) != field->size * 8 ? BTF_INT_BITS(encoding) : 0;
}

struct lbpf_member_place lbpf_member_place(struct lbpf_type_text *text, const struct btf_type *type,
                                           const struct btf_member *member, uint64_t position,
                                           bool packed)
{
    struct lbpf_member_place place = {.width = field_width(text, type, member)};
    uint64_t unit, natural;

    place.offset = lbpf_btf_flag(type) ? BTF_MEMBER_BIT_OFFSET(member->offset) : member->offset;
    if (place.width) {
        unit = lbpf_type_size(text, member->type) * 8;
        place.size = place.width;
        if (!unit || place.width > unit)
            return place;
        natural =
            !packed && position % unit + place.width > unit ? round_up(position, unit) : position;
        place.possible = packed || place.offset % unit + place.width <= unit;
    } else {
        unit = packed ? 8 : lbpf_type_align(text, member->type) * 8;
        place.size = lbpf_type_size(text, member->type) * 8;
        natural = round_up(position, unit);
        place.possible = place.offset % unit == 0;
    }
    place.padded = natural != place.offset;
    if (place.offset < position)
        place.possible = false;
    return place;
}

/* Whether C can lay the type out with these rules, and with which alignment. */
static bool fits(struct lbpf_type_text *text, const struct btf_type *type, bool packed,
                 unsigned *align)
{
    const struct btf_member *members = lbpf_btf_members(type);
    bool is_union = lbpf_btf_kind(type) == BTF_KIND_UNION;
    uint64_t position = 0, end = 0;

    *align = 1;
    for (uint32_t i = 0; i < lbpf_btf_vlen(type); i++) {
        struct lbpf_member_place place =
            lbpf_member_place(text, type, &members[i], is_union ? 0 : position, packed);
        unsigned member_align = packed ? 1 : lbpf_type_align(text, members[i].type);

        if (!place.possible || (is_union && place.offset))
            return false;
        position = place.offset + place.size;
        if (position > end)
            end = position;
        if (member_align > *align)
            *align = member_align;
    }
    return type->size % *align == 0 && round_up(end, *align * 8) <= (uint64_t)type->size * 8;
}

unsigned lbpf_type_layout(struct lbpf_type_text *text, uint32_t id)
{
    const struct btf_type *type = lbpf_kernel_btf_type(text->btf, id);
    struct lbpf_type_info *info = &text->infos[id];
    unsigned align = 1;

    if (info->align || info->layout == LBPF_LAYOUT_BUSY)
        return info->layout;
    if (text->depth > STEP_LIMIT * 4) {
        text->failed = true;
        return LBPF_LAYOUT_OPAQUE;
    }
    text->depth++;
    info->layout = LBPF_LAYOUT_BUSY; /* a structure inside itself is damaged BTF */
    if (fits(text, type, false, &align))
        info->layout = LBPF_LAYOUT_NATURAL;
    else if (fits(text, type, true, &align))
        info->layout = LBPF_LAYOUT_PACKED;
    else
        info->layout = LBPF_LAYOUT_OPAQUE;
    info->align = info->layout == LBPF_LAYOUT_OPAQUE ? 1 : (unsigned char)align;
    text->depth--;
    return info->layout;
}
