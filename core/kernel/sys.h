/*
 * Small things that every file which talks to the kernel through libbpf needs: libbpf's own words
 * kept off the terminal, its version-4 style error numbers made plain, names of map types.
 */
#ifndef LBPF_KERNEL_SYS_H
#define LBPF_KERNEL_SYS_H

#include "base/buffer.h"
#include "base/error.h"

#include <linux/bpf.h>

/*
 * libbpf prints to stderr through one callback of the whole process. From the first call on, what
 * it says on this thread is appended to words (warnings only), or dropped while words is NULL. Call
 * it before the libbpf functions whose words matter, and with NULL after them.
 */
void lbpf_libbpf_listen(struct lbpf_buffer *words);

/* A negative result of libbpf as a positive errno: its private numbers (4000…) become EINVAL. */
int lbpf_libbpf_code(int result);

/* Adds to error the hint for EPERM: which capability is missing, lockdown, sysctl. */
void lbpf_permission_hint(struct lbpf_error *error);

/* "hash", "ring buffer", …; "map type 42" is "unknown". Static string. */
const char *lbpf_map_type_name(enum bpf_map_type type);
/* The kernel that first had the type ("5.8"), or NULL. */
const char *lbpf_map_type_since(enum bpf_map_type type);

#endif
