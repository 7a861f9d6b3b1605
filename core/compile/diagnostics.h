/* clang's text made an error for people: first error line, its place, a hint that says what to do.
 */
#ifndef LBPF_COMPILE_DIAGNOSTICS_H
#define LBPF_COMPILE_DIAGNOSTICS_H

#include "base/buffer.h"
#include "base/error.h"
#include "compile/compile.h"
#include "compile/identifiers.h"
#include "compile/kernel_btf.h"

/* Replaces the names that the compiler was given for in-memory files by what a person calls them.
 */
void lbpf_diagnostics_clean(struct lbpf_buffer *text, const char *file_name);

struct lbpf_diagnostics {
    const struct lbpf_source *source;
    const struct lbpf_identifiers *identifiers; /* of the program and the prelude */
    const struct lbpf_kernel_btf *btf;
};

/* Fills error (EINVAL) out of clean text and attaches the text as log. Returns -EINVAL. */
int lbpf_diagnostics_error(const struct lbpf_diagnostics *diagnostics,
                           const struct lbpf_buffer *text, struct lbpf_error *error);

/* Adds advice about clang's message to the error, if there is any (hints.c). */
void lbpf_diagnostics_hint(const struct lbpf_diagnostics *diagnostics, const char *message,
                           struct lbpf_error *error);

/* Parts "counts_keyed_methods", the type of a table's methods, into the table's name (its size) and
 * the kind. False for any other name. */
bool lbpf_diagnostics_split_table(const char *tag, size_t size, size_t *table_size,
                                  const char **kind);
/* Advice about a method that the table with this type does not have; false when it is no table's
 * (table_hints.c). */
bool lbpf_diagnostics_hint_method(const char *method, const char *tag, struct lbpf_error *error);

#endif
