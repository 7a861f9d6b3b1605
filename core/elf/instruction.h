/* Instructions that the kernel's user probes get wrong, and how to get past them. */
#ifndef LBPF_ELF_INSTRUCTION_H
#define LBPF_ELF_INSTRUCTION_H

#include "elf/file.h"

#include <stdint.h>

/*
 * Moves *offset, the start of an instruction, past vector instructions on which a probe would
 * corrupt the program. They only move data between vector registers, so arguments, stack and the
 * number of calls are the same behind them. -EOPNOTSUPP when such an instruction can not be passed
 * over. Only x86-64 has them.
 */
int lbpf_elf_probe_offset(const struct lbpf_elf_file *file, uint64_t *offset);

#endif
