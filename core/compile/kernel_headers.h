/*
 * Kernel headers that the user has and asks for (BPF{headers=}), in place of the types out of BTF.
 */
#ifndef LBPF_COMPILE_KERNEL_HEADERS_H
#define LBPF_COMPILE_KERNEL_HEADERS_H

#include "base/architecture.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/strmap.h"

#include <limits.h>
#include <stdbool.h>

/* Distributions part what a build makes from what it is made of. */
struct lbpf_kernel_headers {
    char build[PATH_MAX], source[PATH_MAX]; /* the same folder where they are not parted */
    const char *architecture;               /* its folder under arch/ */
    const char *target;                     /* as clang names it */
};

/* Finds the headers at path. Where it is "", those of the running kernel: $BCC_KERNEL_SOURCE, or in
 * /lib/modules/VERSION $BCC_KERNEL_MODULES_SUFFIX or build. */
int lbpf_kernel_headers_find(struct lbpf_kernel_headers *headers, const char *path,
                             const struct lbpf_architecture *architecture,
                             struct lbpf_error *error);

/* Takes from names (each ended by a NUL) what is the kernel's, but not among these headers. */
int lbpf_kernel_headers_filter(const struct lbpf_kernel_headers *headers,
                               struct lbpf_buffer *names);

/* How the headers are read: clang, its limits, and the -D, -U and -I of the program. */
struct lbpf_kernel_headers_reader {
    const char *clang;
    const char *const *cflags;
    size_t cflag_count;
    unsigned seconds, megabytes;
    struct lbpf_strmap *paths; /* receives the files that were read, and the folders in which other
                                * files would be read in their place */
};

/* Appends to types what the headers of these names declare and define, as C for BPF. */
int lbpf_kernel_headers_read(const struct lbpf_kernel_headers *headers,
                             const struct lbpf_kernel_headers_reader *reader,
                             const struct lbpf_buffer *names, struct lbpf_buffer *types,
                             struct lbpf_error *error);

#endif
