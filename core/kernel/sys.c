/*
 * libbpf's print callback belongs to the whole process, while its words are wanted by one caller on
 * one thread: so the callback is installed once and for ever, and writes into a thread-local
 * buffer. This pointer is the only mutable variable of core that outlives a call, and it is NULL
 * between calls.
 */
#include "kernel/sys.h"

#include "host/features.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

static _Thread_local struct lbpf_buffer *listener;

static int __attribute__((__format__(__printf__, 2, 0)))
on_libbpf_words(enum libbpf_print_level level, const char *format, va_list arguments)
{
    char text[1024];

    if (level != LIBBPF_WARN || !listener)
        return 0;
    if (vsnprintf(text, sizeof text, format, arguments) >= 0)
        lbpf_buffer_append_string(listener, text);
    return 0;
}

static void install(void)
{
    libbpf_set_print(on_libbpf_words);
}

void lbpf_libbpf_listen(struct lbpf_buffer *words)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, install);
    listener = words;
}

int lbpf_libbpf_code(int result)
{
    int code = result < 0 ? -result : result;

    if (code == 0 || code >= 4000)
        return EINVAL;
    return code == 524 ? EOPNOTSUPP : code; /* the kernel's private ENOTSUPP */
}

void lbpf_permission_hint(struct lbpf_error *error)
{
    char text[400];

    lbpf_explain_permission(text, sizeof text);
    if (text[0])
        lbpf_error_hint(error, "%s", text);
    else
        lbpf_error_hint(error, "the kernel refuses this even to a privileged process: see "
                               "/sys/kernel/security/lockdown and the kernel log");
}

struct type_fact {
    const char *name, *since;
};

static const struct type_fact type_facts[] = {
    [BPF_MAP_TYPE_HASH] = {"hash", "3.19"},
    [BPF_MAP_TYPE_ARRAY] = {"array", "3.19"},
    [BPF_MAP_TYPE_PROG_ARRAY] = {"program array", "4.2"},
    [BPF_MAP_TYPE_PERF_EVENT_ARRAY] = {"perf event array", "4.3"},
    [BPF_MAP_TYPE_PERCPU_HASH] = {"per-CPU hash", "4.6"},
    [BPF_MAP_TYPE_PERCPU_ARRAY] = {"per-CPU array", "4.6"},
    [BPF_MAP_TYPE_STACK_TRACE] = {"stack trace", "4.6"},
    [BPF_MAP_TYPE_CGROUP_ARRAY] = {"cgroup array", "4.8"},
    [BPF_MAP_TYPE_LRU_HASH] = {"LRU hash", "4.10"},
    [BPF_MAP_TYPE_LRU_PERCPU_HASH] = {"LRU per-CPU hash", "4.10"},
    [BPF_MAP_TYPE_LPM_TRIE] = {"LPM trie", "4.11"},
    [BPF_MAP_TYPE_ARRAY_OF_MAPS] = {"array of maps", "4.12"},
    [BPF_MAP_TYPE_HASH_OF_MAPS] = {"hash of maps", "4.12"},
    [BPF_MAP_TYPE_DEVMAP] = {"device map", "4.14"},
    [BPF_MAP_TYPE_SOCKMAP] = {"socket map", "4.14"},
    [BPF_MAP_TYPE_CPUMAP] = {"CPU map", "4.15"},
    [BPF_MAP_TYPE_XSKMAP] = {"XDP socket map", "4.18"},
    [BPF_MAP_TYPE_SOCKHASH] = {"socket hash", "4.18"},
    [BPF_MAP_TYPE_CGROUP_STORAGE] = {"cgroup storage", "4.19"},
    [BPF_MAP_TYPE_REUSEPORT_SOCKARRAY] = {"reuseport socket array", "4.19"},
    [BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE] = {"per-CPU cgroup storage", "4.20"},
    [BPF_MAP_TYPE_QUEUE] = {"queue", "4.20"},
    [BPF_MAP_TYPE_STACK] = {"stack", "4.20"},
    [BPF_MAP_TYPE_SK_STORAGE] = {"socket storage", "5.2"},
    [BPF_MAP_TYPE_DEVMAP_HASH] = {"device map hash", "5.4"},
    [BPF_MAP_TYPE_STRUCT_OPS] = {"struct_ops", "5.6"},
    [BPF_MAP_TYPE_RINGBUF] = {"ring buffer", "5.8"},
    [BPF_MAP_TYPE_INODE_STORAGE] = {"inode storage", "5.10"},
    [BPF_MAP_TYPE_TASK_STORAGE] = {"task storage", "5.11"},
    [BPF_MAP_TYPE_BLOOM_FILTER] = {"bloom filter", "5.16"},
};

static const struct type_fact *type_fact(enum bpf_map_type type)
{
    static const struct type_fact unknown = {"unknown", NULL};
    size_t index = (size_t)type;

    if (index >= sizeof type_facts / sizeof type_facts[0] || !type_facts[index].name)
        return &unknown;
    return &type_facts[index];
}

const char *lbpf_map_type_name(enum bpf_map_type type)
{
    return type_fact(type)->name;
}

const char *lbpf_map_type_since(enum bpf_map_type type)
{
    return type_fact(type)->since;
}
