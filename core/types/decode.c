#include "types/decode.h"

#include <string.h>

/* Bits that start anywhere; at most 64 of them, so at most nine bytes hold them. */
static uint64_t read_bits(const unsigned char *base, uint32_t bit_offset, uint32_t bit_size)
{
    const unsigned char *at = base + bit_offset / 8;
    unsigned skip = bit_offset % 8;
    unsigned byte_count = (skip + bit_size + 7) / 8;
    uint64_t value = 0;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (unsigned i = 0; i < byte_count; i++) {
        if (i * 8 >= skip)
            value |= (uint64_t)at[i] << (i * 8 - skip);
        else
            value |= (uint64_t)at[i] >> skip;
    }
#else
    unsigned tail = byte_count * 8 - skip - bit_size; /* bits after the field in its last byte */

    for (unsigned i = 0; i < byte_count; i++) {
        unsigned above = (byte_count - 1 - i) * 8;

        if (above >= tail)
            value |= (uint64_t)at[i] << (above - tail);
        else
            value |= (uint64_t)at[i] >> (tail - above);
    }
#endif
    return value;
}

static int64_t extend(uint64_t value, uint32_t bit_size, bool is_signed)
{
    unsigned unused = 64 - bit_size;

    return is_signed ? (int64_t)(value << unused) >> unused : (int64_t)(value << unused >> unused);
}

/* An integer that fills whole bytes: a plain load, as most members are. */
static int64_t read_whole(const unsigned char *at, uint32_t size, bool is_signed)
{
    uint64_t wide;
    uint32_t word;
    uint16_t half;

    switch (size) {
    case 1:
        return is_signed ? (int8_t)*at : *at;
    case 2:
        memcpy(&half, at, sizeof half);
        return is_signed ? (int16_t)half : half;
    case 4:
        memcpy(&word, at, sizeof word);
        return is_signed ? (int32_t)word : (int64_t)word;
    case 16:
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
        at += 8;
#endif
        /* fallthrough */
    default:
        memcpy(&wide, at, sizeof wide);
        return (int64_t)wide;
    }
}

int64_t lbpf_decode_integer(const struct lbpf_type *type, const void *base, uint32_t bit_offset,
                            uint32_t bit_size)
{
    if (!bit_size)
        return read_whole((const unsigned char *)base + bit_offset / 8, type->size,
                          type->is_signed);
    return extend(read_bits(base, bit_offset, bit_size), bit_size, type->is_signed);
}

double lbpf_decode_float(const struct lbpf_type *type, const void *base, uint32_t bit_offset)
{
    const unsigned char *at = (const unsigned char *)base + bit_offset / 8;
    long double longest;
    double wide;
    float narrow;

    switch (type->size) {
    case 4:
        memcpy(&narrow, at, sizeof narrow);
        return (double)narrow;
    case 16:
        longest = 0;
        memcpy(&longest, at, sizeof longest < 16 ? sizeof longest : 16);
        return (double)longest;
    default:
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
}

uint32_t lbpf_decode_string_length(const struct lbpf_type *type, const void *bytes)
{
    return type->count ? (uint32_t)strnlen(bytes, type->count) : 0;
}
