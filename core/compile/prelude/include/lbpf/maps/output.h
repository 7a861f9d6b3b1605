/* Events for user space: perf outputs and ring buffers. */
#ifndef LBPF_MAPS_OUTPUT_H
#define LBPF_MAPS_OUTPUT_H

/* The last argument of perf_submit, ringbuf_output and ringbuf_submit notes the C type of what is
 * sent, for t:event() and event callbacks. The macros add it when the arguments can be told apart;
 * a compound literal with commas in braces goes without. */
#define CUR_CPU_IDENTIFIER 0xffffffffULL /* BPF_F_CURRENT_CPU */

#define LBPF_KIND_output(name)                                                                     \
    LBPF_INLINE int name##__perf_submit(void *context, void *data, u32 size, u32 type)             \
    {                                                                                              \
        return bpf_perf_event_output(context, &__lbpf_map_##name, CUR_CPU_IDENTIFIER, data, size); \
    }                                                                                              \
    LBPF_INLINE int name##__perf_submit_skb(void *skb, u32 length, void *data, u32 size)           \
    {                                                                                              \
        return bpf_perf_event_output(skb, &__lbpf_map_##name,                                      \
                                     (u64)length << 32 | CUR_CPU_IDENTIFIER, data, size);          \
    }                                                                                              \
    struct name##_output_methods {                                                                 \
        int (*perf_submit)(void *, void *, u32, ...);                                              \
        int (*perf_submit_skb)(void *, u32, void *, u32);                                          \
    }
#define LBPF_INIT_output(name) {(void *)name##__perf_submit, name##__perf_submit_skb}

#ifndef LBPF_RING_OUTPUT
#define BPF_PERF_OUTPUT(name)                                                                      \
    struct {                                                                                       \
        __uint(type, LBPF_PERF_EVENT_ARRAY);                                                       \
        __uint(key_size, 4);                                                                       \
        __uint(value_size, 4);                                                                     \
    } __lbpf_map_##name SEC(".maps");                                                              \
    LBPF_KIND_output(name);                                                                        \
    LBPF_OBJECT(name, output)
#else
/*
 * Where the kernel has ring buffers, a perf output is a ring for each CPU: an event costs the
 * traced program a fifth of what it costs through a perf buffer. open_perf_buffer puts the rings
 * into the array (core/stream/cpu_rings.c); until then events are dropped, as they are by a perf
 * buffer. The compiler defines LBPF_RING_OUTPUT unless the program uses the table as a perf event
 * array.
 */
