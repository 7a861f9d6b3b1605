/*
 * Kernel symbols, from /proc/kallsyms: address to name and name to address, both by binary search
 * over a compact table. Modules are included; reload is explicit.
 */
#ifndef LBPF_HOST_KALLSYMS_H
#define LBPF_HOST_KALLSYMS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct lbpf_kallsyms;

struct lbpf_ksym {
    const char *name;   /* lent by the table */
    const char *module; /* "kernel" for vmlinux */
    uint64_t address;   /* start of the symbol */
};

/*
 * Every line of the file in its own order, data symbols and hidden addresses (0) included, until
 * visit returns non-zero, which is returned. type is nm's letter. The symbol is lent for the visit.
 * path NULL means /proc/kallsyms.
 */
int lbpf_kallsyms_scan(const char *path,
                       int (*visit)(void *context, const struct lbpf_ksym *symbol, char type),
                       void *context, struct lbpf_error *error);

/* path NULL means /proc/kallsyms. EPERM when kptr_restrict hides every address, with what to do. */
int lbpf_kallsyms_open(struct lbpf_kallsyms **table, const char *path, struct lbpf_error *error);
void lbpf_kallsyms_close(struct lbpf_kallsyms *table);

/* The nearest symbol at or below address that is not data; of several names for one address the one
 * that the kernel lists first. 0 or -ENOENT (below the first symbol). */
int lbpf_kallsyms_resolve(const struct lbpf_kallsyms *table, uint64_t address,
                          struct lbpf_ksym *symbol);
/* The address of name (any symbol type but data; the highest of several, as BCC). 0 or -ENOENT. */
int lbpf_kallsyms_lookup(const struct lbpf_kallsyms *table, const char *name,
                         struct lbpf_ksym *symbol);

/* Calls visit for each symbol in address order until it returns non-zero, which is then returned.
 */
int lbpf_kallsyms_each(const struct lbpf_kallsyms *table,
                       int (*visit)(void *context, const struct lbpf_ksym *symbol), void *context);

/* Whether /proc/kallsyms has the name; reads it once without building a table. Works with hidden
 * addresses. */
int lbpf_kallsyms_has(const char *name);

/* The running kernel's syscall symbol prefix ("__x64_sys_", …), as BCC chooses it; "sys_" if none.
 */
const char *lbpf_syscall_prefix(void);
/* name with a known syscall prefix replaced by the running kernel's; else unchanged. Into out. */
void lbpf_syscall_fix_name(const char *name, char *out, size_t size);

#endif
