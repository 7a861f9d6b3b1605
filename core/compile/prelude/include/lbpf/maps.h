/*
 * Tables. BPF_HASH(counts, u32, u64) declares
 *   - the map __lbpf_map_counts, as libbpf reads it from .maps (the plugin renames it to counts);
 *   - inline functions counts__lookup, counts__update, … with the table's own key and leaf types;
 *   - a constant struct counts that holds them, so that counts.lookup(&key) is plain C, checked by clang.
 * LLVM folds the struct away; nothing of it is left in the object.
 *
 * `update`'s flags and map types are written as numbers: the kernel's enum may come from BTF or not.
 */
#ifndef LBPF_MAPS_H
#define LBPF_MAPS_H

/* enum bpf_map_type */
#define LBPF_HASH 1
#define LBPF_ARRAY 2
#define LBPF_PROG_ARRAY 3
#define LBPF_PERF_EVENT_ARRAY 4
#define LBPF_PERCPU_HASH 5
#define LBPF_PERCPU_ARRAY 6
#define LBPF_STACK_TRACE 7
#define LBPF_CGROUP_ARRAY 8
#define LBPF_LRU_HASH 9
#define LBPF_LRU_PERCPU_HASH 10
#define LBPF_LPM_TRIE 11
#define LBPF_QUEUE 22
#define LBPF_STACK 23
#define LBPF_RINGBUF 27

/* BCC's name of a map type, as in BPF_TABLE("lru_hash", …); an unknown one has no map behind it and
 * stops the compiler at the user's line. */
#define LBPF_TYPE_OF(name)                                                                         \
    (__builtin_strcmp(name, "hash") == 0               ? LBPF_HASH                                 \
     : __builtin_strcmp(name, "array") == 0            ? LBPF_ARRAY                                \
     : __builtin_strcmp(name, "histogram") == 0        ? LBPF_HASH                                 \
     : __builtin_strcmp(name, "prog") == 0             ? LBPF_PROG_ARRAY                           \
     : __builtin_strcmp(name, "perf_array") == 0       ? LBPF_PERF_EVENT_ARRAY                     \
     : __builtin_strcmp(name, "percpu_hash") == 0      ? LBPF_PERCPU_HASH                          \
     : __builtin_strcmp(name, "percpu_array") == 0     ? LBPF_PERCPU_ARRAY                         \
     : __builtin_strcmp(name, "stacktrace") == 0       ? LBPF_STACK_TRACE                          \
     : __builtin_strcmp(name, "cgroup_array") == 0     ? LBPF_CGROUP_ARRAY                         \
     : __builtin_strcmp(name, "lru_hash") == 0         ? LBPF_LRU_HASH                             \
     : __builtin_strcmp(name, "lru_percpu_hash") == 0  ? LBPF_LRU_PERCPU_HASH                      \
     : __builtin_strcmp(name, "lpm_trie") == 0         ? LBPF_LPM_TRIE                             \
     : __builtin_strcmp(name, "queue") == 0            ? LBPF_QUEUE                                \
     : __builtin_strcmp(name, "stack") == 0            ? LBPF_STACK                                \
                                                       : -1)

/* Kinds whose elements come and go; others are all there from the start. */
#define LBPF_IS_HASH(type)                                                                         \
    ((type) == LBPF_HASH || (type) == LBPF_PERCPU_HASH || (type) == LBPF_LRU_HASH ||               \
     (type) == LBPF_LRU_PERCPU_HASH)
#define LBPF_IS_PER_CPU(type)                                                                      \
    ((type) == LBPF_PERCPU_HASH || (type) == LBPF_PERCPU_ARRAY || (type) == LBPF_LRU_PERCPU_HASH)

enum { LBPF_ANY = 0, LBPF_NOEXIST = 1 };

#define LBPF_NEXT_POWER_OF_2(n) ((n) <= 1 ? 1 : 1u << (32 - __builtin_clz((unsigned)(n)-1)))

