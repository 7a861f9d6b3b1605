/*
 * Numbers to bytes; the counterpart of decode.h. A value that does not fit raises an error that
 * names the value and the range; nothing is silently cut.
 */
#ifndef LBPF_TYPES_ENCODE_H
#define LBPF_TYPES_ENCODE_H

#include "base/error.h"
#include "types/type.h"

/* Stores value. For unsigned types of 8 bytes every 64-bit pattern fits; for narrower unsigned
 * types 0…2^n-1 fits; for signed ones -2^(n-1)…2^(n-1)-1; a 16-byte integer is sign- or
 * zero-extended. */
int lbpf_encode_integer(const struct lbpf_type *type, void *base, uint32_t bit_offset,
                        uint32_t bit_size, int64_t value, struct lbpf_error *error);

int lbpf_encode_float(const struct lbpf_type *type, void *base, uint32_t bit_offset, double value,
                      struct lbpf_error *error);

/* Copies a string into a char array and fills the rest with NUL. A string as long as the array is
 * stored without NUL; a longer one is refused. */
int lbpf_encode_string(const struct lbpf_type *type, void *base, uint32_t bit_offset,
                       const char *string, size_t size, struct lbpf_error *error);

#endif
