/*
 * Probes for what the kernel offers. Each one tries the thing itself, in a form that can not take
 * effect, and tells by the errno how far the kernel came: version numbers say nothing about what a
 * distribution or a microVM was built with.
 */
#include "host/features.h"

#include "base/buffer.h"
#include "host/multi_link.h"
#include "host/tracefs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By the rights in force: unlike access(), it minds capabilities. */
static bool exists(const char *path)
{
    return faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) == 0;
}

static bool in_tracefs(const char *name)
{
    const char *folder = lbpf_tracefs(NULL);
    char path[128];

    if (!folder)
        return false;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return exists(path);
}

/* The verdict of a probe: when it failed for want of rights, that is the reason to give. */
static bool refuse(struct lbpf_feature *feature, int code, const char *reason)
{
    enum { SIZE = sizeof feature->reason };

    feature->reason[0] = '\0';
    if (code == EPERM || code == EACCES) {
        lbpf_explain_permission(feature->reason, SIZE);
        reason = "the kernel forbids it, though this process seems to have the rights";
    }
    if (!feature->reason[0])
        snprintf(feature->reason, SIZE, "%.*s", SIZE - 1, reason);
    return false;
}

/* "return 0", of a type and expected attach type. A file descriptor or -1 with errno. */
static int load_trivial(enum bpf_prog_type type, uint32_t attach_type, uint32_t btf_id)
{
    static const struct bpf_insn body[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options,
                .expected_attach_type = (enum bpf_attach_type)attach_type, .attach_btf_id = btf_id);
    int fd = bpf_prog_load(type, NULL, "GPL", body, 2, &options);

    if (fd < 0) {
        errno = -fd;
        return -1;
    }
    return fd;
}

static bool has_btf(struct lbpf_feature *feature)
{
    return exists("/sys/kernel/btf/vmlinux") ||
           refuse(
               feature, ENOENT,
               "this kernel was built without CONFIG_DEBUG_INFO_BTF: kernel types are not known");
}

static bool has_tracefs(struct lbpf_feature *feature)
{
    struct lbpf_error error = {0};
    bool available = lbpf_tracefs(&error) != NULL;

    if (!available)
        refuse(feature, 0, error.hint[0] ? error.hint : error.message);
    lbpf_error_clear(&error);
    return available;
}

static bool has_kprobe(struct lbpf_feature *feature)
{
    return exists("/sys/bus/event_source/devices/kprobe") || in_tracefs("kprobe_events") ||
           refuse(
               feature, ENOENT,
               "this kernel was built without kprobes (CONFIG_KPROBES, CONFIG_KPROBE_EVENTS): use "
               "tracepoints, or uprobes in user space");
}

static bool has_uprobe(struct lbpf_feature *feature)
{
    return exists("/sys/bus/event_source/devices/uprobe") || in_tracefs("uprobe_events") ||
           refuse(feature, ENOENT, "this kernel was built without uprobes (CONFIG_UPROBE_EVENTS)");
}

static bool has_tracepoint(struct lbpf_feature *feature)
{
    if (!has_tracefs(feature))
        return false;
    return (exists("/sys/bus/event_source/devices/tracepoint") && in_tracefs("events/sched")) ||
           refuse(feature, ENOENT,
                  "this kernel was built without tracepoints (CONFIG_EVENT_TRACING)");
}

/* Asks for a link that can not be made; the errno tells whether the kernel knew the kind. */
static int multi_link_errno(uint32_t attach_type, struct lbpf_multi_link *link)
{
    int program = load_trivial(BPF_PROG_TYPE_KPROBE, attach_type, 0), result, code;

    if (program < 0)
        return errno;
    link->program = (uint32_t)program;
    link->attach_type = attach_type;
    result = (int)syscall(SYS_bpf, BPF_LINK_CREATE, link, sizeof *link);
    code = result < 0 ? errno : 0;
    if (result >= 0)
        close(result);
    close(program);
    return code;
}

static bool has_kprobe_multi(struct lbpf_feature *feature)
{
    struct lbpf_multi_link link = {
        .of.kprobe = {.count = 1, .addresses = 1 /* no valid pointer */}};
    int code = multi_link_errno(BPF_TRACE_KPROBE_MULTI, &link);

    return code == EFAULT ||
           refuse(feature, code,
                  "needs Linux 5.18 with CONFIG_FPROBE: many kprobes are attached one by one");
}

