/* MiniDebugInfo: the symbol table that Fedora and others keep, packed, inside stripped binaries. */
#ifndef LBPF_ELF_MINI_DEBUG_INFO_H
#define LBPF_ELF_MINI_DEBUG_INFO_H

#include "elf/image.h"

/* Unpacks .gnu_debugdata of image. 1, 0 when there is none, or -ENOEXEC for one that is broken or
 * too large, or without liblzma, which is no more than a file without symbols. */
int lbpf_elf_open_mini_debug_info(struct lbpf_elf_image *mini, const struct lbpf_elf_image *image);

#endif
