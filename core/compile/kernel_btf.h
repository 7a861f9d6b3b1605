/*
 * The running kernel's BTF as it lies in memory: mapped where the kernel allows it, else read.
 * libbpf's reader is not used here: it copies and indexes everything (18 ms), while a program's
 * types need one walk. Every access is checked, so a damaged file gives odd types, never a bad
 * read.
 */
#ifndef LBPF_COMPILE_KERNEL_BTF_H
#define LBPF_COMPILE_KERNEL_BTF_H

#include "base/error.h"

#include <linux/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lbpf_kernel_btf {
    unsigned char *data;
    size_t size;
    bool mapped;
    const unsigned char *types; /* the type section */
    size_t types_size;
    const char *strings; /* ends with a NUL */
    uint32_t strings_size;
    uint32_t *offsets; /* of type id in `types`; [0] is void and unused */
    uint32_t count;    /* one more than the highest id */
    bool complete;     /* no type at the end is of a kind that we do not know */
    /* module_btf.c */
    unsigned char *own_types; /* `types` and `strings`, once modules were added */
    char *own_strings;
    const char *base_strings; /* of a module while it is looked at: the kernel's; lent */
    int module_count;
};

/* path NULL means the running kernel's. -ENODATA when there is none. */
int lbpf_kernel_btf_open(struct lbpf_kernel_btf *btf, const char *path, struct lbpf_error *error);
void lbpf_kernel_btf_close(struct lbpf_kernel_btf *btf);

/* The type of id, or an all-zero type (void) when there is none. */
const struct btf_type *lbpf_kernel_btf_type(const struct lbpf_kernel_btf *btf, uint32_t id);
/* The string at offset, or "". */
const char *lbpf_kernel_btf_string(const struct lbpf_kernel_btf *btf, uint32_t offset);
/* id with typedefs, qualifiers and type tags looked through. */
uint32_t lbpf_kernel_btf_strip(const struct lbpf_kernel_btf *btf, uint32_t id);

/* A type's parts; what follows a type is known to be inside the section. */
static inline uint32_t lbpf_btf_kind(const struct btf_type *type)
{
    return BTF_INFO_KIND(type->info);
}

static inline uint32_t lbpf_btf_vlen(const struct btf_type *type)
{
    return BTF_INFO_VLEN(type->info);
}

static inline bool lbpf_btf_flag(const struct btf_type *type)
{
    return BTF_INFO_KFLAG(type->info) != 0;
}

static inline const struct btf_member *lbpf_btf_members(const struct btf_type *type)
{
    return (const struct btf_member *)(type + 1);
}

static inline bool lbpf_btf_is_aggregate(const struct btf_type *type)
{
    return lbpf_btf_kind(type) == BTF_KIND_STRUCT || lbpf_btf_kind(type) == BTF_KIND_UNION;
}

static inline bool lbpf_btf_is_enum(const struct btf_type *type)
{
    return lbpf_btf_kind(type) == BTF_KIND_ENUM || lbpf_btf_kind(type) == BTF_KIND_ENUM64;
}

#endif
