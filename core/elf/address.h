/* Where a symbol of any kind lies, code or data. */
#ifndef LBPF_ELF_ADDRESS_H
#define LBPF_ELF_ADDRESS_H

#include "elf/file.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The virtual address of the symbol name (size bytes), out of the symbol tables of the file or of
 * its separate debug file; a global one before static ones. -ENOENT when there is none, -EEXIST
 * when static ones in several places have the name, -EOPNOTSUPP for a thread-local one.
 */
int lbpf_elf_find_address(const struct lbpf_elf_file *file, const char *name, size_t size,
                          uint64_t *address);

#endif
