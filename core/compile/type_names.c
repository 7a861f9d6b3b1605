/*
 * Which name a kernel type has in the text. C has one name space for tags and one for typedefs and
 * enumerators; BTF may hold several types of one name, and the program may have taken the name for
 * itself. Whoever comes first keeps the plain name, everybody else gets ___ID behind it.
 */
#include "compile/type_text.h"

#include <ctype.h>
#include <string.h>

/* A tag that so far was only mentioned ("struct x;"), by its kind; ids are smaller. */
enum { CLAIM_FORWARD_STRUCT = 0x7ffffffe, CLAIM_FORWARD_UNION = 0x7fffffff };

static uintptr_t defined_bits(const struct lbpf_type_text *text, const char *name)
{
    struct lbpf_strmap_entry *entry =
        lbpf_strmap_get(&text->identifiers->defined, name, strlen(name));

    return entry ? entry->value : 0;
}

static bool is_c_name(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    while (isalnum((unsigned char)*name) || *name == '_')
        name++;
    return !*name;
}

static void append_name(struct lbpf_buffer *out, const char *name, bool plain, uint32_t id)
{
    if (!is_c_name(name))
        lbpf_buffer_printf(out, "kernel_type___%u", id);
    else if (plain)
        lbpf_buffer_append_string(out, name);
    else
        lbpf_buffer_printf(out, "%s___%u", name, id);
}

/* LBPF_DEFINES_* of the keyword that the type is declared with. */
static unsigned tag_kind(const struct btf_type *type)
{
    switch (lbpf_btf_kind(type)) {
    case BTF_KIND_STRUCT:
        return LBPF_DEFINES_STRUCT;
    case BTF_KIND_UNION:
        return LBPF_DEFINES_UNION;
    case BTF_KIND_FWD:
        return lbpf_btf_flag(type) ? LBPF_DEFINES_UNION : LBPF_DEFINES_STRUCT;
    default:
        return LBPF_DEFINES_ENUM;
    }
}

static bool claim(struct lbpf_type_text *text, struct lbpf_idmap *map, uint32_t key, uint32_t value)
{
    if (lbpf_idmap_set(map, key, value))
        text->failed = true;
    return true;
}

/* Whether the tag may stand without a suffix; takes the name if it is free. */
static bool claim_tag(struct lbpf_type_text *text, uint32_t id, const struct btf_type *type)
{
    unsigned kind = tag_kind(type);
    bool forward = lbpf_btf_kind(type) == BTF_KIND_FWD;
    uint32_t forward_claim =
        kind == LBPF_DEFINES_UNION ? CLAIM_FORWARD_UNION : CLAIM_FORWARD_STRUCT;
    uint32_t *owner = lbpf_idmap_get(&text->tags, type->name_off);

    if (!owner)
        return claim(text, &text->tags, type->name_off, forward ? forward_claim : id);
    if (*owner == id)
        return true;
    if (forward)
        return *owner == forward_claim ||
               (*owner < CLAIM_FORWARD_STRUCT &&
                tag_kind(lbpf_kernel_btf_type(text->btf, *owner)) == kind);
    if (*owner == forward_claim && kind != LBPF_DEFINES_ENUM)
        return claim(text, &text->tags, type->name_off, id);
    return false;
}

void lbpf_type_text_tag(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id,
                        bool pointed)
{
    const struct btf_type *type = lbpf_kernel_btf_type(text->btf, id);
    const char *name = lbpf_kernel_btf_string(text->btf, type->name_off);
    unsigned kind = tag_kind(type);
    uintptr_t defined = defined_bits(text, name);
    bool plain;

    if (defined & LBPF_DEFINES_FLAG_MACRO)
        plain = false;
    else if (defined & LBPF_DEFINES_TAG)
        plain = (pointed || lbpf_btf_kind(type) == BTF_KIND_FWD) && defined & kind &&
                kind != LBPF_DEFINES_ENUM;
    else
        plain = claim_tag(text, id, type);
    lbpf_buffer_append_string(out, kind == LBPF_DEFINES_STRUCT  ? "struct "
                                   : kind == LBPF_DEFINES_UNION ? "union "
                                                                : "enum ");
    append_name(out, name, plain, id);
}

/* Whether id may use the typedef's or enumerator's name without a suffix; takes it if it is free.
 */
static bool claim_name(struct lbpf_type_text *text, uint32_t id, uint32_t name_offset)
{
    const char *name = lbpf_kernel_btf_string(text->btf, name_offset);
    uint32_t *owner = lbpf_idmap_get(&text->names, name_offset);

    if (defined_bits(text, name) &
        (LBPF_DEFINES_SYMBOL | LBPF_DEFINES_TYPEDEF | LBPF_DEFINES_FLAG_MACRO))
        return false;
    return owner ? *owner == id : claim(text, &text->names, name_offset, id);
}

void lbpf_type_text_typedef_name(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id)
{
    const struct btf_type *type = lbpf_kernel_btf_type(text->btf, id);

    append_name(out, lbpf_kernel_btf_string(text->btf, type->name_off),
                claim_name(text, id, type->name_off), id);
}

void lbpf_type_text_enumerator(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id,
                               uint32_t name_offset)
{
    const char *name = lbpf_kernel_btf_string(text->btf, name_offset);

    if (!is_c_name(name)) /* several may be in one enum */
        lbpf_buffer_printf(out, "kernel_constant___%u_%u", id, name_offset);
    else
        append_name(out, name, claim_name(text, id, name_offset), id);
}
