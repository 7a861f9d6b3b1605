/* A look at an object's bytes before libbpf gets them. */
#ifndef LBPF_KERNEL_GUARD_H
#define LBPF_KERNEL_GUARD_H

#include <stddef.h>

/*
 * Whether libbpf can be trusted with these bytes: NULL, or what is wrong with them (static string).
 * libbpf follows type numbers and string offsets of the BTF, and symbol and section numbers of
 * relocations, without checking all of them, so that damaged files crash it.
 */
const char *lbpf_guard_object(const void *elf, size_t size);

#endif
