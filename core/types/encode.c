#include "types/encode.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char op[] = "store a value";

/* Bits that start anywhere; the bits around them stay. */
static void write_bits(unsigned char *base, uint32_t bit_offset, uint32_t bit_size, uint64_t value)
{
    for (uint32_t i = 0; i < bit_size; i++) {
        uint32_t at = bit_offset + i;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        unsigned mask = 1u << (at % 8);
        uint64_t bit = value >> i & 1;
#else
        unsigned mask = 0x80u >> (at % 8);
        uint64_t bit = value >> (bit_size - 1 - i) & 1;
#endif

        if (bit)
            base[at / 8] = (unsigned char)(base[at / 8] | mask);
        else
            base[at / 8] = (unsigned char)(base[at / 8] & ~mask);
    }
}

static void write_whole(unsigned char *at, uint32_t size, bool is_signed, int64_t value)
{
    uint8_t byte = (uint8_t)value;
    uint16_t half = (uint16_t)value;
    uint32_t word = (uint32_t)value;

    switch (size) {
    case 1:
        memcpy(at, &byte, sizeof byte);
        break;
    case 2:
        memcpy(at, &half, sizeof half);
        break;
    case 4:
        memcpy(at, &word, sizeof word);
        break;
    case 16:
        memset(at, is_signed && value < 0 ? 0xff : 0, 16);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
        at += 8;
#endif
        memcpy(at, &value, sizeof value);
        break;
    default:
        memcpy(at, &value, sizeof value);
    }
}

/* The range of an integer of so many bits. Unsigned ones of 64 have none: every pattern fits. */
static bool range_of(const struct lbpf_type *type, uint32_t bits, int64_t *low, int64_t *high)
{
    if (type->kind == LBPF_TYPE_BOOL) {
        *low = 0;
        *high = 1;
        return true;
    }
    if (bits >= 64)
        return false;
    if (type->kind == LBPF_TYPE_CHAR) { /* char is signed here and unsigned there: take both */
        *low = -(INT64_C(1) << (bits - 1));
        *high = (int64_t)((UINT64_C(1) << bits) - 1);
    } else if (type->is_signed) {
        *low = -(INT64_C(1) << (bits - 1));
        *high = (INT64_C(1) << (bits - 1)) - 1;
    } else {
        *low = 0;
        *high = (int64_t)((UINT64_C(1) << bits) - 1); /* of 63 bits: all that int64_t has */
    }
    return true;
}

int lbpf_encode_integer(const struct lbpf_type *type, void *base, uint32_t bit_offset,
                        uint32_t bit_size, int64_t value, struct lbpf_error *error)
{
    int64_t low, high;

    if (range_of(type, bit_size ? bit_size : type->size * 8, &low, &high) &&
        (value < low || value > high))
        return lbpf_error_set(error, ERANGE, op,
                              "%" PRId64 " does not fit (from %" PRId64 " to %" PRId64 ")", value,
                              low, high);
    if (bit_size)
        write_bits(base, bit_offset, bit_size, (uint64_t)value);
    else
        write_whole((unsigned char *)base + bit_offset / 8, type->size, type->is_signed, value);
    return 0;
}

int lbpf_encode_float(const struct lbpf_type *type, void *base, uint32_t bit_offset, double value,
                      struct lbpf_error *error)
{
    unsigned char *at = (unsigned char *)base + bit_offset / 8;
    long double longest = value;
    float narrow;

    switch (type->size) {
    case 4:
        if (isfinite(value) && fabs(value) > (double)FLT_MAX)
            return lbpf_error_set(error, ERANGE, op, "%g does not fit into a float", value);
        narrow = (float)value;
        memcpy(at, &narrow, sizeof narrow);
        break;
    case 16:
        memset(at, 0, 16);
        memcpy(at, &longest, sizeof longest < 16 ? sizeof longest : 16);
        break;
    default:
        memcpy(at, &value, sizeof value);
    }
    return 0;
}

int lbpf_encode_string(const struct lbpf_type *type, void *base, uint32_t bit_offset,
                       const char *string, size_t size, struct lbpf_error *error)
{
    unsigned char *at = (unsigned char *)base + bit_offset / 8;

    if (size > type->count)
        return lbpf_error_set(error, ERANGE, op, "a string of %zu bytes does not fit into char[%u]",
                              size, type->count);
    if (size)
        memcpy(at, string, size);
    if (type->count > size)
        memset(at + size, 0, type->count - size);
    return 0;
}
