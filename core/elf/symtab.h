/*
 * Function symbols of an ELF file, through libelf. Files are the users': every offset and count is checked, files are
 * opened without blocking and must be regular.
 */
#ifndef LBPF_ELF_SYMTAB_H
#define LBPF_ELF_SYMTAB_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct lbpf_elf_symbol {
    const char *name; /* without version; valid during the visit only */
    uint64_t address; /* virtual address in the file */
    uint64_t size;
    uint64_t file_offset; /* where a uprobe goes */
    bool is_ifunc;        /* STT_GNU_IFUNC: the address is the resolver's */
};

/* Visits FUNC and IFUNC symbols of .symtab and .dynsym (and of a separate debug file); ends when visit returns
 * non-zero, which is returned. */
int lbpf_elf_each_function(const char *path,
                           int (*visit)(void *context, const struct lbpf_elf_symbol *symbol),
                           void *context, struct lbpf_error *error);

/* First definition of name ("strlen" or "strlen@GLIBC_2.2.5"). -ENOENT with the nearest name. */
int lbpf_elf_find_function(const char *path, const char *name, struct lbpf_elf_symbol *symbol,
                           struct lbpf_error *error);

/*
 * Where calls of an IFUNC symbol really go on this machine: runs the resolver's choice in a child process that maps the
 * library the normal way, and gives the implementation's file offset in the same file. Used when a uprobe
 * names an IFUNC, because a probe on the symbol itself would count resolutions, not calls.
 */
int lbpf_elf_resolve_ifunc(const char *path, const char *name, uint64_t *file_offset,
                           struct lbpf_error *error);

/* File offset of a virtual address, through the executable PT_LOAD segments; -ERANGE outside them. */
int lbpf_elf_file_offset(const char *path, uint64_t address, uint64_t *file_offset,
                         struct lbpf_error *error);

#endif