/* Adds to a leaf of any integer size: atomically where several CPUs share it. */
LBPF_INLINE void lbpf_add(void *leaf, u64 leaf_size, u64 value, int is_shared)
{
    if (leaf_size == 8 && is_shared)
        __sync_fetch_and_add((u64 *)leaf, value);
    else if (leaf_size == 8)
        *(u64 *)leaf += value;
    else if (leaf_size == 4 && is_shared)
        __sync_fetch_and_add((u32 *)leaf, (u32)value);
    else if (leaf_size == 4)
        *(u32 *)leaf += (u32)value;
    else if (leaf_size == 2)
        *(u16 *)leaf += (u16)value;
    else if (leaf_size == 1)
        *(u8 *)leaf += (u8)value;
}

/* Ends the program, or the subprogram that it is inlined in, with result 0: what lookup_or_init does
 * when there is no room left. */
#define LBPF_RETURN_0()                                                                            \
    do {                                                                                           \
        asm volatile("r0 = 0\n\texit" ::: "r0", "memory");                                         \
        __builtin_unreachable();                                                                   \
    } while (0)

#define LBPF_DECLARE_MAP(name, map_type, K, V, size, flags)                                        \
    struct {                                                                                       \
        __uint(type, map_type);                                                                    \
        __uint(max_entries, size);                                                                 \
        __uint(map_flags, flags);                                                                  \
        __type(key, K);                                                                            \
        __type(value, V);                                                                          \
    } __lbpf_map_##name SEC(".maps")

