/* Instructions that the kernel's user probes get wrong, how to get past them, and where they start.
 */
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

/*
 * Whether an instruction starts offset bytes behind the one at file offset start: 0 if so, or if
 * that can not be told (other processors, code that is not known); -EINVAL with where the
 * instructions around it start, counted from start, if not.
 */
int lbpf_elf_check_boundary(const struct lbpf_elf_file *file, uint64_t start, uint64_t offset,
                            uint64_t *before, uint64_t *behind);

#endif
