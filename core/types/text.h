/*
 * Values as text that can be read back, in BCC's form: integers 0x1f, structs { 0x1 "name" },
 * arrays [ 0x1 0x2 ], arrays of bytes "text". A union is written as its largest member. In texts,
 * \ stands before quotes and backslashes, and control characters are \x0a.
 */
#ifndef LBPF_TYPES_TEXT_H
#define LBPF_TYPES_TEXT_H

#include "base/buffer.h"
#include "base/error.h"
#include "types/type.h"

void lbpf_type_write(struct lbpf_buffer *text, const struct lbpf_type *type, const void *bytes);

/* Reads text into bytes (type->size of them, zeroed). Integers may be in any form that C has. The
 * error names what was expected and where. */
int lbpf_type_read(const char *text, const struct lbpf_type *type, void *bytes,
                   struct lbpf_error *error);

#endif
