/*
 * The symbols of one mapped file, and the files that are known: each is indexed once, however many
 * processes map it. Tables are made when first asked for, and those that were not used for longest
 * go when all take too much memory; they come back when they are asked for again.
 */
#ifndef LBPF_SYMBOLS_FILE_H
#define LBPF_SYMBOLS_FILE_H

#include "elf/archive.h"
#include "elf/function_table.h"
#include "symbols/foreign.h"

struct lbpf_symbol_file {
    uint64_t device, inode, changed_ns, size,
        start;           /* what it is recognized by; start: in an archive */
    unsigned references; /* mappings that use it */
    uint64_t last_use;
    struct lbpf_elf_image image, extra; /* extra: a debug file, or MiniDebugInfo */
    bool has_extra;
    struct lbpf_function_table *table;
    size_t memory; /* of table and extra, as counted */
    uint8_t build_id[20];
    bool has_build_id;
    struct lbpf_symbol_file *next;
};

struct lbpf_symbol_files {
    struct lbpf_symbol_file *first;
    size_t count, memory, memory_limit;
    uint64_t uses; /* a clock for last_use */
};

enum { LBPF_SYMBOL_FILES = 256 }; /* each holds a descriptor */

/* The file behind fd, which is taken, or the part of it that is a member of an archive (NULL: all),
 * opened and indexed, with a reference for the caller. path and root say where its debug file may
 * be. NULL with the reason. */
struct lbpf_symbol_file *lbpf_symbol_files_get(struct lbpf_symbol_files *files, int fd, int root,
                                               const char *path,
                                               const struct lbpf_archive_member *part,
                                               struct lbpf_error *error);
/* The image of the kernel's vDSO, as every 64-bit process has it. */
struct lbpf_symbol_file *lbpf_symbol_files_get_vdso(struct lbpf_symbol_files *files,
                                                    struct lbpf_error *error);
/* That of one process, out of its memory. Nobody else gets it: the process may have changed it. */
struct lbpf_symbol_file *lbpf_symbol_files_read_vdso(struct lbpf_symbol_files *files, pid_t pid,
                                                     const struct lbpf_mapping *mapping,
                                                     struct lbpf_error *error);
/* Gives a reference back; NULL is allowed. The file stays known while there is room. */
void lbpf_symbol_files_put(struct lbpf_symbol_files *files, struct lbpf_symbol_file *file);
void lbpf_symbol_files_close(struct lbpf_symbol_files *files);

/* The function at an offset of the whole file (an archive, if it is in one); see
 * lbpf_function_table_find. */
const char *lbpf_symbol_file_find(struct lbpf_symbol_files *files, struct lbpf_symbol_file *file,
                                  uint64_t offset, uint64_t *function_offset);
/* The address in the file of a function by any of its names; 0 when there is none. */
uint64_t lbpf_symbol_file_address(struct lbpf_symbol_files *files, struct lbpf_symbol_file *file,
                                  const char *name);

#endif
