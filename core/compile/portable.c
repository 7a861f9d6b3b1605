#include "compile/portable.h"

#include "host/features.h"

#include <string.h>
#include <sys/utsname.h>

bool lbpf_portable_is_fixed(const char *name)
{
    static const char *const fixed[] = {
        /* contexts: the verifier translates their offsets */
        "__sk_buff",
        "xdp_md",
        "bpf_sock_ops",
        "sk_msg_md",
        "bpf_sock",
        "bpf_tcp_sock",
        "bpf_sock_addr",
        "sk_reuseport_md",
        "bpf_sockopt",
        "bpf_sysctl",
        "bpf_sk_lookup",
        "bpf_cgroup_dev_ctx",
        "bpf_flow_keys",
        "bpf_perf_event_data",
        "bpf_raw_tracepoint_args",
        "pt_regs",
        "user_pt_regs",
        /* headers of packets: as on the wire */
        "ethhdr",
        "vlan_hdr",
        "vlan_ethhdr",
        "arphdr",
        "iphdr",
        "ipv6hdr",
        "ipv6_opt_hdr",
        "frag_hdr",
        "in_addr",
        "in6_addr",
        "tcphdr",
        "udphdr",
        "icmphdr",
        "icmp6hdr",
        "igmphdr",
        "gre_base_hdr",
        "vxlanhdr",
        "sctphdr",
    };

    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (!strcmp(fixed[i], name))
            return true;
    return !strncmp(name, "bpf_iter__", 10);
}

static const struct lbpf_strmap_entry *own_use(const struct lbpf_identifiers *identifiers,
                                               const char *name)
{
    const struct lbpf_strmap_entry *entry =
        lbpf_strmap_get(&identifiers->names, name, strlen(name));

    return entry && entry->value & LBPF_USED_OWN ? entry : NULL;
}

void lbpf_portable_notes(const struct lbpf_identifiers *identifiers, struct lbpf_buffer *notes)
{
    const struct lbpf_strmap *names = &identifiers->names;

    if (identifiers->tracepoints.count)
        lbpf_buffer_append_string(notes,
                                  "fields of tracepoints lie where they do on this kernel\n");
    if (own_use(identifiers, "LINUX_VERSION_CODE"))
        lbpf_buffer_append_string(notes, "LINUX_VERSION_CODE is that of this kernel\n");
    for (size_t i = 0; i < names->slot_count; i++)
        if (names->slots[i].key && names->slots[i].value & LBPF_USED_OWN &&
            !strncmp(names->slots[i].key, "CONFIG_", 7) &&
            !lbpf_strmap_has(&identifiers->defined, names->slots[i].key))
            lbpf_buffer_printf(notes, "%s is as this kernel was built\n", names->slots[i].key);
}

/* The release is octal, for it may have any characters. */
void lbpf_portable_refuse_others(struct lbpf_buffer *types)
{
    char identity[256];
    struct utsname name;

    if (uname(&name))
        return;
    lbpf_kernel_identity(identity, sizeof identity);
    lbpf_buffer_printf(
        types,
        "static const char __lbpf_kernel[] __attribute__((section(\".lbpf.kernel\"), "
        "used, nodebug)) = \"kernel %s ",
        identity);
    for (const char *at = name.release; *at; at++)
        lbpf_buffer_printf(types, "\\%03o", (unsigned char)*at);
    lbpf_buffer_append_string(types, "\\n\";\n");
}
