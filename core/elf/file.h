/*
 * An open ELF file: what symbol tables and offsets share. The file is the user's: it is opened
 * without blocking, must be regular, and its segments are checked against its size before anybody
 * uses them.
 */
#ifndef LBPF_ELF_FILE_H
#define LBPF_ELF_FILE_H

#include "base/error.h"

#include <gelf.h>
#include <stddef.h>
#include <stdint.h>

enum { LBPF_ELF_SEGMENTS = 64 };

struct lbpf_elf_segment {
    uint64_t address, size; /* size in the file */
    uint64_t offset;
};

struct lbpf_elf_file {
    int fd;
    const char *path; /* lent: for messages, and where debug files may lie beside it */
    int root;         /* lent: what path is seen in, a descriptor or LBPF_OWN_ROOT */
    Elf *handle;
    GElf_Ehdr header;
    uint64_t size;
    struct lbpf_elf_segment segments[LBPF_ELF_SEGMENTS]; /* the executable ones */
    size_t segment_count;
};

/* Opens an executable or a shared object; path and root (see host/root.h) are lent until it is
 * closed. Errors name the path and say what is wrong; nothing to close then. */
int lbpf_elf_open_in(struct lbpf_elf_file *file, int root, const char *path,
                     struct lbpf_error *error);
/* The same in our own root. */
int lbpf_elf_open(struct lbpf_elf_file *file, const char *path, struct lbpf_error *error);
/* The same for a file that is open already; takes fd, also when it fails. */
int lbpf_elf_open_fd(struct lbpf_elf_file *file, int fd, const char *path,
                     struct lbpf_error *error);
/* The same for a file that only describes another (its segments are empty): no segment is asked
 * for. */
int lbpf_elf_open_description(struct lbpf_elf_file *file, int root, const char *path,
                              struct lbpf_error *error);
void lbpf_elf_close(struct lbpf_elf_file *file);

/* The file offset of a virtual address; -ERANGE outside the executable segments. */
int lbpf_elf_offset(const struct lbpf_elf_file *file, uint64_t address, uint64_t *offset);

enum { LBPF_BUILD_ID_LIMIT = 64 }; /* bytes; the usual ones have 20 */

/* The GNU build id into id; its size, or 0 when there is none that fits. */
size_t lbpf_elf_build_id(const struct lbpf_elf_file *file, uint8_t *id, size_t capacity);

#endif
