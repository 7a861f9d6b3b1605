/*
 * What a probe's `name` means, opened once: a library or program, or one inside an archive
 * ("app.apk!/lib/x.so"). From here on nothing looks at its path again, so that a file that is
 * replaced meanwhile, or has no path any more, makes no difference.
 */
#ifndef LBPF_ELF_BINARY_H
#define LBPF_ELF_BINARY_H

#include "elf/file.h"
#include "host/proc.h"

struct lbpf_binary {
    struct lbpf_library library; /* the file that processes map */
    struct lbpf_elf_file elf;    /* the same, or a copy of an archive's member */
    uint64_t start;              /* of the ELF file in the other: add it to its offsets */
    char name[2 * PATH_MAX];     /* for people */
};

/* pid > 0: as that process sees files. Nothing to close after an error. The address of binary must
 * not change: elf lends from it. */
int lbpf_binary_open(struct lbpf_binary *binary, const char *name, pid_t pid,
                     struct lbpf_error *error);
void lbpf_binary_close(struct lbpf_binary *binary);

#endif
