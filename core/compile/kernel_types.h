/*
 * The kernel's types that a program names, as C text, out of the running kernel's BTF. See
 * docs/architecture.md, "Types".
 */
#ifndef LBPF_COMPILE_KERNEL_TYPES_H
#define LBPF_COMPILE_KERNEL_TYPES_H

#include "base/architecture.h"
#include "base/buffer.h"
#include "base/error.h"
#include "compile/identifiers.h"
#include "compile/kernel_btf.h"

/*
 * Appends C declarations of every kernel type, typedef and enumerator that the identifiers name,
 * with all they need, plus for each emitted struct the pointee of every member that the program
 * names. Types that the program defines itself are left out; where a kernel type needs one of them
 * by value, the kernel's comes along under another name. For structures that the kernel proper
 * lacks, btf takes in the types of loaded modules. relocated: accesses to them are noted in the
 * object, so that the loader sets them right for another kernel (portable.h).
 */
int lbpf_kernel_types(struct lbpf_kernel_btf *btf, const struct lbpf_identifiers *identifiers,
                      bool relocated, struct lbpf_buffer *text, struct lbpf_error *error);

/* Appends #define lines for those CONFIG_* options that the program mentions and that are on: by
 * /proc/config.gz or /boot/config-RELEASE, else (and for another architecture) as far as the
 * kernel's types show it. */
void lbpf_kernel_config(const struct lbpf_kernel_btf *btf,
                        const struct lbpf_identifiers *identifiers,
                        const struct lbpf_architecture *architecture, struct lbpf_buffer *text);

/*
 * Appends the tracefs format text of each tracepoint that the program names, each behind a line
 * "tracepoint CATEGORY EVENT\n": all that their structures depend on. -ENOENT names a tracepoint
 * that does not exist and the nearest one.
 */
int lbpf_tracepoint_formats(const struct lbpf_identifiers *identifiers, struct lbpf_buffer *formats,
                            struct lbpf_error *error);

/*
 * Appends `struct tracepoint__CAT__EVENT { … };` for each of the formats, laid out as BCC does
 * (data_loc_x members for __data_loc fields). The text uses kernel types by name: scan it into the
 * identifiers before lbpf_kernel_types is called, and let the compiler read it after them.
 */
int lbpf_tracepoint_types(const struct lbpf_kernel_btf *btf, const struct lbpf_buffer *formats,
                          struct lbpf_buffer *text, struct lbpf_error *error);

#endif
