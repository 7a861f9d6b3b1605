/*
 * Objects for other kernels than this one. Accesses to the kernel's structures are noted in the
 * object (CO-RE), and the loader sets their offsets right by the types of the kernel it runs on.
 */
#ifndef LBPF_COMPILE_PORTABLE_H
#define LBPF_COMPILE_PORTABLE_H

#include "base/buffer.h"
#include "compile/identifiers.h"

#include <stdbool.h>

/* Whether the structure has the same layout in every kernel: contexts of programs, and headers of
 * packets. What is noted of these would only cost. */
bool lbpf_portable_is_fixed(const char *name);

/* Appends a line for each thing that the program takes from this kernel and that the loader can't
 * set right: tracepoints, the version, options, enumerators. */
void lbpf_portable_notes(const struct lbpf_identifiers *identifiers, struct lbpf_buffer *notes);

/* Lets an object that isn't portable say which kernel it is for (kernel/portability.c). */
void lbpf_portable_refuse_others(struct lbpf_buffer *types);

#endif
