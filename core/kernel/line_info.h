/* The source lines of an object's instructions, from its .BTF.ext section. */
#ifndef LBPF_KERNEL_LINE_INFO_H
#define LBPF_KERNEL_LINE_INFO_H

#include "kernel/verifier_log.h"

#include <stddef.h>

struct btf;

/*
 * The lines of `function`, which lies in `section`, then those of .text, whose functions libbpf
 * appends behind it, with instruction LBPF_LINE_ELSEWHERE. File names and texts are lent by btf.
 * The caller frees *lines. No or damaged line information gives no lines, never an error.
 */
void lbpf_line_info_read(const void *elf, size_t size, const struct btf *btf, const char *section,
                         const char *function, struct lbpf_line **lines, size_t *count);

#endif
