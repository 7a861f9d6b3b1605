/*
 * One type as C text: what stands in front of a declarator, the declarator built from the inside
 * out, and the bodies of structures and enumerations.
 */
#include "compile/type_text.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH_LIMIT = 256, STEP_LIMIT = 64 };
enum { CONST = 1, VOLATILE = 2, RESTRICT = 4 };

static void print_declaration(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id,
                              const char *name, int indent);

static const struct btf_array *array_of(const struct btf_type *type)
{
    return (const struct btf_array *)(type + 1);
}

static const char *name_of(const struct lbpf_type_text *text, const struct btf_type *type)
{
    return lbpf_kernel_btf_string(text->btf, type->name_off);
}

bool lbpf_type_text_is_va_list(const struct lbpf_type_text *text, const struct btf_type *type)
{
    return lbpf_btf_kind(type) == BTF_KIND_TYPEDEF &&
           !strcmp(name_of(text, type), "__builtin_va_list");
}

/* --- enumerations ----------------------------------------------------------------------------- */

static void print_enum_values(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id)
{
    const struct btf_type *type = lbpf_kernel_btf_type(text->btf, id);
    const struct btf_enum *small = (const void *)(type + 1);
    const struct btf_enum64 *large = (const void *)(type + 1);
    bool wide = lbpf_btf_kind(type) == BTF_KIND_ENUM64;

    for (uint32_t i = 0; i < lbpf_btf_vlen(type); i++) {
        lbpf_buffer_append_string(out, i ? ", " : " ");
        lbpf_type_text_enumerator(text, out, id, wide ? large[i].name_off : small[i].name_off);
        if (wide) {
            uint64_t value = (uint64_t)large[i].val_hi32 << 32 | large[i].val_lo32;

            if (lbpf_btf_flag(type) && (int64_t)value == INT64_MIN)
                lbpf_buffer_append_string(out, " = (-0x7fffffffffffffffLL - 1)");
            else if (lbpf_btf_flag(type))
                lbpf_buffer_printf(out, " = %lldLL", (long long)value);
            else
                lbpf_buffer_printf(out, " = %lluULL", (unsigned long long)value);
        } else if (lbpf_btf_flag(type)) {
            lbpf_buffer_printf(out, " = %d", small[i].val);
        } else {
            lbpf_buffer_printf(out, " = %uU", (unsigned)small[i].val);
        }
    }
    if (!lbpf_btf_vlen(type)) /* only mentioned in the kernel; C wants a constant */
        lbpf_buffer_printf(out, " kernel_enum___%u", id);
}

static void print_enum_body(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id)
{
    uint32_t size = lbpf_kernel_btf_type(text->btf, id)->size;

    lbpf_buffer_append_string(out, "{");
    print_enum_values(text, out, id);
    lbpf_buffer_append_string(out, " }");
    if (size == 1 || size == 2 || size == 8)
        lbpf_buffer_printf(out, " __attribute__((mode(%s)))",
                           size == 1   ? "QI"
                           : size == 2 ? "HI"
                                       : "DI");
}

/* An enum without a name: its constants are declared where it stands first; later it is its
 * integer. */
static void print_nameless_enum(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id)
{
    const struct btf_type *type = lbpf_kernel_btf_type(text->btf, id);

    if (text->infos[id].state == LBPF_STATE_NEW && lbpf_btf_vlen(type)) {
        text->infos[id].state = LBPF_STATE_DONE;
        lbpf_buffer_append_string(out, "enum ");
        print_enum_body(text, out, id);
        return;
    }
    lbpf_buffer_append_string(out, lbpf_btf_flag(type) ? "signed " : "unsigned ");
    lbpf_buffer_append_string(out, type->size == 1   ? "char"
                                   : type->size == 2 ? "short"
                                   : type->size == 8 ? "long long"
                                                     : "int");
}

/* --- integers --------------------------------------------------------------------------------- */

static void print_number(struct lbpf_type_text *text, struct lbpf_buffer *out,
                         const struct btf_type *type)
{
    static const struct {
        const char *name;
        uint32_t size;
    } known[] = {
        {"char", 1},          {"signed char", 1},
        {"unsigned char", 1}, {"_Bool", 1},
        {"short int", 2},     {"short unsigned int", 2},
        {"int", 4},           {"unsigned int", 4},
        {"long int", 8},      {"long unsigned int", 8},
        {"long long int", 8}, {"long long unsigned int", 8},
        {"short", 2},         {"unsigned short", 2},
        {"long", 8},          {"unsigned long", 8},
        {"long long", 8},     {"unsigned long long", 8},
        {"float", 4},         {"double", 8},
    };
    const char *name = name_of(text, type);
    bool is_signed = lbpf_btf_kind(type) == BTF_KIND_INT &&
                     BTF_INT_ENCODING(*(const uint32_t *)(type + 1)) & BTF_INT_SIGNED;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (type->size == known[i].size && !strcmp(name, known[i].name)) {
            lbpf_buffer_append_string(out, name);
            return;
        }
    lbpf_buffer_append_string(out, is_signed ? "signed " : "unsigned ");
    lbpf_buffer_append_string(out, type->size == 1    ? "char"
                                   : type->size == 2  ? "short"
                                   : type->size == 4  ? "int"
                                   : type->size == 8  ? "long long"
                                   : type->size == 16 ? "__int128"
                                                      : "char");
}