static bool has_uprobe_multi(struct lbpf_feature *feature)
{
    uint64_t offset = 0;
    struct lbpf_multi_link link = {
        .of.uprobe = {.path = (uintptr_t)"/", .offsets = (uintptr_t)&offset, .count = 1}};
    int code = multi_link_errno(LBPF_TRACE_UPROBE_MULTI, &link);

    return code == EBADF || /* "/" is no regular file */
           refuse(feature, code, "needs Linux 6.6: many uprobes are attached one by one");
}

/* Before 6.10 the pid of such a link was one thread's. Both refuse -1, but that kernel looks for
 * the thread first. */
static bool has_uprobe_multi_pid(struct lbpf_feature *feature)
{
    uint64_t offset = 0;
    struct lbpf_multi_link link = {.of.uprobe = {.path = (uintptr_t)"/proc/self/exe",
                                                 .offsets = (uintptr_t)&offset,
                                                 .count = 1,
                                                 .pid = UINT32_MAX}};

    if (!has_uprobe_multi(feature))
        return false;
    return multi_link_errno(LBPF_TRACE_UPROBE_MULTI, &link) == EINVAL ||
           refuse(feature, 0,
                  "needs Linux 6.10: many uprobes in one process are attached one by one");
}

static bool has_raw_tracepoint(struct lbpf_feature *feature)
{
    int program = load_trivial(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0);
    int link, code = errno;

    if (program >= 0) {
        link = bpf_raw_tracepoint_open("luabpf_no_such_event", program);
        code = link < 0 ? -link : 0;
        if (link >= 0)
            close(link);
        close(program);
    }
    return code == ENOENT || refuse(feature, code, "needs Linux 4.17 with CONFIG_BPF_EVENTS");
}

/* Only an attachment tells: programs load where direct calls are missing. The function does
 * nothing. */
static bool has_fentry(struct lbpf_feature *feature)
{
    int id, program, link, code;

    if (!exists("/sys/kernel/btf/vmlinux"))
        return has_btf(feature);
    id = libbpf_find_vmlinux_btf_id("bpf_fentry_test1", BPF_TRACE_FENTRY);
    if (id <= 0)
        return refuse(feature, 0, "the kernel has no function to try it on (bpf_fentry_test1)");
    program = load_trivial(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, (uint32_t)id);
    if (program < 0)
        return refuse(feature, errno, "needs Linux 5.5");
    link = bpf_raw_tracepoint_open(NULL, program);
    code = link < 0 ? -link : 0;
    if (link >= 0)
        close(link);
    close(program);
    return link >= 0 ||
           refuse(feature, code,
                  "this kernel was built without direct calls "
                  "(CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS): use kprobes or tracepoints");
}

/* Programs attach where the security module is off, and then never run. */
static bool has_lsm(struct lbpf_feature *feature)
{
    struct lbpf_buffer list = {0};
    bool is_listed = true; /* unless securityfs tells otherwise */

    if (!has_fentry(feature))
        return false;
    if (libbpf_find_vmlinux_btf_id("file_open", BPF_LSM_MAC) <= 0)
        return refuse(feature, 0, "this kernel was built without CONFIG_BPF_LSM");
    if (lbpf_buffer_read_file(&list, "/sys/kernel/security/lsm", 4096) == 0 && list.size)
        is_listed = strstr(lbpf_buffer_string(&list), "bpf") != NULL;
    lbpf_buffer_free(&list);
    return is_listed || refuse(feature, 0,
                               "the security module bpf is off: add it to lsm= on the kernel's "
                               "command line");
}

static bool has_ring_buffer(struct lbpf_feature *feature)
{
    uint32_t size = (uint32_t)sysconf(_SC_PAGESIZE);
    int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, size, NULL);

    if (fd < 0)
        return refuse(feature, -fd, "needs Linux 5.8: use a perf output");
    close(fd);
    return true;
}

static bool has_batch(struct lbpf_feature *feature)
{
    int fd = bpf_map_create(BPF_MAP_TYPE_HASH, NULL, 4, 4, 1, NULL), result;
    uint32_t batch = 0, key = 0, value = 0, count = 0;

    if (fd < 0)
        return refuse(feature, -fd, "the kernel refused to make a hash map");
    result = bpf_map_lookup_batch(fd, NULL, &batch, &key, &value, &count, NULL);
    close(fd);
    return result == 0 ||
           refuse(feature, -result, "needs Linux 5.6: tables are read entry by entry");
}

