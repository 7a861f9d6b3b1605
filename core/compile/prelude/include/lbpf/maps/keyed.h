/* Tables with keys and leaves: hashes, arrays, histograms, tries. */
#ifndef LBPF_MAPS_KEYED_H
#define LBPF_MAPS_KEYED_H

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

/* Ends the program, or the subprogram that it is inlined in, with result 0: what lookup_or_init
 * does when there is no room left. */
#define LBPF_RETURN_0()                                                                            \
    do {                                                                                           \
        asm volatile("r0 = 0\n\texit" ::: "r0", "memory");                                         \
        __builtin_unreachable();                                                                   \
    } while (0)

/* An address that is computed once and then kept in a register, where LLVM would compute it anew,
 * in two instructions, for each use. */
#define LBPF_KEEP(address)                                                                         \
    ({                                                                                             \
        void *kept_ = (void *)(address);                                                           \
        asm("" : "+r"(kept_));                                                                     \
        kept_;                                                                                     \
    })

/* Methods with `...` in their type take optional arguments, which the plugin fills in. */
#define LBPF_KEYED_FUNCTIONS(name, map_type, K, V)                                                 \
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
    /* Looks again, as another CPU may have made it: no count is lost. */                          \
    LBPF_OUTLINE void *__lbpf_make_##name(void *map, const void *key)                              \
    {                                                                                              \
        typeof(V) zero;                                                                            \
        __builtin_memset(&zero, 0, sizeof zero);                                                   \
        bpf_map_update_elem(map, key, &zero, LBPF_NOEXIST);                                        \
        return bpf_map_lookup_elem(map, key);                                                      \
    }                                                                                              \
    LBPF_OUTLINE void __lbpf_add_##name(const void *key, u64 value)                                \
    {                                                                                              \
        void *map = LBPF_KEEP(&__lbpf_map_##name), *at = LBPF_KEEP(key);                           \
        void *found = bpf_map_lookup_elem(map, at);                                                \
        if (!found)                                                                                \
            found = __lbpf_make_##name(map, at);                                                   \
        if (found)                                                                                 \
            lbpf_add(found, sizeof(V), value, !LBPF_IS_PER_CPU(map_type));                         \
    }                                                                                              \
    LBPF_INLINE void name##__increment(typeof(K) key, u64 value)                                   \
    {                                                                                              \
        if (LBPF_IS_HASH(map_type)) {                                                              \
            __lbpf_add_##name(&key, value);                                                        \
        } else {                                                                                   \
            void *found = bpf_map_lookup_elem(&__lbpf_map_##name, &key);                           \
            if (found)                                                                             \
                lbpf_add(found, sizeof(V), value, !LBPF_IS_PER_CPU(map_type));                     \
        }                                                                                          \
    }

#define LBPF_KIND_keyed(name, map_type, K, V)                                                      \
    LBPF_KEYED_FUNCTIONS(name, map_type, K, V)                                                     \
    struct name##_keyed_methods {                                                                  \
        typeof(V) *(*lookup)(const typeof(K) *);                                                   \
        typeof(V) *(*lookup_or_try_init)(const typeof(K) *, const typeof(V) *);                    \
        typeof(V) *(*lookup_or_init)(const typeof(K) *, const typeof(V) *);                        \
        int (*update)(const typeof(K) *, const typeof(V) *);                                       \
        int (*insert)(const typeof(K) *, const typeof(V) *);                                       \
        int (*delete)(const typeof(K) *);                                                          \
        void (*increment)(typeof(K), ...);                                                         \
        void (*atomic_increment)(typeof(K), ...);                                                  \
    }
#define LBPF_INIT_keyed(name)                                                                      \
    {name##__lookup,                                                                               \
     name##__lookup_or_try_init,                                                                   \
     name##__lookup_or_init,                                                                       \
     name##__update,                                                                               \
     name##__insert,                                                                               \
     name##__delete,                                                                               \
     (void *)name##__increment,                                                                    \
     (void *)name##__increment}

#define LBPF_KEYED_TABLE(name, map_type, K, V, size, flags)                                        \
    LBPF_DECLARE_MAP(name, map_type, K, V, size, flags);                                           \
    LBPF_KIND_keyed(name, map_type, K, V);                                                         \
    LBPF_OBJECT(name, keyed)

#define LBPF_HASH_4(name, K, V, size) LBPF_KEYED_TABLE(name, LBPF_HASH, K, V, size, 0)
#define LBPF_HASH_3(name, K, V)       LBPF_HASH_4(name, K, V, 10240)
#define LBPF_HASH_2(name, K)          LBPF_HASH_3(name, K, u64)
#define LBPF_HASH_1(name)             LBPF_HASH_2(name, u64)
/* BPF_HASH(name[, key type = u64[, leaf type = u64[, entries = 10240]]]) */
#define BPF_HASH(...)                                                                              \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , LBPF_HASH_4, LBPF_HASH_3, LBPF_HASH_2,            \
              LBPF_HASH_1, )(__VA_ARGS__)

#define LBPF_PERCPU_HASH_4(name, K, V, size) LBPF_KEYED_TABLE(name, LBPF_PERCPU_HASH, K, V, size, 0)
#define LBPF_PERCPU_HASH_3(name, K, V)       LBPF_PERCPU_HASH_4(name, K, V, 10240)
#define LBPF_PERCPU_HASH_2(name, K)          LBPF_PERCPU_HASH_3(name, K, u64)
#define LBPF_PERCPU_HASH_1(name)             LBPF_PERCPU_HASH_2(name, u64)
/* BPF_PERCPU_HASH(name[, key type = u64[, leaf type = u64[, entries = 10240]]]) */
#define BPF_PERCPU_HASH(...)                                                                       \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , LBPF_PERCPU_HASH_4, LBPF_PERCPU_HASH_3,           \
              LBPF_PERCPU_HASH_2, LBPF_PERCPU_HASH_1, )(__VA_ARGS__)