/* --- structures ------------------------------------------------------------------------------- */

static void print_indent(struct lbpf_buffer *out, int indent)
{
    lbpf_buffer_append(out, "\t\t\t\t\t\t\t\t\t\t\t\t", (size_t)(indent < 12 ? indent : 12));
}

/* Nameless bit fields: no member, no alignment, and initialisers pass them over. */
static void print_padding(struct lbpf_buffer *out, uint64_t from, uint64_t to, int indent)
{
    while (from < to) {
        unsigned unit = from % 64 == 0 && to - from >= 64 ? 64 : 8;
        uint64_t bits = unit - from % unit;

        if (bits > to - from)
            bits = to - from;
        print_indent(out, indent);
        lbpf_buffer_printf(out, "%s : %u;\n", unit == 64 ? "long long" : "char", (unsigned)bits);
        from += bits;
    }
}

static void print_members(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id,
                          int indent)
{
    const struct btf_type *type = lbpf_kernel_btf_type(text->btf, id);
    const struct btf_member *members = lbpf_btf_members(type);
    bool is_union = lbpf_btf_kind(type) == BTF_KIND_UNION;
    bool packed = lbpf_type_layout(text, id) == LBPF_LAYOUT_PACKED;
    uint64_t position = 0, end = 0;

    for (uint32_t i = 0; i < lbpf_btf_vlen(type); i++) {
        struct lbpf_member_place place =
            lbpf_member_place(text, type, &members[i], is_union ? 0 : position, packed);

        if (place.padded)
            print_padding(out, position, place.offset, indent);
        print_indent(out, indent);
        print_declaration(text, out, members[i].type,
                          lbpf_kernel_btf_string(text->btf, members[i].name_off), indent);
        if (place.width)
            lbpf_buffer_printf(out, " : %u", place.width);
        lbpf_buffer_append_string(out, ";\n");
        position = place.offset + place.size;
        if (position > end)
            end = position;
    }
    if (!is_union) {
        uint64_t unit = packed ? 8 : lbpf_type_align(text, id) * 8;

        if ((end + unit - 1) / unit * unit < (uint64_t)type->size * 8)
            print_padding(out, end, (uint64_t)type->size * 8, indent);
    } else if (end < (uint64_t)type->size * 8) {
        print_indent(out, indent);
        lbpf_buffer_printf(out, "unsigned char kernel_size___[%u];\n", type->size);
    }
}

static void print_aggregate_body(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id,
                                 int indent)
{
    const struct btf_type *type = lbpf_kernel_btf_type(text->btf, id);
    unsigned layout = lbpf_type_layout(text, id);

    lbpf_buffer_append_string(out, "{\n");
    if (layout == LBPF_LAYOUT_OPAQUE || text->depth > DEPTH_LIMIT) {
        print_indent(out, indent + 1);
        lbpf_buffer_printf(out, "unsigned char kernel_bytes___[%u];\n", type->size);
    } else {
        text->depth++;
        print_members(text, out, id, indent + 1);
        text->depth--;
    }
    print_indent(out, indent);
    lbpf_buffer_append_string(out, "}");
    if (layout == LBPF_LAYOUT_PACKED)
        lbpf_buffer_append_string(out, " __attribute__((packed))");
}

/* --- declarations ----------------------------------------------------------------------------- */

static void print_base(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id,
                       bool pointed, int indent)
{
    const struct btf_type *type = lbpf_kernel_btf_type(text->btf, id);
    bool whole = text->whole;

    text->whole = false;
    switch (lbpf_btf_kind(type)) {
    case BTF_KIND_INT:
    case BTF_KIND_FLOAT:
        print_number(text, out, type);
        break;
    case BTF_KIND_TYPEDEF:
        lbpf_type_text_typedef_name(text, out, id);
        break;
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        if (type->name_off) {
            lbpf_type_text_tag(text, out, id, pointed);
            break;
        }
        lbpf_buffer_append_string(out,
                                  lbpf_btf_kind(type) == BTF_KIND_UNION ? "union " : "struct ");
        print_aggregate_body(text, out, id, indent);
        if (whole && text->relocated) /* inside another one it has that one's */
            lbpf_buffer_append_string(out, " __attribute__((preserve_access_index))");
        break;
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
        if (type->name_off)
            lbpf_type_text_tag(text, out, id, false);
        else
            print_nameless_enum(text, out, id);
        break;
    case BTF_KIND_FWD:
        lbpf_type_text_tag(text, out, id, true);
        break;
    default:
        lbpf_buffer_append_string(out, "void");
    }
}

