/* What compilers made of the names of C++ and Rust, turned back. */
#ifndef LBPF_ELF_DEMANGLE_H
#define LBPF_ELF_DEMANGLE_H

#include "base/buffer.h"

#include <stdbool.h>

/* A first, cheap look: whether the name begins as a mangled one does. */
bool lbpf_is_mangled(const char *name);

/* Appends the readable form, without a NUL; false when there is none, or one too long to be of use.
 */
bool lbpf_demangle(const char *name, struct lbpf_buffer *text);

#endif
