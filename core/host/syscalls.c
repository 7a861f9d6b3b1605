/*
 * What the kernel calls its system call functions: since 4.17 each architecture puts a prefix of
 * its own before the name, so that a program which says sys_clone needs it replaced.
 */
#include "host/kallsyms.h"

#include "base/architecture.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* In BCC's order: the first that the kernel has is its prefix. */
static const char *const prefixes[] = {
    "sys_",         "__x64_sys_",   "__x32_compat_sys_", "__ia32_compat_sys_",
    "__arm64_sys_", "__s390x_sys_", "__s390_sys_",       "__riscv_sys_",
};

enum { PREFIX_COUNT = sizeof prefixes / sizeof prefixes[0] };

/* Remembers the prefix that the kernel gives to bpf(2). A kernel with the architecture's own name
 * has no plain sys_bpf, so the scan can end there. */
static int find_prefix(void *context, const struct lbpf_ksym *symbol, char type)
{
    size_t *best = context;
    size_t size = strlen(symbol->name), own = strlen(lbpf_architecture_own()->syscall_prefix);

    (void)type;
    if (size < 7 || memcmp(symbol->name + size - 7, "sys_bpf", 7) != 0)
        return 0;
    for (size_t i = 0; i < *best; i++) {
        if (strlen(prefixes[i]) + 3 == size &&
            memcmp(symbol->name, prefixes[i], strlen(prefixes[i])) == 0)
            *best = i;
    }
    return size > own && !memcmp(symbol->name, lbpf_architecture_own()->syscall_prefix, own) &&
           size == own + 3;
}

static pthread_once_t prefix_once = PTHREAD_ONCE_INIT;
static const char *prefix = "sys_";

static void choose_prefix(void)
{
    size_t best = PREFIX_COUNT;

    lbpf_kallsyms_scan(NULL, find_prefix, &best, NULL);
    if (best < PREFIX_COUNT)
        prefix = prefixes[best];
}

const char *lbpf_syscall_prefix(void)
{
    pthread_once(&prefix_once, choose_prefix);
    return prefix;
}

void lbpf_syscall_fix_name(const char *name, char *out, size_t size)
{
    for (size_t i = 0; i < PREFIX_COUNT; i++) {
        size_t prefix_size = strlen(prefixes[i]);

        if (strncmp(name, prefixes[i], prefix_size) == 0) {
            snprintf(out, size, "%s%s", lbpf_syscall_prefix(), name + prefix_size);
            return;
        }
    }
    snprintf(out, size, "%s", name);
}