/* Tables with keys and leaves. Methods with `...` in their type take optional arguments, which the plugin fills in. */
#define LBPF_KEYED_METHODS(name, map_type, K, V)                                                   \
    LBPF_INLINE typeof(V) *name##__lookup(const typeof(K) *key)                                    \
    {                                                                                              \
        return bpf_map_lookup_elem(&__lbpf_map_##name, key);                                       \
    }                                                                                              \
    LBPF_INLINE typeof(V) *name##__lookup_or_try_init(const typeof(K) *key, const typeof(V) *leaf) \
    {                                                                                              \
        void *found = bpf_map_lookup_elem(&__lbpf_map_##name, key);                                \
        if (found)                                                                                 \
            return found;                                                                          \
        bpf_map_update_elem(&__lbpf_map_##name, key, leaf, LBPF_NOEXIST);                          \
        return bpf_map_lookup_elem(&__lbpf_map_##name, key);                                       \
    }                                                                                              \
    LBPF_INLINE typeof(V) *name##__lookup_or_init(const typeof(K) *key, const typeof(V) *leaf)     \
    {                                                                                              \
        void *found = name##__lookup_or_try_init(key, leaf);                                       \
        if (!found)                                                                                \
            LBPF_RETURN_0();                                                                       \
        return found;                                                                              \
    }                                                                                              \
    LBPF_INLINE int name##__update(const typeof(K) *key, const typeof(V) *leaf)                    \
    {                                                                                              \
        return bpf_map_update_elem(&__lbpf_map_##name, key, leaf, LBPF_ANY);                       \
    }                                                                                              \
    LBPF_INLINE int name##__insert(const typeof(K) *key, const typeof(V) *leaf)                    \
    {                                                                                              \
        return bpf_map_update_elem(&__lbpf_map_##name, key, leaf, LBPF_NOEXIST);                   \
    }                                                                                              \
    LBPF_INLINE int name##__delete(const typeof(K) *key)                                           \
    {                                                                                              \
        return bpf_map_delete_elem(&__lbpf_map_##name, key);                                       \
    }                                                                                              \
    LBPF_INLINE void name##__increment(typeof(K) key, u64 value)                                   \
    {                                                                                              \
        void *found = bpf_map_lookup_elem(&__lbpf_map_##name, &key);                               \
        if (!found && LBPF_IS_HASH(map_type)) {                                                    \
            typeof(V) zero;                                                                        \
            __builtin_memset(&zero, 0, sizeof zero);                                               \
            bpf_map_update_elem(&__lbpf_map_##name, &key, &zero, LBPF_NOEXIST);                    \
            found = bpf_map_lookup_elem(&__lbpf_map_##name, &key);                                 \
        }                                                                                          \
        if (found)                                                                                 \
            lbpf_add(found, sizeof(V), value, !LBPF_IS_PER_CPU(map_type));                         \
    }

#define LBPF_KEYED_TABLE(name, map_type, K, V)                                                     \
    LBPF_KEYED_METHODS(name, map_type, K, V)                                                       \
    struct name##_methods {                                                                        \
        typeof(V) *(*lookup)(const typeof(K) *);                                                   \
        typeof(V) *(*lookup_or_try_init)(const typeof(K) *, const typeof(V) *);                    \
        typeof(V) *(*lookup_or_init)(const typeof(K) *, const typeof(V) *);                        \
        int (*update)(const typeof(K) *, const typeof(V) *);                                       \
        int (*insert)(const typeof(K) *, const typeof(V) *);                                       \
        int (*delete)(const typeof(K) *);                                                          \
        void (*increment)(typeof(K), ...);                                                         \
        void (*atomic_increment)(typeof(K), ...);                                                  \
    };                                                                                             \
    static const struct name##_methods name __attribute__((unused)) = {                            \
        name##__lookup, name##__lookup_or_try_init, name##__lookup_or_init, name##__update,        \
        name##__insert, name##__delete, (void (*)(typeof(K), ...))name##__increment,               \
        (void (*)(typeof(K), ...))name##__increment}

#define BPF_F_TABLE(type_name, K, V, name, size, flags)                                            \
    LBPF_DECLARE_MAP(name, LBPF_TYPE_OF(type_name), K, V, size, flags);                            \
    LBPF_KEYED_TABLE(name, LBPF_TYPE_OF(type_name), K, V)
#define BPF_TABLE(type_name, K, V, name, size) BPF_F_TABLE(type_name, K, V, name, size, 0)

#define LBPF_HASH_4(name, K, V, size)                                                              \
    LBPF_DECLARE_MAP(name, LBPF_HASH, K, V, size, 0);                                              \
    LBPF_KEYED_TABLE(name, LBPF_HASH, K, V)
#define LBPF_HASH_3(name, K, V) LBPF_HASH_4(name, K, V, 10240)
#define LBPF_HASH_2(name, K) LBPF_HASH_3(name, K, u64)
#define LBPF_HASH_1(name) LBPF_HASH_2(name, u64)
/* BPF_HASH(name[, key type = u64[, leaf type = u64[, entries = 10240]]]) */
#define BPF_HASH(...)                                                                              \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , LBPF_HASH_4, LBPF_HASH_3, LBPF_HASH_2,            \
              LBPF_HASH_1, )(__VA_ARGS__)

#define LBPF_PERCPU_HASH_4(name, K, V, size)                                                       \
    LBPF_DECLARE_MAP(name, LBPF_PERCPU_HASH, K, V, size, 0);                                       \
    LBPF_KEYED_TABLE(name, LBPF_PERCPU_HASH, K, V)
#define LBPF_PERCPU_HASH_3(name, K, V) LBPF_PERCPU_HASH_4(name, K, V, 10240)
#define LBPF_PERCPU_HASH_2(name, K) LBPF_PERCPU_HASH_3(name, K, u64)
#define LBPF_PERCPU_HASH_1(name) LBPF_PERCPU_HASH_2(name, u64)
/* BPF_PERCPU_HASH(name[, key type = u64[, leaf type = u64[, entries = 10240]]]) */
#define BPF_PERCPU_HASH(...)                                                                       \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , LBPF_PERCPU_HASH_4, LBPF_PERCPU_HASH_3,           \
              LBPF_PERCPU_HASH_2, LBPF_PERCPU_HASH_1, )(__VA_ARGS__)

#define LBPF_ARRAY_3(name, V, size)                                                                \
    LBPF_DECLARE_MAP(name, LBPF_ARRAY, int, V, size, 0);                                           \
    LBPF_KEYED_TABLE(name, LBPF_ARRAY, int, V)
#define LBPF_ARRAY_2(name, V) LBPF_ARRAY_3(name, V, 10240)
#define LBPF_ARRAY_1(name) LBPF_ARRAY_2(name, u64)
/* BPF_ARRAY(name[, leaf type = u64[, entries = 10240]]) */
#define BPF_ARRAY(...)                                                                             \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , , LBPF_ARRAY_3, LBPF_ARRAY_2, LBPF_ARRAY_1, )     \
    (__VA_ARGS__)

#define LBPF_PERCPU_ARRAY_3(name, V, size)                                                         \
    LBPF_DECLARE_MAP(name, LBPF_PERCPU_ARRAY, int, V, size, 0);                                    \
    LBPF_KEYED_TABLE(name, LBPF_PERCPU_ARRAY, int, V)
#define LBPF_PERCPU_ARRAY_2(name, V) LBPF_PERCPU_ARRAY_3(name, V, 10240)
#define LBPF_PERCPU_ARRAY_1(name) LBPF_PERCPU_ARRAY_2(name, u64)
/* BPF_PERCPU_ARRAY(name[, leaf type = u64[, entries = 10240]]) */
#define BPF_PERCPU_ARRAY(...)                                                                      \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , , LBPF_PERCPU_ARRAY_3, LBPF_PERCPU_ARRAY_2,       \
              LBPF_PERCPU_ARRAY_1, )                                                               \
    (__VA_ARGS__)

/* A histogram over int is an array, over anything else a hash. */
#define LBPF_HISTOGRAM_TYPE(K) (__builtin_types_compatible_p(K, int) ? LBPF_ARRAY : LBPF_HASH)
#define LBPF_HISTOGRAM_3(name, K, size)                                                            \
    LBPF_DECLARE_MAP(name, LBPF_HISTOGRAM_TYPE(K), K, u64, size, 0);                               \
    LBPF_KEYED_TABLE(name, LBPF_HISTOGRAM_TYPE(K), K, u64)
#define LBPF_HISTOGRAM_2(name, K) LBPF_HISTOGRAM_3(name, K, 64)
#define LBPF_HISTOGRAM_1(name) LBPF_HISTOGRAM_2(name, int)
/* BPF_HISTOGRAM(name[, key type = int[, entries = 64]]) */
#define BPF_HISTOGRAM(...)                                                                         \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , , LBPF_HISTOGRAM_3, LBPF_HISTOGRAM_2,             \
              LBPF_HISTOGRAM_1, )                                                                  \
    (__VA_ARGS__)

#define LBPF_LPM_TRIE_4(name, K, V, size)                                                          \
    LBPF_DECLARE_MAP(name, LBPF_LPM_TRIE, K, V, size, 1 /* BPF_F_NO_PREALLOC */);                  \
    LBPF_KEYED_TABLE(name, LBPF_LPM_TRIE, K, V)
#define LBPF_LPM_TRIE_3(name, K, V) LBPF_LPM_TRIE_4(name, K, V, 10240)
#define LBPF_LPM_TRIE_2(name, K) LBPF_LPM_TRIE_3(name, K, u64)
#define LBPF_LPM_TRIE_1(name) LBPF_LPM_TRIE_2(name, u64)
/* BPF_LPM_TRIE(name[, key type = u64[, leaf type = u64[, entries = 10240]]]) */
#define BPF_LPM_TRIE(...)                                                                          \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , LBPF_LPM_TRIE_4, LBPF_LPM_TRIE_3,                 \
              LBPF_LPM_TRIE_2, LBPF_LPM_TRIE_1, )(__VA_ARGS__)

#define BPF_MAX_STACK_DEPTH 127
struct bpf_stacktrace {
    u64 ip[BPF_MAX_STACK_DEPTH];
};

/* BPF_STACK_TRACE(name, entries): entries are rounded up to a power of two */
#define BPF_STACK_TRACE(name, size)                                                                \
    LBPF_DECLARE_MAP(name, LBPF_STACK_TRACE, u32, struct bpf_stacktrace,                           \
                     LBPF_NEXT_POWER_OF_2(size), 0);                                               \
    LBPF_INLINE int name##__get_stackid(void *context, u64 flags)                                  \
    {                                                                                              \
        return bpf_get_stackid(context, &__lbpf_map_##name, flags);                                \
    }                                                                                              \
    LBPF_INLINE struct bpf_stacktrace *name##__lookup(const u32 *key)                              \
    {                                                                                              \
        return bpf_map_lookup_elem(&__lbpf_map_##name, key);                                       \
    }                                                                                              \
    LBPF_INLINE int name##__delete(const u32 *key)                                                 \
    {                                                                                              \
        return bpf_map_delete_elem(&__lbpf_map_##name, key);                                       \
    }                                                                                              \
    struct name##_methods {                                                                        \
        int (*get_stackid)(void *, u64);                                                           \
        struct bpf_stacktrace *(*lookup)(const u32 *);                                             \
        int (*delete)(const u32 *);                                                                \
    };                                                                                             \
    static const struct name##_methods name __attribute__((unused)) = {                            \
        name##__get_stackid, name##__lookup, name##__delete}

#define BPF_PROG_ARRAY(name, size)                                                                 \
    LBPF_DECLARE_MAP(name, LBPF_PROG_ARRAY, u32, u32, size, 0);                                    \
    LBPF_INLINE void name##__call(void *context, int index)                                        \
    {                                                                                              \
        bpf_tail_call(context, &__lbpf_map_##name, index);                                         \
    }                                                                                              \
    struct name##_methods {                                                                        \
        void (*call)(void *, int);                                                                 \
    };                                                                                             \
    static const struct name##_methods name __attribute__((unused)) = {name##__call}

/* The last argument of perf_submit, ringbuf_output and ringbuf_submit notes the C type of what is
 * sent, for t:event() and event callbacks. The macros add it when the arguments can be told apart;
 * a compound literal with commas in braces goes without. */
#define CUR_CPU_IDENTIFIER 0xffffffffULL /* BPF_F_CURRENT_CPU */

#define BPF_PERF_OUTPUT(name)                                                                      \
    struct {                                                                                       \
        __uint(type, LBPF_PERF_EVENT_ARRAY);                                                       \
        __uint(key_size, 4);                                                                       \
        __uint(value_size, 4);                                                                     \
    } __lbpf_map_##name SEC(".maps");                                                              \
    LBPF_INLINE int name##__perf_submit(void *context, void *data, u32 size, u32 type)             \
    {                                                                                              \
        return bpf_perf_event_output(context, &__lbpf_map_##name, CUR_CPU_IDENTIFIER, data, size); \
    }                                                                                              \
    LBPF_INLINE int name##__perf_submit_skb(void *skb, u32 length, void *data, u32 size)           \
    {                                                                                              \
        return bpf_perf_event_output(skb, &__lbpf_map_##name,                                      \
                                     (u64)length << 32 | CUR_CPU_IDENTIFIER, data, size);          \
    }                                                                                              \
    struct name##_methods {                                                                        \
        int (*perf_submit)(void *, void *, u32, ...);                                              \
        int (*perf_submit_skb)(void *, u32, void *, u32);                                          \
    };                                                                                             \
    static const struct name##_methods name __attribute__((unused)) = {                            \
        (int (*)(void *, void *, u32, ...))name##__perf_submit, name##__perf_submit_skb}

#define LBPF_SUBMIT_PLAIN(...) perf_submit(__VA_ARGS__)
#define LBPF_SUBMIT_TYPED(context, data, size)                                                     \
    perf_submit(context, data, size, __builtin_btf_type_id(data, 0))
#define perf_submit(...)                                                                           \
    LBPF_PICK(__VA_ARGS__, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN,                \
              LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN,          \
              LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN,          \
              LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_TYPED, LBPF_SUBMIT_PLAIN, LBPF_SUBMIT_PLAIN, )        \
    (__VA_ARGS__)

#define BPF_PERF_ARRAY(name, size)                                                                 \
    struct {                                                                                       \
        __uint(type, LBPF_PERF_EVENT_ARRAY);                                                       \
        __uint(max_entries, size);                                                                 \
        __uint(key_size, 4);                                                                       \
        __uint(value_size, 4);                                                                     \
    } __lbpf_map_##name SEC(".maps");                                                              \
    LBPF_INLINE u64 name##__perf_read(int index)                                                   \
    {                                                                                              \
        return bpf_perf_event_read(&__lbpf_map_##name, index);                                     \
    }                                                                                              \
    LBPF_INLINE int name##__perf_counter_value(int index, void *buffer, u32 size)                  \
    {                                                                                              \
        return bpf_perf_event_read_value(&__lbpf_map_##name, index, buffer, size);                 \
    }                                                                                              \
    struct name##_methods {                                                                        \
        u64 (*perf_read)(int);                                                                     \
        int (*perf_counter_value)(int, void *, u32);                                               \
    };                                                                                             \
    static const struct name##_methods name __attribute__((unused)) = {                            \
        name##__perf_read, name##__perf_counter_value}

/* BPF_RINGBUF_OUTPUT(name, pages): pages must be a power of two. What finds no room is counted in a hidden
 * per-CPU map, so that b:lost() is exact; the kernel itself keeps no such count. */
#define BPF_RINGBUF_OUTPUT(name, pages)                                                            \
    struct {                                                                                       \
        __uint(type, LBPF_RINGBUF);                                                                \
        __uint(max_entries, (pages) * LBPF_PAGE_SIZE);                                             \
    } __lbpf_map_##name SEC(".maps");                                                              \
    LBPF_DECLARE_MAP(__lbpf_lost_##name, LBPF_PERCPU_ARRAY, u32, u64, 1, 0);                       \
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
    struct name##_methods {                                                                        \
        int (*ringbuf_output)(void *, u64, u64, ...);                                              \
        void *(*ringbuf_reserve)(u64);                                                             \
        void (*ringbuf_submit)(void *, u64, ...);                                                  \
        void (*ringbuf_discard)(void *, u64);                                                      \
        u64 (*ringbuf_query)(u64);                                                                 \
    };                                                                                             \
    static const struct name##_methods name __attribute__((unused)) = {                            \
        (int (*)(void *, u64, u64, ...))name##__ringbuf_output, name##__ringbuf_reserve,           \
        (void (*)(void *, u64, ...))name##__ringbuf_submit, name##__ringbuf_discard,               \
        name##__ringbuf_query}

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

#define LBPF_QUEUE_TABLE(map_type, name, V, size, flags)                                           \
    struct {                                                                                       \
        __uint(type, map_type);                                                                    \
        __uint(max_entries, size);                                                                 \
        __uint(map_flags, flags);                                                                  \
        __type(value, V);                                                                          \
    } __lbpf_map_##name SEC(".maps");                                                              \
    LBPF_INLINE int name##__push(const typeof(V) *leaf, u64 push_flags)                            \
    {                                                                                              \
        return bpf_map_push_elem(&__lbpf_map_##name, leaf, push_flags);                            \
    }                                                                                              \
    LBPF_INLINE int name##__pop(typeof(V) *leaf)                                                   \
    {                                                                                              \
        return bpf_map_pop_elem(&__lbpf_map_##name, leaf);                                         \
    }                                                                                              \
    LBPF_INLINE int name##__peek(typeof(V) *leaf)                                                  \
    {                                                                                              \
        return bpf_map_peek_elem(&__lbpf_map_##name, leaf);                                        \
    }                                                                                              \
    struct name##_methods {                                                                        \
        int (*push)(const typeof(V) *, u64);                                                       \
        int (*pop)(typeof(V) *);                                                                   \
        int (*peek)(typeof(V) *);                                                                  \
    };                                                                                             \
    static const struct name##_methods name __attribute__((unused)) = {name##__push, name##__pop,  \
                                                                       name##__peek}
#define LBPF_QUEUE_3(name, V, size) LBPF_QUEUE_TABLE(LBPF_QUEUE, name, V, size, 0)
#define LBPF_QUEUE_4(name, V, size, flags) LBPF_QUEUE_TABLE(LBPF_QUEUE, name, V, size, flags)
#define LBPF_STACK_3(name, V, size) LBPF_QUEUE_TABLE(LBPF_STACK, name, V, size, 0)
#define LBPF_STACK_4(name, V, size, flags) LBPF_QUEUE_TABLE(LBPF_STACK, name, V, size, flags)
/* BPF_QUEUE(name, leaf type, entries[, flags]) and BPF_STACK, the same */
#define BPF_QUEUE(...)                                                                             \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , LBPF_QUEUE_4, LBPF_QUEUE_3, , , )(__VA_ARGS__)
#define BPF_STACK(...)                                                                             \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , LBPF_STACK_4, LBPF_STACK_3, , , )(__VA_ARGS__)
#define BPF_QUEUESTACK(type_name, name, V, size, flags)                                            \
    LBPF_QUEUE_TABLE(LBPF_TYPE_OF(type_name), name, V, size, flags)

#define BPF_CGROUP_ARRAY(name, size)                                                               \
    LBPF_DECLARE_MAP(name, LBPF_CGROUP_ARRAY, u32, u32, size, 0);                                  \
    LBPF_INLINE int name##__check_current_task(int index)                                          \
    {                                                                                              \
        return bpf_current_task_under_cgroup(&__lbpf_map_##name, index);                           \
    }                                                                                              \
    struct name##_methods {                                                                        \
        int (*check_current_task)(int);                                                            \
    };                                                                                             \
    static const struct name##_methods name __attribute__((unused)) = {name##__check_current_task}

#endif