static bool opens_perf_event(uint32_t type, uint64_t config)
{
    struct perf_event_attr attributes = {
        .type = type, .size = sizeof attributes, .config = config, .disabled = 1};
    int fd = (int)syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static bool has_perf_buffer(struct lbpf_feature *feature)
{
    return opens_perf_event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_BPF_OUTPUT) ||
           refuse(feature, errno, "this kernel was built without perf events (CONFIG_PERF_EVENTS)");
}

static bool has_perf_event(struct lbpf_feature *feature)
{
    return opens_perf_event(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK) ||
           refuse(feature, errno, "this kernel was built without perf events (CONFIG_PERF_EVENTS)");
}

static bool has_hardware_event(struct lbpf_feature *feature)
{
    return opens_perf_event(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES) ||
           refuse(feature, errno,
                  "no performance counters here (a virtual machine without them?): use software "
                  "events");
}

static bool has_cookie(struct lbpf_feature *feature)
{
    int known = libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL);

    return known == 1 || refuse(feature, known < 0 ? -known : 0, "needs Linux 5.15");
}

static bool has_iterator(struct lbpf_feature *feature)
{
    int id = exists("/sys/kernel/btf/vmlinux") ? libbpf_find_vmlinux_btf_id("task", BPF_TRACE_ITER)
                                               : -ENOENT;

    return id > 0 || refuse(feature, 0, "needs Linux 5.8 with BTF");
}

static bool has_reference_counter(struct lbpf_feature *feature)
{
    return exists("/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset") ||
           refuse(feature, ENOENT,
                  "needs Linux 4.20: static probes with a semaphore stay silent unless enabled");
}

static const struct {
    const char *name;
    bool (*probe)(struct lbpf_feature *feature);
} probes[] = {
    {"kprobe", has_kprobe},
    {"kprobe_multi", has_kprobe_multi},
    {"uprobe", has_uprobe},
    {"uprobe_multi", has_uprobe_multi},
    {"uprobe_multi_pid", has_uprobe_multi_pid},
    {"tracepoint", has_tracepoint},
    {"raw_tracepoint", has_raw_tracepoint},
    {"fentry", has_fentry},
    {"lsm", has_lsm},
    {"iterator", has_iterator},
    {"usdt_semaphore", has_reference_counter},
    {"perf_event", has_perf_event},
    {"hardware_event", has_hardware_event},
    {"perf_buffer", has_perf_buffer},
    {"ring_buffer", has_ring_buffer},
    {"batch", has_batch},
    {"cookie", has_cookie},
    {"btf", has_btf},
    {"tracefs", has_tracefs},
};

enum { PROBE_COUNT = sizeof probes / sizeof probes[0] };

/* LUABPF_WITHOUT names features, between commas, that are left alone though the kernel has them:
 * what is done without them can be tried on a kernel that has them. */
static bool is_unwanted(const char *name)
{
    const char *unwanted = getenv("LUABPF_WITHOUT");
    size_t size = strlen(name);

    while (unwanted && *unwanted) {
        size_t length = strcspn(unwanted, ",");

        if (length == size && memcmp(unwanted, name, size) == 0)
            return true;
        unwanted += length + (unwanted[length] == ',');
    }
    return false;
}

/* Asked once: the kernel does not change under a process. A refusal for want of rights may, but
 * nobody gains rights. */
static void ask(size_t number, struct lbpf_feature *feature)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct lbpf_feature known[PROBE_COUNT];

    pthread_mutex_lock(&lock);
    if (!known[number].name) {
        known[number].available =
            is_unwanted(probes[number].name)
                ? refuse(&known[number], 0, "LUABPF_WITHOUT says to do without it")
                : probes[number].probe(&known[number]);
        if (known[number].available)
            known[number].reason[0] = '\0';
        known[number].name = probes[number].name;
    }
    *feature = known[number];
    pthread_mutex_unlock(&lock);
}

size_t lbpf_features(struct lbpf_feature *features, size_t capacity)
{
    for (size_t i = 0; i < PROBE_COUNT && i < capacity; i++)
        ask(i, &features[i]);
    return PROBE_COUNT;
}

bool lbpf_feature(const char *name, struct lbpf_feature *feature)
{
    struct lbpf_feature answer = {.name = name, .reason = "no feature has this name"};

    for (size_t i = 0; i < PROBE_COUNT; i++) {
        if (strcmp(probes[i].name, name) == 0)
            ask(i, &answer);
    }
    if (feature)
        *feature = answer;
    return answer.available;
}
