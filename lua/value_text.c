/* Struct values as a whole: whether two are equal, and how one reads as text. No Lua here. */
#include "value_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- comparing ------------------------------------------------------------------------------ */

/* By meaning, not by bytes: padding and what follows a string's NUL do not count. */
static bool is_equal(const struct lbpf_type *type, const unsigned char *a, const unsigned char *b,
                     uint32_t bit_offset, uint32_t bit_size)
{
    uint32_t at = bit_offset / 8, length;

    switch (type->kind) {
    case LBPF_TYPE_STRUCT:
    case LBPF_TYPE_UNION:
        for (uint32_t i = 0; i < type->member_count; i++)
            if (!is_equal(type->members[i].type, a, b, bit_offset + type->members[i].bit_offset,
                          type->members[i].bit_size))
                return false;
        return true;
    case LBPF_TYPE_ARRAY:
        if (lbpf_type_is_string(type)) {
            length = lbpf_decode_string_length(type, a + at);
            return length == lbpf_decode_string_length(type, b + at) &&
                   !memcmp(a + at, b + at, length);
        }
        for (uint32_t i = 0; i < type->count; i++)
            if (!is_equal(type->element, a, b, bit_offset + i * type->element->size * 8, 0))
                return false;
        return true;
    default:
        if (bit_size)
            return lbpf_decode_integer(type, a, bit_offset, bit_size) ==
                   lbpf_decode_integer(type, b, bit_offset, bit_size);
        return !memcmp(a + at, b + at, type->size);
    }
}

/* The type of what is shown, which for a flexible array is one of as many elements as there are. */
static struct lbpf_type shown_type(const struct lbpf_view *view)
{
    struct lbpf_type type = *view->record->type;

    if (type.kind == LBPF_TYPE_ARRAY)
        type.count = lbpf_array_count(view);
    return type;
}

bool lbpf_value_is_equal(const struct lbpf_view *a, const struct lbpf_view *b)
{
    struct lbpf_type type = shown_type(a);

    return a->record == b->record && type.count == shown_type(b).count &&
           is_equal(&type, a->bytes, b->bytes, 0, 0);
}

/* ---- text ----------------------------------------------------------------------------------- */

static void describe(struct lbpf_buffer *text, const struct lbpf_type *type,
                     const unsigned char *base, uint32_t bit_offset, uint32_t bit_size);

static void describe_string(struct lbpf_buffer *text, const unsigned char *bytes, uint32_t length)
{
    lbpf_buffer_append(text, "\"", 1);
    for (uint32_t i = 0; i < length; i++) {
        unsigned char c = bytes[i];

        if (c == '"' || c == '\\')
            lbpf_buffer_printf(text, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            lbpf_buffer_printf(text, "\\x%02x", c);
        else
            lbpf_buffer_append(text, &c, 1);
    }
    lbpf_buffer_append(text, "\"", 1);
}

/* An integer of 128 bits, in hexadecimal as C has no format for it. */
static void describe_wide(struct lbpf_buffer *text, const unsigned char *bytes)
{
    unsigned __int128 value;

    memcpy(&value, bytes, sizeof value);
    if (value >> 64)
        lbpf_buffer_printf(text, "0x%" PRIx64 "%016" PRIx64, (uint64_t)(value >> 64),
                           (uint64_t)value);
    else
        lbpf_buffer_printf(text, "0x%" PRIx64, (uint64_t)value);
}

static void describe_record(struct lbpf_buffer *text, const struct lbpf_type *type,
                            const unsigned char *base, uint32_t bit_offset)
{
    const char *separator = "";

    lbpf_buffer_append_string(text, "{");
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct lbpf_member *member = &type->members[i];

        lbpf_buffer_append_string(text, separator);
        if (member->name[0])
            lbpf_buffer_printf(text, "%s=", member->name);
        describe(text, member->type, base, bit_offset + member->bit_offset, member->bit_size);
        separator = ", ";
    }
    lbpf_buffer_append_string(text, "}");
}

static void describe(struct lbpf_buffer *text, const struct lbpf_type *type,
                     const unsigned char *base, uint32_t bit_offset, uint32_t bit_size)
{
    const unsigned char *at = base + bit_offset / 8;
    int64_t value;

    switch (type->kind) {
    case LBPF_TYPE_STRUCT:
    case LBPF_TYPE_UNION:
        describe_record(text, type, base, bit_offset);
        return;
    case LBPF_TYPE_ARRAY:
        if (lbpf_type_is_string(type)) {
            describe_string(text, at, lbpf_decode_string_length(type, at));
            return;
        }
        lbpf_buffer_append_string(text, "[");
        for (uint32_t i = 0; i < type->count; i++) {
            if (i)
                lbpf_buffer_append_string(text, ", ");
            describe(text, type->element, base, bit_offset + i * type->element->size * 8, 0);
        }
        lbpf_buffer_append_string(text, "]");
        return;
    case LBPF_TYPE_FLOAT:
        lbpf_buffer_printf(text, "%.14g", lbpf_decode_float(type, base, bit_offset));
        return;
    default:
        break;
    }
    if (type->size == 16 && !bit_size) {
        describe_wide(text, at);
        return;
    }
    value = lbpf_decode_integer(type, base, bit_offset, bit_size);
    if (type->kind == LBPF_TYPE_POINTER)
        lbpf_buffer_printf(text, "0x%" PRIx64, (uint64_t)value);
    else if (type->kind == LBPF_TYPE_BOOL)
        lbpf_buffer_append_string(text, value ? "true" : "false");
    else if (type->kind == LBPF_TYPE_ENUM && lbpf_type_enumerator(type, value))
        lbpf_buffer_append_string(text, lbpf_type_enumerator(type, value));
    else if (type->is_signed)
        lbpf_buffer_printf(text, "%" PRId64, value);
    else
        lbpf_buffer_printf(text, "%" PRIu64, (uint64_t)value);
}

void lbpf_value_describe(struct lbpf_buffer *text, const struct lbpf_view *view)
{
    struct lbpf_type type = shown_type(view);

    describe(text, &type, view->bytes, 0, 0);
}

void lbpf_value_name_type(char *name, size_t size, const struct lbpf_type *type)
{
    const struct lbpf_type *element = type;
    const char *tag = "";
    int length;

    while (element->kind == LBPF_TYPE_ARRAY)
        element = element->element;
    if (lbpf_type_is_record(element))
        tag = element->kind == LBPF_TYPE_UNION ? "union " : "struct ";
    else if (element->kind == LBPF_TYPE_ENUM)
        tag = "enum ";
    length = snprintf(name, size, "%s%s", tag,
                      element->name[0]                     ? element->name
                      : element->kind == LBPF_TYPE_POINTER ? "void *"
                                                           : "(anonymous)");
    for (; type->kind == LBPF_TYPE_ARRAY && (size_t)length < size; type = type->element)
        length += snprintf(name + length, size - (size_t)length, "[%u]", type->count);
}