#define LBPF_ARRAY_3(name, V, size) LBPF_KEYED_TABLE(name, LBPF_ARRAY, int, V, size, 0)
#define LBPF_ARRAY_2(name, V)       LBPF_ARRAY_3(name, V, 10240)
#define LBPF_ARRAY_1(name)          LBPF_ARRAY_2(name, u64)
/* BPF_ARRAY(name[, leaf type = u64[, entries = 10240]]) */
#define BPF_ARRAY(...)                                                                             \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , , LBPF_ARRAY_3, LBPF_ARRAY_2, LBPF_ARRAY_1, )     \
    (__VA_ARGS__)

#define LBPF_PERCPU_ARRAY_3(name, V, size)                                                         \
    LBPF_KEYED_TABLE(name, LBPF_PERCPU_ARRAY, int, V, size, 0)
#define LBPF_PERCPU_ARRAY_2(name, V) LBPF_PERCPU_ARRAY_3(name, V, 10240)
#define LBPF_PERCPU_ARRAY_1(name)    LBPF_PERCPU_ARRAY_2(name, u64)
/* BPF_PERCPU_ARRAY(name[, leaf type = u64[, entries = 10240]]) */
#define BPF_PERCPU_ARRAY(...)                                                                      \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , , LBPF_PERCPU_ARRAY_3, LBPF_PERCPU_ARRAY_2,       \
              LBPF_PERCPU_ARRAY_1, )                                                               \
    (__VA_ARGS__)

/* A histogram over int is an array, over anything else a hash. */
#define LBPF_HISTOGRAM_TYPE(K) (__builtin_types_compatible_p(K, int) ? LBPF_ARRAY : LBPF_HASH)
#define LBPF_HISTOGRAM_3(name, K, size)                                                            \
    LBPF_KEYED_TABLE(name, LBPF_HISTOGRAM_TYPE(K), K, u64, size, 0)
#define LBPF_HISTOGRAM_2(name, K) LBPF_HISTOGRAM_3(name, K, 64)
#define LBPF_HISTOGRAM_1(name)    LBPF_HISTOGRAM_2(name, int)
/* BPF_HISTOGRAM(name[, key type = int[, entries = 64]]) */
#define BPF_HISTOGRAM(...)                                                                         \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , , LBPF_HISTOGRAM_3, LBPF_HISTOGRAM_2,             \
              LBPF_HISTOGRAM_1, )                                                                  \
    (__VA_ARGS__)

#define LBPF_LPM_TRIE_4(name, K, V, size)                                                          \
    LBPF_KEYED_TABLE(name, LBPF_LPM_TRIE, K, V, size, LBPF_NO_PREALLOC)
#define LBPF_LPM_TRIE_3(name, K, V) LBPF_LPM_TRIE_4(name, K, V, 10240)
#define LBPF_LPM_TRIE_2(name, K)    LBPF_LPM_TRIE_3(name, K, u64)
#define LBPF_LPM_TRIE_1(name)       LBPF_LPM_TRIE_2(name, u64)
/* BPF_LPM_TRIE(name[, key type = u64[, leaf type = u64[, entries = 10240]]]) */
#define BPF_LPM_TRIE(...)                                                                          \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , LBPF_LPM_TRIE_4, LBPF_LPM_TRIE_3,                 \
              LBPF_LPM_TRIE_2, LBPF_LPM_TRIE_1, )(__VA_ARGS__)

#endif
