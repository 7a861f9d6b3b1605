/*
 * CONFIG_* macros that a program asks about, from the kernel's configuration. Where that cannot be
 * read, the kernel's types tell: a member that only exists under an option says that the option is
 * on.
 */
#include "compile/kernel_types.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <zlib.h>

enum { LINE_SIZE = 4096 };

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
static bool wraps_syscalls(const struct lbpf_architecture *architecture)
{
    struct utsname name;
    unsigned major = 0, minor = 0;

    if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
        return false;
    return (major << 8 | minor) >= architecture->wrapped_since;
}

static void define(const struct lbpf_identifiers *identifiers, struct lbpf_buffer *text,
                   const char *option)
{
    if (lbpf_strmap_has(&identifiers->names, option) &&
        !lbpf_strmap_has(&identifiers->defined, option))
        lbpf_buffer_printf(text, "#define %s 1\n", option);
}

static void define_witnessed(const struct lbpf_kernel_btf *btf,
                             const struct lbpf_identifiers *identifiers,
                             const struct lbpf_architecture *architecture, struct lbpf_buffer *text)
{
    for (size_t i = 0; i < sizeof witnesses / sizeof *witnesses; i++)
        if (lbpf_strmap_has(&identifiers->names, witnesses[i].option) &&
            type_has_member(btf, witnesses[i].type, witnesses[i].member))
            define(identifiers, text, witnesses[i].option);
    if (wraps_syscalls(architecture))
        define(identifiers, text, "CONFIG_ARCH_HAS_SYSCALL_WRAPPER");
    define(identifiers, text, architecture->option);
    if (sizeof(void *) == 8)
        define(identifiers, text, "CONFIG_64BIT");
}

/* --- the configuration itself ----------------------------------------------------------------- */

static bool asks_options(const struct lbpf_identifiers *identifiers)
{
    for (size_t i = 0; i < identifiers->names.slot_count; i++) {
        const struct lbpf_strmap_entry *name = &identifiers->names.slots[i];

        if (name->key && name->value & LBPF_USED_OWN && !strncmp(name->key, "CONFIG_", 7))
            return true;
    }
    return false;
}

/* zlib reads a file that is not compressed as it is. */
static gzFile open_configuration(void)
{
    char path[sizeof "/boot/config-" + sizeof((struct utsname *)0)->release];
    gzFile file = gzopen("/proc/config.gz", "re");
    struct utsname name;

    if (file || uname(&name))
        return file;
    snprintf(path, sizeof path, "/boot/config-%s", name.release);
    return gzopen(path, "re");
}

/* One line, CONFIG_X=value, as kconfig's own autoconf.h has it. Whether it is one. */
static bool define_line(const struct lbpf_identifiers *identifiers, struct lbpf_buffer *text,
                        char *line)
{
    char *value = strchr(line, '=');

    if (strncmp(line, "CONFIG_", 7) || !value)
        return false;
    *value++ = '\0';
    value[strcspn(value, "\n")] = '\0';
    if (lbpf_strmap_has(&identifiers->defined, line) || !lbpf_strmap_has(&identifiers->names, line))
        return true;
    if (!strcmp(value, "m"))
        lbpf_buffer_printf(text, "#define %s_MODULE 1\n", line);
    else
        lbpf_buffer_printf(text, "#define %s %s\n", line, strcmp(value, "y") ? value : "1");
    return true;
}

static bool define_configured(const struct lbpf_identifiers *identifiers, struct lbpf_buffer *text)
{
    gzFile file = open_configuration();
    char line[LINE_SIZE];
    bool found = false;

    if (!file)
        return false;
    while (gzgets(file, line, sizeof line))
        found |= define_line(identifiers, text, line);
    gzclose(file);
    return found;
}

void lbpf_kernel_config(const struct lbpf_kernel_btf *btf,
                        const struct lbpf_identifiers *identifiers,
                        const struct lbpf_architecture *architecture, struct lbpf_buffer *text)
{
    bool own = architecture == lbpf_architecture_own();

    if (!own || !asks_options(identifiers) || !define_configured(identifiers, text))
        define_witnessed(btf, identifiers, architecture, text);
}
