/*
 * The parts of an ELF file, read as they are asked for: nothing of the file is kept but its header,
 * so a look into a file of 100 MB costs what is looked at. Files are the users' and may change or
 * shrink while they are read: everything goes through pread and is checked against the size.
 *
 * Both word sizes are read, in this machine's byte order: what runs here has no other.
 */
#ifndef LBPF_ELF_IMAGE_H
#define LBPF_ELF_IMAGE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LBPF_ELF_IMAGE_SEGMENTS = 16, LBPF_ELF_NAME_LIMIT = 16 * 1024 };

struct lbpf_elf_image_segment {
    uint64_t address, offset, size;
};

struct lbpf_elf_image {
    int fd;         /* -1 for one in memory */
    uint64_t start; /* where it begins in the file: not 0 in an archive */
    void *bytes;    /* NULL for a file */
    uint64_t size;  /* of the whole */
    bool is_64;
    uint16_t type, machine;
    uint64_t section_offset;
    size_t section_count;
    uint64_t names_offset, names_size;                               /* of the sections' names */
    struct lbpf_elf_image_segment segments[LBPF_ELF_IMAGE_SEGMENTS]; /* the executable ones */
    size_t segment_count;
};

struct lbpf_elf_section {
    size_t number;
    uint32_t name, type, link;
    uint64_t flags, address, offset, size, entry_size;
};

struct lbpf_elf_entry { /* of a symbol table */
    uint32_t name;
    uint8_t info;
    uint16_t section;
    uint64_t value, size;
};

/* Takes the descriptor of a regular file, also on failure. path is for messages. A file that is not
 * ELF, or whose parts lie beyond its end, is ENOEXEC with the reason. */
int lbpf_elf_image_open(struct lbpf_elf_image *image, int fd, const char *path,
                        struct lbpf_error *error);
/* The same for size bytes from start. */
int lbpf_elf_image_open_part(struct lbpf_elf_image *image, int fd, uint64_t start, uint64_t size,
                             const char *path, struct lbpf_error *error);
/* Takes memory from malloc, also on failure. */
int lbpf_elf_image_open_memory(struct lbpf_elf_image *image, void *bytes, size_t size,
                               const char *path, struct lbpf_error *error);
void lbpf_elf_image_close(struct lbpf_elf_image *image);

/* Exactly size bytes from offset; false when they are not there. */
bool lbpf_elf_image_read(const struct lbpf_elf_image *image, uint64_t offset, void *bytes,
                         size_t size);
/* The string at offset, cut at size - 1; false when it does not end within size bytes. */
bool lbpf_elf_image_string(const struct lbpf_elf_image *image, uint64_t offset, char *string,
                           size_t size);

/* Section `number`; false when there is none or it lies beyond the file's end. */
bool lbpf_elf_image_section(const struct lbpf_elf_image *image, size_t number,
                            struct lbpf_elf_section *section);
/* The first section of this type (0: any) and name (NULL: any). */
bool lbpf_elf_image_find(const struct lbpf_elf_image *image, uint32_t type, const char *name,
                         struct lbpf_elf_section *section);

/* How many bytes one symbol takes, and reading it out of them. */
size_t lbpf_elf_image_entry_size(const struct lbpf_elf_image *image);
void lbpf_elf_image_entry(const struct lbpf_elf_image *image, const void *bytes,
                          struct lbpf_elf_entry *entry);

/* The address of a place in the file; false outside the executable segments. */
bool lbpf_elf_image_address(const struct lbpf_elf_image *image, uint64_t offset, uint64_t *address);

/* The GNU build id into id; its size, 0 when there is none that fits. */
size_t lbpf_elf_image_build_id(const struct lbpf_elf_image *image, uint8_t *id, size_t capacity);

#endif
