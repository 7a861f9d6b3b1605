#ifndef LBPF_COMPILE_METHOD_TYPES_H
#define LBPF_COMPILE_METHOD_TYPES_H

#include "base/buffer.h"
#include "compile/compile.h"

/* Refuses what clang only warned of: an argument of a table's method whose type is not the table's.
 * messages: what clang said about a program that it compiled. */
int lbpf_method_types_check(const struct lbpf_source *source, const struct lbpf_buffer *messages,
                            struct lbpf_error *error);

#endif
