/*
 * The separate file that a stripped binary's debug information was moved to. Distributions keep it
 * under /usr/lib/debug by build id; others by the name that the binary has in .gnu_debuglink.
 */
#ifndef LBPF_ELF_DEBUG_FILE_H
#define LBPF_ELF_DEBUG_FILE_H

#include "elf/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Opens the separate debug file of an open file into debug; false when it has none. It is looked
 * for in the root that file was opened in, and by build id, which is the same everywhere, also in
 * our own. $BCC_DEBUGINFO_ROOT takes the place of /usr/lib/debug; in $BCC_SYMFS it is looked for
 * under the file's own path. What is opened is proven to
 * belong to file: by equal build ids, or by the checksum in .gnu_debuglink.
 *
 * It has section headers and symbol tables like any ELF file, but no bytes in its segments: offsets
 * come from file's segments. Close debug with lbpf_elf_close() before file.
 */
bool lbpf_elf_open_debug_file(struct lbpf_elf_file *debug, const struct lbpf_elf_file *file);

/* The one for a build id, as far as it is among those by build id. */
bool lbpf_elf_open_debug_id(struct lbpf_elf_file *debug, int root, const uint8_t *build_id,
                            size_t size);

#endif
