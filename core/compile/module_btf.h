/*
 * Types of loaded modules. A module's BTF is "split": its type ids and string offsets go on where
 * the kernel's own end, in every module from the same number. Here the modules that are wanted are
 * put behind the kernel's types one after the other, renumbered, so that the rest of the code sees
 * one list.
 */
#ifndef LBPF_COMPILE_MODULE_BTF_H
#define LBPF_COMPILE_MODULE_BTF_H

#include "base/strmap.h"
#include "compile/kernel_btf.h"

/*
 * Adds all types of those loaded modules that define a struct, union or enum with one of these
 * names. Returns how many modules were added, or -ENOMEM; then btf stays as it was, or has some of
 * them. A module whose BTF is damaged or unreadable is passed over.
 */
int lbpf_module_btf_add(struct lbpf_kernel_btf *btf, const struct lbpf_strmap *names);

/* Adds all types of one loaded module: their first id, which is the module's own; or 0 when it has
 * none that could be read, and -ENOMEM. */
int64_t lbpf_module_btf_add_one(struct lbpf_kernel_btf *btf, const char *name);

/*
 * Calls visit for each loaded module while its types, and no other module's, stand in btf behind
 * the kernel's own, from first_id on. Ends when visit returns non-zero, which is returned; -ENOMEM.
 */
int lbpf_module_btf_each(struct lbpf_kernel_btf *btf,
                         int (*visit)(void *context, const char *name, uint32_t first_id),
                         void *context);

#endif
