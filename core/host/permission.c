/*
 * Why tracing was refused. The kernel says EPERM for a missing capability, a user namespace, a
 * locked down kernel and a container's seccomp filter alike; /proc tells them apart.
 */
#include "base/buffer.h"
#include "host/features.h"

#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

enum { SMALL_FILE = 64 * 1024 };

static uint64_t bit(unsigned number)
{
    return (uint64_t)1 << number;
}

/* The value behind "key" in /proc/self/status, or fallback. */
static uint64_t status_field(const struct lbpf_buffer *status, const char *key, int base,
                             uint64_t fallback)
{
    const char *at = strstr(lbpf_buffer_string(status), key);

    return at ? strtoull(at + strlen(key), NULL, base) : fallback;
}

/* Appends the first line of a sysctl after its label; nothing when it can not be read. */
static void append_sysctl(struct lbpf_buffer *text, const char *label, const char *path)
{
    struct lbpf_buffer value = {0};

    if (lbpf_buffer_read_file(&value, path, SMALL_FILE) == 0 && value.size > 0)
        lbpf_buffer_printf(text, "; %s is %.*s", label, (int)strcspn(value.data, "\n"), value.data);
    lbpf_buffer_free(&value);
}

static void explain_capabilities(struct lbpf_buffer *text, uint64_t effective)
{
    bool lacks_bpf = !(effective & bit(CAP_BPF)), lacks_perfmon = !(effective & bit(CAP_PERFMON));

    if (effective & bit(CAP_SYS_ADMIN) || !(lacks_bpf || lacks_perfmon))
        return;
    lbpf_buffer_printf(text, "this process lacks %s (or CAP_SYS_ADMIN): run it as root",
                       !lacks_perfmon ? "CAP_BPF"
                       : !lacks_bpf   ? "CAP_PERFMON"
                                      : "CAP_BPF and CAP_PERFMON");
    if (lacks_bpf)
        append_sysctl(text, "kernel.unprivileged_bpf_disabled",
                      "/proc/sys/kernel/unprivileged_bpf_disabled");
    if (lacks_perfmon)
        append_sysctl(text, "kernel.perf_event_paranoid", "/proc/sys/kernel/perf_event_paranoid");
}

static void separate(struct lbpf_buffer *text)
{
    if (text->size > 0)
        lbpf_buffer_append_string(text, "; ");
}

/* The paranoid level; 0 when it can not be read. */
static long perf_event_paranoid(void)
{
    struct lbpf_buffer value = {0};
    long level = 0;

    if (lbpf_buffer_read_file(&value, "/proc/sys/kernel/perf_event_paranoid", SMALL_FILE) == 0)
        level = strtol(lbpf_buffer_string(&value), NULL, 10);
    lbpf_buffer_free(&value);
    return level;
}

/* Level 3 is Debian's own, and asks for more than CAP_PERFMON. */
static void explain_perf_events(struct lbpf_buffer *text, uint64_t effective)
{
    long level = perf_event_paranoid();

    if (effective & bit(CAP_SYS_ADMIN) || !(effective & bit(CAP_PERFMON)) || level < 3)
        return;
    separate(text);
    lbpf_buffer_printf(text,
                       "kernel.perf_event_paranoid is %ld, which leaves perf events to "
                       "CAP_SYS_ADMIN: run as root, or sysctl kernel.perf_event_paranoid=2",
                       level);
}

/* In the first user namespace the map is one line: 0 0 4294967295. */
static void explain_user_namespace(struct lbpf_buffer *text)
{
    struct lbpf_buffer map = {0};
    unsigned long inside, outside, count;

    if (lbpf_buffer_read_file(&map, "/proc/self/uid_map", SMALL_FILE) == 0 &&
        sscanf(lbpf_buffer_string(&map), "%lu %lu %lu", &inside, &outside, &count) == 3 &&
        (inside != 0 || outside != 0 || count != UINT32_MAX)) {
        separate(text);
        lbpf_buffer_append_string(text,
                                  "this is a user namespace, where root's capabilities do not "
                                  "count for tracing: run outside of it");
    }
    lbpf_buffer_free(&map);
}

static void explain_lockdown(struct lbpf_buffer *text)
{
    struct lbpf_buffer state = {0};

    if (lbpf_buffer_read_file(&state, "/sys/kernel/security/lockdown", SMALL_FILE) == 0 &&
        strstr(lbpf_buffer_string(&state), "[confidentiality]")) {
        separate(text);
        lbpf_buffer_append_string(
            text, "kernel lockdown is in confidentiality mode, which forbids tracing: "
                  "boot with lockdown=integrity or none");
    }
    lbpf_buffer_free(&state);
}

void lbpf_explain_permission(char *text, size_t size)
{
    struct lbpf_buffer status = {0}, reasons = {0};
    uint64_t effective, seccomp;

    if (size == 0)
        return;
    lbpf_buffer_read_file(&status, "/proc/self/status", SMALL_FILE);
    effective = status_field(&status, "\nCapEff:", 16, UINT64_MAX);
    seccomp = status_field(&status, "\nSeccomp:", 10, 0);
    explain_capabilities(&reasons, effective);
    explain_perf_events(&reasons, effective);
    explain_user_namespace(&reasons);
    explain_lockdown(&reasons);
    if (reasons.size == 0 && seccomp == 2)
        lbpf_buffer_append_string(&reasons,
                                  "a seccomp filter is in force here (a container's?); it may "
                                  "refuse bpf(2) and perf_event_open(2)");
    snprintf(text, size, "%s", lbpf_buffer_string(&reasons));
    lbpf_buffer_free(&reasons);
    lbpf_buffer_free(&status);
}
