/*
 * Names for the linkage stubs of an ELF file: code at an address of .plt is a jump to a function of
 * another library, and "write@plt" says which.
 */
#ifndef LBPF_ELF_PLT_H
#define LBPF_ELF_PLT_H

#include "base/buffer.h"
#include "elf/image.h"

struct lbpf_elf_stub {
    uint64_t address; /* of its first byte */
    uint64_t slot;    /* address of the pointer that it jumps through */
    uint32_t name;    /* offset in the names, 0 for none */
};

/*
 * All stubs of the file by address, each with its name in names as "NAME@plt", behind its NUL the
 * demangled form, "" when there is none. *stubs is from
 * malloc, NULL for none. x86-64, i386 without PIC, and aarch64; elsewhere there are none. 0 or
 * -ENOMEM.
 */
int lbpf_elf_read_stubs(const struct lbpf_elf_image *image, struct lbpf_elf_stub **stubs,
                        size_t *count, struct lbpf_buffer *names);

#endif
