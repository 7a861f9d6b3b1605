#ifndef LBPF_COMPILE_TARGETS_H
#define LBPF_COMPILE_TARGETS_H

#include "base/buffer.h"
#include "compile/compile.h"
#include "compile/identifiers.h"
#include "compile/kernel_btf.h"

/*
 * Appends the C variable `lbpf_targets`, a struct with a member for each pointer to a structure
 * that the kernel gives the program's typed programs: argument 2 of KFUNC_PROBE(vfs_read, …) is
 * member fn_2_vfs_read, that of an LSM hook lsm_2_…, of a typed tracepoint tp_2_…; the current task
 * is `current`. The plugin reads the types off it (plugin/typed.c) and takes it away. Nothing when
 * there is none.
 */
void lbpf_targets_write(const struct lbpf_kernel_btf *btf, const struct lbpf_source *source,
                        const struct lbpf_identifiers *identifiers, struct lbpf_buffer *text);

#endif
