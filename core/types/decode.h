/*
 * Bytes to numbers and back, for one member or element. Everything is in the machine's byte order.
 * Offsets may be any: reads are unaligned-safe. The caller guarantees that the bytes are there.
 */
#ifndef LBPF_TYPES_DECODE_H
#define LBPF_TYPES_DECODE_H

#include "base/error.h"
#include "types/type.h"

/* The 64-bit integer at bit_offset: INT (its low 64 bits), CHAR, BOOL, ENUM, POINTER. bit_size 0
 * means the whole type. Signed types are sign-extended, others zero-extended into the same 64 bits.
 */
int64_t lbpf_decode_integer(const struct lbpf_type *type, const void *base, uint32_t bit_offset,
                            uint32_t bit_size);

/* A FLOAT of 4, 8 or 16 bytes (x86 long double) as double. */
double lbpf_decode_float(const struct lbpf_type *type, const void *base, uint32_t bit_offset);

/* Length of the string in a char array: up to the first NUL, at most count. */
uint32_t lbpf_decode_string_length(const struct lbpf_type *type, const void *bytes);

#endif
