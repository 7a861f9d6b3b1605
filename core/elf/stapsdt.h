/*
 * Static probe points of an ELF file (USDT): what <sys/sdt.h> leaves in section .note.stapsdt, one
 * note for each place in the code. The note tells where it is, what its arguments are (see
 * usdt_argument.h), and which counter the program looks at to know whether somebody listens.
 */
#ifndef LBPF_ELF_STAPSDT_H
#define LBPF_ELF_STAPSDT_H

#include "elf/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lbpf_stapsdt_note {
    uint64_t location;  /* virtual address in the file */
    uint64_t base;      /* where .stapsdt.base was when the note was written; 0: not known */
    uint64_t semaphore; /* virtual address of a 16-bit counter; 0: there is none */
    const char *provider, *name, *arguments; /* valid during the visit only */
};

struct lbpf_stapsdt_layout {
    bool is_64, is_big_endian;
};

typedef int lbpf_stapsdt_visit(void *context, const struct lbpf_stapsdt_note *note);

/* Visits the notes in a section's bytes until visit returns non-zero, which is returned. -EINVAL
 * with the place of a broken note; those before it were visited. */
int lbpf_stapsdt_parse(const void *bytes, size_t size, const struct lbpf_stapsdt_layout *layout,
                       lbpf_stapsdt_visit *visit, void *context, struct lbpf_error *error);

/* The same for a whole file, with addresses as the file has them now: prelink moves code and leaves
 * notes behind. A file without notes is no error. */
int lbpf_stapsdt_each(const struct lbpf_elf_file *file, lbpf_stapsdt_visit *visit, void *context,
                      struct lbpf_error *error);

/* The file offset of what is loaded at a virtual address, code or data; false when nothing is. */
bool lbpf_stapsdt_offset(const struct lbpf_elf_file *file, uint64_t address, uint64_t *offset);

#endif
