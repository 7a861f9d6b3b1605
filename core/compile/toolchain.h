/* Where the parts that compile a program are: our own folder, clang, the plugin. */
#ifndef LBPF_COMPILE_TOOLCHAIN_H
#define LBPF_COMPILE_TOOLCHAIN_H

#include "base/buffer.h"
#include "base/error.h"

#include <limits.h>

struct lbpf_toolchain {
    char folder[PATH_MAX]; /* has lower.so and include/ */
    char plugin[PATH_MAX];
    char clang[PATH_MAX];
};

/* Finds all of them. ENOENT says which package to install. */
int lbpf_toolchain_find(struct lbpf_toolchain *toolchain, struct lbpf_error *error);

/* A program of the same LLVM, such as "llvm-objdump", into path. 0 or -ENOENT. */
int lbpf_toolchain_tool(const char *name, char *path, size_t size);

/* Appends what changes when any of these files changes: names, sizes, times, inodes. */
void lbpf_toolchain_identity(const struct lbpf_toolchain *toolchain, struct lbpf_buffer *identity);

#endif
