/* Queues and stacks: leaves without keys. */
#ifndef LBPF_MAPS_QUEUE_H
#define LBPF_MAPS_QUEUE_H

#define LBPF_KIND_queue(name, V)                                                                   \
    LBPF_INLINE int name##__push(const typeof(V) *leaf, u64 flags)                                 \
    {                                                                                              \
        return bpf_map_push_elem(&__lbpf_map_##name, leaf, flags);                                 \
    }                                                                                              \
    LBPF_INLINE int name##__pop(typeof(V) *leaf)                                                   \
    {                                                                                              \
        return bpf_map_pop_elem(&__lbpf_map_##name, leaf);                                         \
    }                                                                                              \
    LBPF_INLINE int name##__peek(typeof(V) *leaf)                                                  \
    {                                                                                              \
        return bpf_map_peek_elem(&__lbpf_map_##name, leaf);                                        \
    }                                                                                              \
    struct name##_queue_methods {                                                                  \
        int (*push)(const typeof(V) *, u64);                                                       \
        int (*pop)(typeof(V) *);                                                                   \
        int (*peek)(typeof(V) *);                                                                  \
    }
#define LBPF_INIT_queue(name) {name##__push, name##__pop, name##__peek}

#define LBPF_QUEUE_TABLE(map_type, name, V, size, flags)                                           \
    struct {                                                                                       \
        __uint(type, map_type);                                                                    \
        __uint(max_entries, size);                                                                 \
        __uint(map_flags, flags);                                                                  \
        __type(value, V);                                                                          \
    } __lbpf_map_##name SEC(".maps");                                                              \
    LBPF_KIND_queue(name, V);                                                                      \
    LBPF_OBJECT(name, queue)
#define LBPF_QUEUE_3(name, V, size)        LBPF_QUEUE_TABLE(LBPF_QUEUE, name, V, size, 0)
#define LBPF_QUEUE_4(name, V, size, flags) LBPF_QUEUE_TABLE(LBPF_QUEUE, name, V, size, flags)
#define LBPF_STACK_3(name, V, size)        LBPF_QUEUE_TABLE(LBPF_STACK, name, V, size, 0)
#define LBPF_STACK_4(name, V, size, flags) LBPF_QUEUE_TABLE(LBPF_STACK, name, V, size, flags)
/* BPF_QUEUE(name, leaf type, entries[, flags]) and BPF_STACK, the same */
#define BPF_QUEUE(...)                                                                             \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , LBPF_QUEUE_4, LBPF_QUEUE_3, , , )(__VA_ARGS__)
#define BPF_STACK(...)                                                                             \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , LBPF_STACK_4, LBPF_STACK_3, , , )(__VA_ARGS__)

/* "extern" stands for a queue or stack that another program declares public: see maps/table.h. */
#define LBPF_QUEUE_TYPE_OF(type_name)                                                              \
    (__builtin_strcmp(type_name, "queue") == 0    ? LBPF_QUEUE                                     \
     : __builtin_strcmp(type_name, "stack") == 0  ? LBPF_STACK                                     \
     : __builtin_strcmp(type_name, "extern") == 0 ? LBPF_QUEUE                                     \
                                                  : -1)
/* BPF_QUEUESTACK("queue" or "stack", name, leaf type, entries, flags) */
#define BPF_QUEUESTACK(type_name, name, V, size, flags)                                            \
    enum { __lbpf_type_##name = LBPF_QUEUE_TYPE_OF(type_name) };                                   \
    _Static_assert(__lbpf_type_##name > 0, "BPF_QUEUESTACK has no type \"" type_name               \
                                           "\": it takes \"queue\", \"stack\", \"extern\"");       \
    LBPF_NOTE(name, type, type_name);                                                              \
    LBPF_QUEUE_TABLE(__lbpf_type_##name & 0xff, name, V, size, flags)
#define BPF_QUEUESTACK_PUBLIC(type_name, name, V, size, flags)                                     \
    BPF_QUEUESTACK(type_name, name, V, size, flags);                                               \
    LBPF_PUBLISH(name)
#define BPF_QUEUESTACK_SHARED(type_name, name, V, size, flags)                                     \
    BPF_QUEUESTACK_PUBLIC(type_name, name, V, size, flags)
/* … and a path on a BPF file system */
#define BPF_QUEUESTACK_PINNED(type_name, name, V, size, flags, path)                               \
    BPF_QUEUESTACK(type_name, name, V, size, flags);                                               \
    LBPF_PIN(name, path)

#endif
