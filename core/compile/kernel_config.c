/*
 * CONFIG_* macros that a program asks about. The kernel's own configuration file is rarely
 * readable, but its types tell: a member that only exists under an option says that the option is
 * on.
 */
#include "compile/kernel_types.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static const struct {
    const char *option, *type, *member;
} witnesses[] = {
    {"CONFIG_NET_NS", "possible_net_t", "net"},
    {"CONFIG_NUMA", "vm_area_struct", "vm_policy"},
    {"CONFIG_SMP", "task_struct", "wake_cpu"},
    {"CONFIG_CGROUPS", "task_struct", "cgroups"},
    {"CONFIG_MEMCG", "task_struct", "objcg"},
    {"CONFIG_BLK_CGROUP", "bio", "bi_blkg"},
    {"CONFIG_SECURITY", "file", "f_security"},
    {"CONFIG_AUDIT", "task_struct", "loginuid"},
    {"CONFIG_THREAD_INFO_IN_TASK", "task_struct", "thread_info"},
    {"CONFIG_SLUB", "kmem_cache", "cpu_slab"},
    {"CONFIG_UPROBES", "task_struct", "utask"},
};

static bool has_member(const struct lbpf_kernel_btf *btf, uint32_t id, const char *member)
{
    const struct btf_type *type = lbpf_kernel_btf_type(btf, lbpf_kernel_btf_strip(btf, id));
    const struct btf_member *members = lbpf_btf_members(type);

    for (uint32_t i = 0; lbpf_btf_is_aggregate(type) && i < lbpf_btf_vlen(type); i++)
        if (!strcmp(lbpf_kernel_btf_string(btf, members[i].name_off), member))
            return true;
    return false;
}

static bool type_has_member(const struct lbpf_kernel_btf *btf, const char *name, const char *member)
{
    for (uint32_t id = 1; id < btf->count; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(btf, id);

        if ((lbpf_btf_is_aggregate(type) || lbpf_btf_kind(type) == BTF_KIND_TYPEDEF) &&
            type->name_off && !strcmp(lbpf_kernel_btf_string(btf, type->name_off), name) &&
            has_member(btf, id, member))
            return true;
    }
    return false;
}

/* Whether system calls take one struct pt_regs, on this architecture and kernel. */
static bool wraps_syscalls(void)
{
    struct utsname name;
    unsigned major = 0, minor = 0, since = 0;

#if defined(__x86_64__)
    since = 4 << 8 | 17;
#elif defined(__aarch64__)
    since = 4 << 8 | 19;
#elif defined(__s390x__)
    since = 4 << 8 | 20;
#elif defined(__riscv) || defined(__powerpc64__)
    since = 6 << 8 | 6;
#endif
    if (!since || uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
        return false;
    return (major << 8 | minor) >= since;
}

static void define(const struct lbpf_identifiers *identifiers, struct lbpf_buffer *text,
                   const char *option)
{
    if (lbpf_strmap_has(&identifiers->names, option) &&
        !lbpf_strmap_has(&identifiers->defined, option))
        lbpf_buffer_printf(text, "#define %s 1\n", option);
}

void lbpf_kernel_config(const struct lbpf_kernel_btf *btf,
                        const struct lbpf_identifiers *identifiers, struct lbpf_buffer *text)
{
    for (size_t i = 0; i < sizeof witnesses / sizeof *witnesses; i++)
        if (lbpf_strmap_has(&identifiers->names, witnesses[i].option) &&
            type_has_member(btf, witnesses[i].type, witnesses[i].member))
            define(identifiers, text, witnesses[i].option);
    if (wraps_syscalls())
        define(identifiers, text, "CONFIG_ARCH_HAS_SYSCALL_WRAPPER");
#if defined(__x86_64__)
    define(identifiers, text, "CONFIG_X86_64");
#elif defined(__aarch64__)
    define(identifiers, text, "CONFIG_ARM64");
#endif
    if (sizeof(void *) == 8)
        define(identifiers, text, "CONFIG_64BIT");
}
