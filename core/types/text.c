#include "types/text.h"

#include "types/decode.h"
#include "types/encode.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool is_text(const struct lbpf_type *type)
{
    return type->kind == LBPF_TYPE_ARRAY && type->element->size == 1 &&
           (type->element->kind == LBPF_TYPE_CHAR ||
            (type->element->kind == LBPF_TYPE_INT && !type->element->is_signed));
}

/* The member that a union is written as. */
static const struct lbpf_member *largest(const struct lbpf_type *type)
{
    const struct lbpf_member *best = type->members;

    for (uint32_t i = 1; i < type->member_count; i++)
        if (type->members[i].type->size > best->type->size)
            best = &type->members[i];
    return best;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void write_part(struct lbpf_buffer *text, const struct lbpf_type *type,
                       const unsigned char *base, uint32_t bit_offset, uint32_t bit_size);

static void write_text(struct lbpf_buffer *text, const unsigned char *bytes, uint32_t length)
{
    lbpf_buffer_append_string(text, "\"");
    for (uint32_t i = 0; i < length && bytes[i]; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\')
            lbpf_buffer_printf(text, "\\%c", bytes[i]);
        else if (bytes[i] < 0x20 || bytes[i] == 0x7f)
            lbpf_buffer_printf(text, "\\x%02x", bytes[i]);
        else
            lbpf_buffer_append(text, &bytes[i], 1);
    }
    lbpf_buffer_append_string(text, "\"");
}

static void write_record(struct lbpf_buffer *text, const struct lbpf_type *type,
                         const unsigned char *base, uint32_t bit_offset)
{
    const struct lbpf_member *member = type->members;
    uint32_t count = type->member_count;

    if (type->kind == LBPF_TYPE_UNION && count) {
        member = largest(type);
        count = 1;
    }
    lbpf_buffer_append_string(text, "{ ");
    for (uint32_t i = 0; i < count; i++) {
        write_part(text, member[i].type, base, bit_offset + member[i].bit_offset,
                   member[i].bit_size);
        lbpf_buffer_append_string(text, " ");
    }
    lbpf_buffer_append_string(text, "}");
}

static void write_number(struct lbpf_buffer *text, const struct lbpf_type *type,
                         const unsigned char *base, uint32_t bit_offset, uint32_t bit_size)
{
    uint32_t bits = bit_size ? bit_size : type->size * 8;
    unsigned __int128 wide;
    uint64_t value;

    if (bits == 128) {
        memcpy(&wide, base + bit_offset / 8, sizeof wide);
        if (wide >> 64)
            lbpf_buffer_printf(text, "0x%" PRIx64 "%016" PRIx64, (uint64_t)(wide >> 64),
                               (uint64_t)wide);
        else
            lbpf_buffer_printf(text, "0x%" PRIx64, (uint64_t)wide);
        return;
    }
    value = (uint64_t)lbpf_decode_integer(type, base, bit_offset, bit_size);
    if (bits < 64)
        value &= (UINT64_C(1) << bits) - 1;
    lbpf_buffer_printf(text, "0x%" PRIx64, value);
}

static void write_part(struct lbpf_buffer *text, const struct lbpf_type *type,
                       const unsigned char *base, uint32_t bit_offset, uint32_t bit_size)
{
    switch (type->kind) {
    case LBPF_TYPE_STRUCT:
    case LBPF_TYPE_UNION:
        write_record(text, type, base, bit_offset);
        break;
    case LBPF_TYPE_ARRAY:
        if (is_text(type)) {
            write_text(text, base + bit_offset / 8, type->count);
            break;
        }
        lbpf_buffer_append_string(text, "[ ");
        for (uint32_t i = 0; i < type->count; i++) {
            write_part(text, type->element, base, bit_offset + i * type->element->size * 8, 0);
            lbpf_buffer_append_string(text, " ");
        }
        lbpf_buffer_append_string(text, "]");
        break;
    case LBPF_TYPE_FLOAT:
        lbpf_buffer_printf(text, "%.17g", lbpf_decode_float(type, base, bit_offset));
        break;
    default:
        write_number(text, type, base, bit_offset, bit_size);
    }
}

void lbpf_type_write(struct lbpf_buffer *text, const struct lbpf_type *type, const void *bytes)
{
    write_part(text, type, bytes, 0, 0);
}

/* ---- reading -------------------------------------------------------------------------------- */

struct reader {
    const char *start, *at;
    struct lbpf_error *error;
};

static int expected(const struct reader *reader, const char *what)
{
    return lbpf_error_set(reader->error, EINVAL, "read a value", "%s expected at character %zu",
                          what, (size_t)(reader->at - reader->start) + 1);
}

static char next_char(struct reader *reader)
{
    while (isspace((unsigned char)*reader->at))
        reader->at++;
    return *reader->at;
}

static int read_mark(struct reader *reader, char mark)
{
    const char name[] = {'\'', mark, '\'', '\0'};

    if (next_char(reader) != mark)
        return expected(reader, name);
    reader->at++;
    return 0;
}

static int read_part(struct reader *reader, const struct lbpf_type *type, unsigned char *base,
                     uint32_t bit_offset, uint32_t bit_size);

/* One character of a text, which \ may introduce. */
static unsigned char read_char(struct reader *reader)
{
    unsigned char c = (unsigned char)*reader->at++;
    char digits[3] = "";

    if (c != '\\' || !*reader->at)
        return c;
    c = (unsigned char)*reader->at++;
    if (c == 'x' && isxdigit((unsigned char)reader->at[0]) &&
        isxdigit((unsigned char)reader->at[1])) {
        memcpy(digits, reader->at, 2);
        reader->at += 2;
        return (unsigned char)strtoul(digits, NULL, 16);
    }
    return c;
}

static int read_text(struct reader *reader, const struct lbpf_type *type, unsigned char *bytes)
{
    uint32_t size = 0;

    if (read_mark(reader, '"'))
        return -EINVAL;
    while (*reader->at && *reader->at != '"') {
        unsigned char c = read_char(reader);

        if (size == type->count)
            return lbpf_error_set(reader->error, ERANGE, "read a value",
                                  "character %zu does not fit into a text of %u bytes",
                                  (size_t)(reader->at - reader->start), type->count);
        bytes[size++] = c;
    }
    return read_mark(reader, '"');
}

static int read_record(struct reader *reader, const struct lbpf_type *type, unsigned char *base,
                       uint32_t bit_offset)
{
    const struct lbpf_member *member = type->members;
    uint32_t count = type->member_count;
    int result = read_mark(reader, '{');

    if (type->kind == LBPF_TYPE_UNION && count) {
        member = largest(type);
        count = 1;
    }
    for (uint32_t i = 0; !result && i < count; i++)
        result = read_part(reader, member[i].type, base, bit_offset + member[i].bit_offset,
                           member[i].bit_size);
    return result ? result : read_mark(reader, '}');
}

/* 128 bits: hexadecimal digits, or what 64 bits hold. */
static int read_wide(struct reader *reader, unsigned char *bytes)
{
    unsigned __int128 value = 0;
    unsigned digits = 0;

    for (reader->at += 2; isxdigit((unsigned char)*reader->at); reader->at++, digits++) {
        const char digit[] = {*reader->at, '\0'};

        value = value << 4 | strtoul(digit, NULL, 16);
    }
    if (!digits || digits > 32)
        return expected(reader, "an integer of 128 bits");
    memcpy(bytes, &value, sizeof value);
    return 0;
}

static int read_number(struct reader *reader, const struct lbpf_type *type, unsigned char *base,
                       uint32_t bit_offset, uint32_t bit_size)
{
    uint32_t bits = bit_size ? bit_size : type->size * 8;
    bool is_negative = next_char(reader) == '-';
    uint64_t value;
    char *end;

    if (bits == 128 && reader->at[0] == '0' && tolower((unsigned char)reader->at[1]) == 'x')
        return read_wide(reader, base + bit_offset / 8);
    errno = 0;
    value = is_negative ? (uint64_t)strtoll(reader->at, &end, 0) : strtoull(reader->at, &end, 0);
    if (end == reader->at || errno)
        return expected(reader, "an integer");
    reader->at = end;
    if (!is_negative && type->is_signed && bits < 64 && value >> (bits - 1) == 1)
        value |= ~UINT64_C(0) << bits; /* as negative numbers are written */
    return lbpf_encode_integer(type, base, bit_offset, bit_size, (int64_t)value, reader->error);
}

static int read_float(struct reader *reader, const struct lbpf_type *type, unsigned char *base,
                      uint32_t bit_offset)
{
    char *end;
    double value;

    next_char(reader);
    value = strtod(reader->at, &end);
    if (end == reader->at)
        return expected(reader, "a number");
    reader->at = end;
    return lbpf_encode_float(type, base, bit_offset, value, reader->error);
}

static int read_part(struct reader *reader, const struct lbpf_type *type, unsigned char *base,
                     uint32_t bit_offset, uint32_t bit_size)
{
    int result;

    switch (type->kind) {
    case LBPF_TYPE_VOID:
        return expected(reader, "no value of type void");
    case LBPF_TYPE_STRUCT:
    case LBPF_TYPE_UNION:
        return read_record(reader, type, base, bit_offset);
    case LBPF_TYPE_FLOAT:
        return read_float(reader, type, base, bit_offset);
    case LBPF_TYPE_ARRAY:
        if (is_text(type))
            return read_text(reader, type, base + bit_offset / 8);
        result = read_mark(reader, '[');
        for (uint32_t i = 0; !result && i < type->count; i++)
            result =
                read_part(reader, type->element, base, bit_offset + i * type->element->size * 8, 0);
        return result ? result : read_mark(reader, ']');
    default:
        return read_number(reader, type, base, bit_offset, bit_size);
    }
}

int lbpf_type_read(const char *text, const struct lbpf_type *type, void *bytes,
                   struct lbpf_error *error)
{
    struct reader reader = {text, text, error};
    int result = read_part(&reader, type, bytes, 0, 0);

    if (!result && next_char(&reader))
        result = expected(&reader, "the end");
    return result;
}