#define BPF_PERF_OUTPUT(name)                                                                      \
    struct name##_ring {                                                                           \
        __uint(type, LBPF_RINGBUF);                                                                \
        __uint(max_entries, LBPF_PAGE_SIZE);                                                       \
    };                                                                                             \
    struct {                                                                                       \
        __uint(type, LBPF_ARRAY_OF_MAPS);                                                          \
        __uint(max_entries, 1); /* as this, the loader sets how many CPUs there can be */          \
        __type(key, u32);                                                                          \
        __array(values, struct name##_ring);                                                       \
    } __lbpf_map_##name SEC(".maps");                                                              \
    u64 __lbpf_lost_##name SEC(".data.__lbpf_lost_" #name);                                        \
    LBPF_KIND_rings(name);                                                                         \
    LBPF_OBJECT(name, rings)
#endif

/* Nothing is asked of the kernel about wake-ups: that is between it and the reader
 * (core/stream/cpu_rings.c). As few instructions as can be: they stand wherever an event is sent.
 */
#define LBPF_KIND_rings(name)                                                                      \
    LBPF_OUTLINE int __lbpf_send_##name(void *data, u64 size)                                      \
    {                                                                                              \
        u32 cpu = bpf_get_smp_processor_id();                                                      \
        void *ring = bpf_map_lookup_elem(&__lbpf_map_##name, &cpu);                                \
        if (!ring)                                                                                 \
            return -2; /* ENOENT */                                                                \
        if (bpf_ringbuf_output(ring, data, size, 0) == 0)                                          \
            return 0;                                                                              \
        __sync_fetch_and_add(&__lbpf_lost_##name, 1);                                              \
        return -28; /* ENOSPC */                                                                   \
    }                                                                                              \
    LBPF_INLINE int name##__perf_submit(void *context, void *data, u32 size, u32 type)             \
    {                                                                                              \
        return __lbpf_send_##name(data, size);                                                     \
    }                                                                                              \
    struct name##_rings_methods {                                                                  \
        int (*perf_submit)(void *, void *, u32, ...);                                              \
    }
#define LBPF_INIT_rings(name) {(void *)name##__perf_submit}

#define LBPF_SUBMIT_PLAIN(...) perf_submit(__VA_ARGS__)
#define LBPF_SUBMIT_TYPED(context, data, size)                                                     \
    perf_submit(context, data, size, __builtin_btf_type_id(data, 0))
#define perf_submit(...)                                                                           \
    LBPF_PICK(__VA_ARGS__, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN,                \
              LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN,          \
              LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN,          \
              LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_TYPED, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN, )        \
    (__VA_ARGS__)

/* BPF_RINGBUF_OUTPUT(name, pages): pages must be a power of two. What finds no room is counted in a
 * hidden per-CPU map, so that b:lost() is exact; the kernel itself keeps no such count. */
#define LBPF_KIND_ringbuf(name)                                                                    \
    LBPF_INLINE void name##__count_lost(void)                                                      \
    {                                                                                              \
        u32 zero = 0;                                                                              \
        u64 *lost = bpf_map_lookup_elem(&__lbpf_map___lbpf_lost_##name, &zero);                    \
        if (lost)                                                                                  \
            __sync_fetch_and_add(lost, 1);                                                         \
    }                                                                                              \
    LBPF_INLINE int name##__ringbuf_output(void *data, u64 size, u64 flags, u32 type)              \
    {                                                                                              \
        int result = bpf_ringbuf_output(&__lbpf_map_##name, data, size, flags);                    \
        if (result < 0)                                                                            \
            name##__count_lost();                                                                  \
        return result;                                                                             \
    }                                                                                              \
    LBPF_INLINE void *name##__ringbuf_reserve(u64 size)                                            \
    {                                                                                              \
        void *data = bpf_ringbuf_reserve(&__lbpf_map_##name, size, 0);                             \
        if (!data)                                                                                 \
            name##__count_lost();                                                                  \
        return data;                                                                               \
    }                                                                                              \
    LBPF_INLINE void name##__ringbuf_submit(void *data, u64 flags, u32 type)                       \
    {                                                                                              \
        bpf_ringbuf_submit(data, flags);                                                           \
    }                                                                                              \
    LBPF_INLINE void name##__ringbuf_discard(void *data, u64 flags)                                \
    {                                                                                              \
        bpf_ringbuf_discard(data, flags);                                                          \
    }                                                                                              \
    LBPF_INLINE u64 name##__ringbuf_query(u64 flags)                                               \
    {                                                                                              \
        return bpf_ringbuf_query(&__lbpf_map_##name, flags);                                       \
    }                                                                                              \
    struct name##_ringbuf_methods {                                                                \
        int (*ringbuf_output)(void *, u64, u64, ...);                                              \
        void *(*ringbuf_reserve)(u64);                                                             \
        void (*ringbuf_submit)(void *, u64, ...);                                                  \
        void (*ringbuf_discard)(void *, u64);                                                      \
        u64 (*ringbuf_query)(u64);                                                                 \
    }
#define LBPF_INIT_ringbuf(name)                                                                    \
    {(void *)name##__ringbuf_output, name##__ringbuf_reserve, (void *)name##__ringbuf_submit,      \
     name##__ringbuf_discard, name##__ringbuf_query}

#define BPF_RINGBUF_OUTPUT(name, pages)                                                            \
    struct {                                                                                       \
        __uint(type, LBPF_RINGBUF);                                                                \
        __uint(max_entries, (pages) * LBPF_PAGE_SIZE);                                             \
    } __lbpf_map_##name SEC(".maps");                                                              \
    LBPF_DECLARE_MAP(__lbpf_lost_##name, LBPF_PERCPU_ARRAY, u32, u64, 1, 0);                       \
    LBPF_KIND_ringbuf(name);                                                                       \
    LBPF_OBJECT(name, ringbuf)

#define LBPF_OUTPUT_PLAIN(...) ringbuf_output(__VA_ARGS__)
#define LBPF_OUTPUT_TYPED(data, size, flags)                                                       \
    ringbuf_output(data, size, flags, __builtin_btf_type_id(data, 0))
#define ringbuf_output(...)                                                                        \
    LBPF_PICK(__VA_ARGS__, LBPF_OUTPUT_PLAIN, LBPF_OUTPUT_PLAIN, LBPF_OUTPUT_PLAIN,                \
              LBPF_OUTPUT_PLAIN, LBPF_OUTPUT_PLAIN, LBPF_OUTPUT_PLAIN, LBPF_OUTPUT_PLAIN,          \
              LBPF_OUTPUT_PLAIN, LBPF_OUTPUT_PLAIN, LBPF_OUTPUT_PLAIN, LBPF_OUTPUT_PLAIN,          \
              LBPF_OUTPUT_PLAIN, LBPF_OUTPUT_TYPED, LBPF_OUTPUT_PLAIN, LBPF_OUTPUT_PLAIN, )        \
    (__VA_ARGS__)
#define ringbuf_submit(data, flags) ringbuf_submit(data, flags, __builtin_btf_type_id(data, 0))

#endif
