/* Stack traces, counters, programs to call, cgroups to compare with. */
#ifndef LBPF_MAPS_TRACING_H
#define LBPF_MAPS_TRACING_H

#define BPF_MAX_STACK_DEPTH 127
struct bpf_stacktrace {
    u64 ip[BPF_MAX_STACK_DEPTH];
};
struct lbpf_stack_build_id { /* the kernel's struct bpf_stack_build_id */
    s32 status;              /* 0: unused, 1: build_id and offset are set, 2: ip is set */
    u8 build_id[20];
    union {
        u64 offset;
        u64 ip;
    };
};
struct bpf_stacktrace_buildid {
    struct lbpf_stack_build_id trace[BPF_MAX_STACK_DEPTH];
};

/* Programs can not look stacks up: the kernel refuses it. */
#define LBPF_KIND_stacktrace(name)                                                                 \
    LBPF_INLINE int name##__get_stackid(void *context, u64 flags)                                  \
    {                                                                                              \
        return bpf_get_stackid(context, &__lbpf_map_##name, flags);                                \
    }                                                                                              \
    struct name##_stacktrace_methods {                                                             \
        int (*get_stackid)(void *, u64);                                                           \
    }
#define LBPF_INIT_stacktrace(name) {name##__get_stackid}

#define LBPF_STACK_TABLE(name, V, size, flags)                                                     \
    LBPF_DECLARE_MAP(name, LBPF_STACK_TRACE, u32, V, LBPF_NEXT_POWER_OF_2(size), flags);           \
    LBPF_KIND_stacktrace(name);                                                                    \
    LBPF_OBJECT(name, stacktrace)
/* BPF_STACK_TRACE(name, entries): entries are rounded up to a power of two */
#define BPF_STACK_TRACE(name, size) LBPF_STACK_TABLE(name, struct bpf_stacktrace, size, 0)
#define BPF_STACK_TRACE_BUILDID(name, size)                                                        \
    LBPF_STACK_TABLE(name, struct bpf_stacktrace_buildid, size, LBPF_STACK_BUILD_ID)

#define LBPF_KIND_program(name)                                                                    \
    LBPF_INLINE void name##__call(void *context, int index)                                        \
    {                                                                                              \
        bpf_tail_call(context, &__lbpf_map_##name, index);                                         \
    }                                                                                              \
    struct name##_program_methods {                                                                \
        void (*call)(void *, int);                                                                 \
    }
#define LBPF_INIT_program(name) {name##__call}
#define BPF_PROG_ARRAY(name, size)                                                                 \
    LBPF_DECLARE_MAP(name, LBPF_PROG_ARRAY, u32, u32, size, 0);                                    \
    LBPF_KIND_program(name);                                                                       \
    LBPF_OBJECT(name, program)

/* The index may be CUR_CPU_IDENTIFIER, which is no int. */
#define LBPF_KIND_counter(name)                                                                    \
    LBPF_INLINE u64 name##__perf_read(u64 index)                                                   \
    {                                                                                              \
        return bpf_perf_event_read(&__lbpf_map_##name, index);                                     \
    }                                                                                              \
    LBPF_INLINE int name##__perf_counter_value(u64 index, void *buffer, u32 size)                  \
    {                                                                                              \
        return bpf_perf_event_read_value(&__lbpf_map_##name, index, buffer, size);                 \
    }                                                                                              \
    struct name##_counter_methods {                                                                \
        u64 (*perf_read)(u64);                                                                     \
        int (*perf_counter_value)(u64, void *, u32);                                               \
    }
#define LBPF_INIT_counter(name) {name##__perf_read, name##__perf_counter_value}
#define BPF_PERF_ARRAY(name, size)                                                                 \
    struct {                                                                                       \
        __uint(type, LBPF_PERF_EVENT_ARRAY);                                                       \
        __uint(max_entries, size);                                                                 \
        __uint(key_size, 4);                                                                       \
        __uint(value_size, 4);                                                                     \
    } __lbpf_map_##name SEC(".maps");                                                              \
    LBPF_KIND_counter(name);                                                                       \
    LBPF_OBJECT(name, counter)

#define LBPF_KIND_cgroup(name)                                                                     \
    LBPF_INLINE int name##__check_current_task(int index)                                          \
    {                                                                                              \
        return bpf_current_task_under_cgroup(&__lbpf_map_##name, index);                           \
    }                                                                                              \
    struct name##_cgroup_methods {                                                                 \
        int (*check_current_task)(int);                                                            \
    }
#define LBPF_INIT_cgroup(name) {name##__check_current_task}
#define BPF_CGROUP_ARRAY(name, size)                                                               \
    LBPF_DECLARE_MAP(name, LBPF_CGROUP_ARRAY, u32, u32, size, 0);                                  \
    LBPF_KIND_cgroup(name);                                                                        \
    LBPF_OBJECT(name, cgroup)

#endif
