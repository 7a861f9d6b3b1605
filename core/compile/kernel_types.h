/*
 * The kernel's types that a program names, as C text, out of the running kernel's BTF. See
 * docs/architecture.md, "Types".
 */
#ifndef LBPF_COMPILE_KERNEL_TYPES_H
#define LBPF_COMPILE_KERNEL_TYPES_H

#include "base/buffer.h"
#include "base/error.h"
#include "compile/identifiers.h"

/*
 * Appends C declarations of every kernel type, typedef and enumerator that the identifiers name, with
 * all they need, plus for each emitted struct the pointee of every member that the program names.
 * Types that the program defines itself are left out. -ENODATA when the kernel offers no BTF.
 */
int lbpf_kernel_types(const struct lbpf_identifiers *identifiers, struct lbpf_buffer *text,
                      struct lbpf_error *error);

/*
 * Appends `struct tracepoint__CAT__EVENT { … };` for each TRACEPOINT_PROBE(cat, event) and each
 * `struct tracepoint__CAT__EVENT` in the program, from tracefs format files, laid out as BCC does (data_loc_x
 * members for __data_loc fields). -ENOENT names a tracepoint that does not exist and the nearest one.
 */
int lbpf_tracepoint_types(const struct lbpf_identifiers *identifiers, struct lbpf_buffer *text,
                          struct lbpf_error *error);

#endif
