/*
 * Function symbols of an ELF file, through libelf. Files are the users': every offset and count is
 * checked, files are opened without blocking and must be regular.
 */
#ifndef LBPF_ELF_SYMTAB_H
#define LBPF_ELF_SYMTAB_H

#include "elf/file.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct lbpf_elf_symbol {
    const char *name;    /* without version; valid during the visit only */
    const char *version; /* "GLIBC_2.2.5", or NULL; as long as name */
    uint64_t address;    /* virtual address in the file */
    uint64_t size;
    uint64_t file_offset; /* where a uprobe goes */
    bool is_ifunc;        /* STT_GNU_IFUNC: the address is the resolver's */
    bool is_old;          /* a version that new programs are not linked against */
    bool is_local;        /* STB_LOCAL: a static function */
};

/*
 * Visits defined FUNC and IFUNC symbols of .dynsym and .symtab; for a file without .symtab also
 * those of its separate debug file. A function can be in both tables, and have
 * several names. Symbols outside the file's code are left out. Ends when visit returns non-zero,
 * which is returned.
 */
int lbpf_elf_each_function(const struct lbpf_elf_file *file,
                           int (*visit)(void *context, const struct lbpf_elf_symbol *symbol),
                           void *context);

/*
 * The definition of name ("strlen" or "strlen@GLIBC_2.2.5"): without a version the one that
 * programs are linked against today, and a global one before a static one. Its name is the
 * caller's, its version NULL. -ENOENT with the nearest name as hint.
 */
int lbpf_elf_find_function(const struct lbpf_elf_file *file, const char *name,
                           struct lbpf_elf_symbol *symbol, struct lbpf_error *error);

/*
 * Where calls of an IFUNC symbol really go on this machine, as an offset in the same file. A probe
 * on the symbol itself would count resolutions, not calls. Foreign code never runs for it: the
 * answer comes from our own process when the file is mapped here (libc always is), else from a
 * child process that loads the file, which only happens when nobody but root could have written it.
 * name may have a version. EOPNOTSUPP when the implementation lies elsewhere (the vDSO); EPERM for
 * a file that is not trusted.
 */
int lbpf_elf_resolve_ifunc(const struct lbpf_elf_file *file, const char *name,
                           uint64_t *file_offset, struct lbpf_error *error);

/*
 * The same as a process found it that maps the file: resolver is the symbol's address. -ENOENT when
 * the process does not tell: most functions that a library calls itself can be read off it.
 */
int lbpf_elf_read_ifunc(const struct lbpf_elf_file *file, pid_t pid, uint64_t resolver,
                        uint64_t *file_offset);

#endif