static void print_parameters(struct lbpf_type_text *text, struct lbpf_buffer *out,
                             const struct btf_type *type, int indent)
{
    const struct btf_param *parameters = (const void *)(type + 1);
    uint32_t count = lbpf_btf_vlen(type);

    lbpf_buffer_append_string(out, count ? "(" : "(void");
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            lbpf_buffer_append_string(out, ", ");
        if (i && i + 1 == count && !parameters[i].type)
            lbpf_buffer_append_string(out, "...");
        else
            print_declaration(text, out, parameters[i].type, "", indent);
    }
    lbpf_buffer_append_string(out, ")");
}

static void wrap(struct lbpf_buffer *declarator, const char *before, const char *after)
{
    struct lbpf_buffer wrapped = {0};

    lbpf_buffer_append_string(&wrapped, before);
    lbpf_buffer_append(&wrapped, lbpf_buffer_string(declarator), declarator->size);
    lbpf_buffer_append_string(&wrapped, after);
    if (declarator->failed)
        wrapped.failed = true;
    lbpf_buffer_free(declarator);
    *declarator = wrapped;
}

static void print_qualifiers(struct lbpf_buffer *out, unsigned qualifiers)
{
    if (qualifiers & CONST)
        lbpf_buffer_append_string(out, "const ");
    if (qualifiers & VOLATILE)
        lbpf_buffer_append_string(out, "volatile ");
}

/* Turns one pointer, array or function around the declarator; returns the type that is left. */
static uint32_t wrap_declarator(struct lbpf_type_text *text, const struct btf_type *type,
                                struct lbpf_buffer *declarator, unsigned qualifiers, bool *pointed,
                                int indent)
{
    char word[32];

    if (lbpf_btf_kind(type) == BTF_KIND_PTR) {
        snprintf(word, sizeof word, "*%s%s%s", qualifiers & CONST ? "const " : "",
                 qualifiers & VOLATILE ? "volatile " : "",
                 qualifiers & RESTRICT ? "restrict " : "");
        wrap(declarator, word, "");
        *pointed = true;
        return type->type;
    }
    if (*pointed)
        wrap(declarator, "(", ")");
    *pointed = false;
    if (lbpf_btf_kind(type) == BTF_KIND_ARRAY) {
        lbpf_buffer_printf(declarator, "[%u]", array_of(type)->nelems);
        return array_of(type)->type;
    }
    text->depth++;
    if (text->depth < DEPTH_LIMIT)
        print_parameters(text, declarator, type, indent);
    else
        text->failed = true;
    text->depth--;
    return type->type;
}

static void print_declaration(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id,
                              const char *name, int indent)
{
    struct lbpf_buffer declarator = {0};
    unsigned qualifiers = 0;
    bool pointed = false, weak = false;

    lbpf_buffer_append_string(&declarator, name);
    for (int step = 0; step < STEP_LIMIT; step++) {
        const struct btf_type *type = lbpf_kernel_btf_type(text->btf, id);
        uint32_t kind = lbpf_btf_kind(type);

        if (kind == BTF_KIND_CONST || kind == BTF_KIND_VOLATILE || kind == BTF_KIND_RESTRICT) {
            qualifiers |= kind == BTF_KIND_CONST      ? CONST
                          : kind == BTF_KIND_VOLATILE ? VOLATILE
                                                      : RESTRICT;
            id = type->type;
        } else if (kind == BTF_KIND_TYPE_TAG || lbpf_type_text_is_va_list(text, type)) {
            id = type->type;
        } else if (kind == BTF_KIND_PTR || kind == BTF_KIND_ARRAY || kind == BTF_KIND_FUNC_PROTO) {
            id = wrap_declarator(text, type, &declarator, qualifiers, &pointed, indent);
            weak = kind != BTF_KIND_ARRAY;
            if (kind != BTF_KIND_ARRAY) /* of an array, the elements are const */
                qualifiers = 0;
        } else {
            break;
        }
    }
    print_qualifiers(out, qualifiers);
    print_base(text, out, id, weak, indent);
    if (declarator.size)
        lbpf_buffer_append_string(out, " ");
    lbpf_buffer_append(out, lbpf_buffer_string(&declarator), declarator.size);
    if (declarator.failed)
        text->failed = true;
    lbpf_buffer_free(&declarator);
}

void lbpf_type_text_print(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id,
                          const char *name)
{
    print_declaration(text, out, id, name, 0);
}

void lbpf_type_text_print_body(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id)
{
    if (lbpf_btf_is_enum(lbpf_kernel_btf_type(text->btf, id)))
        print_enum_body(text, out, id);
    else
        print_aggregate_body(text, out, id, 0);
}
