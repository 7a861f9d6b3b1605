/* Symbols that a program uses and nobody defines: a BPF object is linked with nothing. */
#ifndef LBPF_COMPILE_UNDEFINED_H
#define LBPF_COMPILE_UNDEFINED_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Finds one in a compiled object, and copies its name, cut at name_size. What the program asks the
 * kernel for (__ksym, __kconfig) counts as defined.
 */
bool lbpf_undefined_find(const void *object, size_t size, char *name, size_t name_size);

#endif
