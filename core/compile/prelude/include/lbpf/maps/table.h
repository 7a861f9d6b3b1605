/*
 * BPF_TABLE("type", K, V, name, entries) and its relatives. C can compare the type string while it
 * compiles and choose a type by the result, so a table has exactly the methods of its kind: another
 * one is an error of clang's. An "extern" table may be of any kind, and has what BCC gives it.
 */
#ifndef LBPF_MAPS_TABLE_H
#define LBPF_MAPS_TABLE_H

/* Types that share a kernel type with another kind: the low byte is the kernel's. */
#define LBPF_PERF_OUTPUT (0x100 | LBPF_PERF_EVENT_ARRAY)
#define LBPF_EXTERN      (0x100 | LBPF_HASH)

/* BCC's name of a map type; -1 for what it is not. */
#define LBPF_TYPE_OF(name, K)                                                                      \
    (__builtin_strcmp(name, "hash") == 0                    ? LBPF_HASH                            \
     : __builtin_strcmp(name, "array") == 0                 ? LBPF_ARRAY                           \
     : __builtin_strcmp(name, "histogram") == 0             ? LBPF_HISTOGRAM_TYPE(K)               \
     : __builtin_strcmp(name, "prog") == 0                  ? LBPF_PROG_ARRAY                      \
     : __builtin_strcmp(name, "perf_array") == 0            ? LBPF_PERF_EVENT_ARRAY                \
     : __builtin_strcmp(name, "perf_output") == 0           ? LBPF_PERF_OUTPUT                     \
     : __builtin_strcmp(name, "percpu_hash") == 0           ? LBPF_PERCPU_HASH                     \
     : __builtin_strcmp(name, "percpu_array") == 0          ? LBPF_PERCPU_ARRAY                    \
     : __builtin_strcmp(name, "stacktrace") == 0            ? LBPF_STACK_TRACE                     \
     : __builtin_strcmp(name, "cgroup_array") == 0          ? LBPF_CGROUP_ARRAY                    \
     : __builtin_strcmp(name, "lru_hash") == 0              ? LBPF_LRU_HASH                        \
     : __builtin_strcmp(name, "lru_percpu_hash") == 0       ? LBPF_LRU_PERCPU_HASH                 \
     : __builtin_strcmp(name, "lpm_trie") == 0              ? LBPF_LPM_TRIE                        \
     : __builtin_strncmp(name, "array_of_maps$", 14) == 0   ? LBPF_ARRAY_OF_MAPS                   \
     : __builtin_strncmp(name, "hash_of_maps$", 13) == 0    ? LBPF_HASH_OF_MAPS                    \
     : __builtin_strcmp(name, "devmap") == 0                ? LBPF_DEVMAP                          \
     : __builtin_strcmp(name, "cpumap") == 0                ? LBPF_CPUMAP                          \
     : __builtin_strcmp(name, "xskmap") == 0                ? LBPF_XSKMAP                          \
     : __builtin_strcmp(name, "sockmap") == 0               ? LBPF_SOCKMAP                         \
     : __builtin_strcmp(name, "sockhash") == 0              ? LBPF_SOCKHASH                        \
     : __builtin_strcmp(name, "sk_storage") == 0            ? LBPF_SK_STORAGE                      \
     : __builtin_strcmp(name, "inode_storage") == 0         ? LBPF_INODE_STORAGE                   \
     : __builtin_strcmp(name, "task_storage") == 0          ? LBPF_TASK_STORAGE                    \
     : __builtin_strcmp(name, "cgroup_storage") == 0        ? LBPF_CGROUP_STORAGE                  \
     : __builtin_strcmp(name, "percpu_cgroup_storage") == 0 ? LBPF_PERCPU_CGROUP_STORAGE           \
     : __builtin_strcmp(name, "extern") == 0                ? LBPF_EXTERN                          \
                                                            : -1)
#define LBPF_CHECK_TYPE(type_name, V, name)                                                        \
    _Static_assert(                                                                                \
        __lbpf_type_##name > 0,                                                                    \
        "BPF_TABLE has no type \"" type_name                                                       \
        "\": it takes hash, array, histogram, percpu_hash, percpu_array, lru_hash, "               \
        "lru_percpu_hash, lpm_trie, prog, perf_output, perf_array, stacktrace, cgroup_array, "     \
        "hash_of_maps$TABLE, array_of_maps$TABLE, devmap, cpumap, xskmap, sockmap, sockhash, "     \
        "sk_storage, inode_storage, task_storage, cgroup_storage, percpu_cgroup_storage, "         \
        "extern; for others see BPF_QUEUE, BPF_STACK, BPF_RINGBUF_OUTPUT");                        \
    _Static_assert(__lbpf_type_##name <= 0 || __builtin_strcmp(type_name, "histogram") ||          \
                       sizeof(V) == 8,                                                             \
                   "histogram leaf type must be u64, in table " #name)

#define LBPF_IS_STORAGE(type)                                                                      \
    ((type) == LBPF_SK_STORAGE || (type) == LBPF_INODE_STORAGE || (type) == LBPF_TASK_STORAGE)
#define LBPF_IS_LOCAL(type) ((type) == LBPF_CGROUP_STORAGE || (type) == LBPF_PERCPU_CGROUP_STORAGE)
/* Without this flag the kernel refuses these types. */
#define LBPF_NEEDED_FLAGS(type)                                                                    \
    (LBPF_IS_STORAGE(type) || (type) == LBPF_LPM_TRIE ? LBPF_NO_PREALLOC : 0)

/* increment makes the element in any extern table that it is not in: an array refuses that. */
#define LBPF_KIND_extern(name, K, V)                                                               \
    struct name##_extern_methods {                                                                 \
        typeof(V) *(*lookup)(const typeof(K) *);                                                   \
        typeof(V) *(*lookup_or_try_init)(const typeof(K) *, const typeof(V) *);                    \
        typeof(V) *(*lookup_or_init)(const typeof(K) *, const typeof(V) *);                        \
        int (*update)(const typeof(K) *, const typeof(V) *);                                       \
        int (*insert)(const typeof(K) *, const typeof(V) *);                                       \
        int (*delete)(const typeof(K) *);                                                          \
        void (*increment)(typeof(K), ...);                                                         \
        void (*atomic_increment)(typeof(K), ...);                                                  \
        void (*call)(void *, int);                                                                 \
        int (*get_stackid)(void *, u64);                                                           \
        int (*perf_submit)(void *, void *, u32, ...);                                              \
    }
#define LBPF_INIT_extern(name)                                                                     \
    {name##__lookup,                                                                               \
     name##__lookup_or_try_init,                                                                   \
     name##__lookup_or_init,                                                                       \
     name##__update,                                                                               \
     name##__insert,                                                                               \
     name##__delete,                                                                               \
     (void *)name##__increment,                                                                    \
     (void *)name##__increment,                                                                    \
     name##__call,                                                                                 \
     name##__get_stackid,                                                                          \
     (void *)name##__perf_submit}

#define LBPF_ALL_KINDS(name, map_type, K, V)                                                       \
    LBPF_KIND_keyed(name, map_type, K, V);                                                         \
    LBPF_KIND_stacktrace(name);                                                                    \
    LBPF_KIND_program(name);                                                                       \
    LBPF_KIND_counter(name);                                                                       \
    LBPF_KIND_output(name);                                                                        \
    LBPF_KIND_cgroup(name);                                                                        \
    LBPF_KIND_nested(name, K);                                                                     \
    LBPF_KIND_redirect(name);                                                                      \
    LBPF_KIND_xsk(name);                                                                           \
    LBPF_SOCKET_FUNCTIONS(name, K)                                                                 \
    LBPF_KIND_sockmap(name, K);                                                                    \
    LBPF_KIND_sockhash(name, K);                                                                   \
    LBPF_KIND_sk(name, V);                                                                         \
    LBPF_KIND_inode(name, V);                                                                      \
    LBPF_KIND_task(name, V);                                                                       \
    LBPF_KIND_local(name, V);                                                                      \
    LBPF_KIND_extern(name, K, V)

/* as(name, kind) of the kind that goes with a type. */
#define LBPF_CHOOSE_KIND(type, name, as)                                                           \
    LBPF_IF(type == LBPF_STACK_TRACE, as(name, stacktrace))                                        \
    LBPF_IF(type == LBPF_PROG_ARRAY, as(name, program))                                            \
    LBPF_IF(type == LBPF_PERF_EVENT_ARRAY, as(name, counter))                                      \
    LBPF_IF(type == LBPF_PERF_OUTPUT, as(name, output))                                            \
    LBPF_IF(type == LBPF_CGROUP_ARRAY, as(name, cgroup))                                           \
    LBPF_IF(type == LBPF_ARRAY_OF_MAPS || type == LBPF_HASH_OF_MAPS, as(name, nested))             \
    LBPF_IF(type == LBPF_DEVMAP || type == LBPF_CPUMAP, as(name, redirect))                        \
    LBPF_IF(type == LBPF_XSKMAP, as(name, xsk))                                                    \
    LBPF_IF(type == LBPF_SOCKMAP, as(name, sockmap))                                               \
    LBPF_IF(type == LBPF_SOCKHASH, as(name, sockhash))                                             \
    LBPF_IF(type == LBPF_SK_STORAGE, as(name, sk))                                                 \
    LBPF_IF(type == LBPF_INODE_STORAGE, as(name, inode))                                           \
    LBPF_IF(type == LBPF_TASK_STORAGE, as(name, task))                                             \
    LBPF_IF(LBPF_IS_LOCAL(type), as(name, local))                                                  \
    LBPF_IF(type == LBPF_EXTERN, as(name, extern)) as(name, keyed))))))))))))))))
#define LBPF_IF(condition, chosen) __builtin_choose_expr(condition, chosen,
#define LBPF_AS_POINTER(name, kind) (struct name##_##kind##_methods *)0
#define LBPF_AS_VALUE(name, kind)   ((struct name##_##kind##_methods)LBPF_INIT_##kind(name))

/* BPF_F_TABLE("type", key type, leaf type, name, entries, flags) */
#define BPF_F_TABLE(type_name, K, V, name, size, flags)                                            \
    enum { __lbpf_type_##name = LBPF_TYPE_OF(type_name, K) };                                      \
    LBPF_CHECK_TYPE(type_name, V, name);                                                           \
    LBPF_NOTE(name, type, type_name);                                                              \
    LBPF_DECLARE_MAP(                                                                              \
        name, __lbpf_type_##name & 0xff, K, V,                                                     \
        (LBPF_IS_STORAGE(__lbpf_type_##name) || LBPF_IS_LOCAL(__lbpf_type_##name) ? 0 : (size)),   \
        (flags) | LBPF_NEEDED_FLAGS(__lbpf_type_##name));                                          \
    LBPF_ALL_KINDS(name, __lbpf_type_##name & 0xff, K, V);                                         \
    static const typeof(*LBPF_CHOOSE_KIND(__lbpf_type_##name, name, LBPF_AS_POINTER)) name         \
        __attribute__((unused)) = LBPF_CHOOSE_KIND(__lbpf_type_##name, name, LBPF_AS_VALUE)
#define BPF_TABLE(type_name, K, V, name, size) BPF_F_TABLE(type_name, K, V, name, size, 0)

/* A table that other BPF objects of this process reach as BPF_TABLE("extern", K, V, name, 0). */
#define BPF_TABLE_PUBLIC(type_name, K, V, name, size)                                              \
    BPF_F_TABLE(type_name, K, V, name, size, 0);                                                   \
    LBPF_PUBLISH(name)
/* The same: BCC shares these only within a name space, which its Python side never names. */
#define LBPF_SHARED_6(type_name, K, V, name, size, flags)                                          \
    BPF_F_TABLE(type_name, K, V, name, size, flags);                                               \
    LBPF_PUBLISH(name)
#define LBPF_SHARED_5(type_name, K, V, name, size) LBPF_SHARED_6(type_name, K, V, name, size, 0)
/* BPF_TABLE_SHARED("type", key type, leaf type, name, entries[, flags]) */
#define BPF_TABLE_SHARED(...)                                                                      \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , LBPF_SHARED_6, LBPF_SHARED_5, , , , )(__VA_ARGS__)

#define LBPF_PINNED_7(type_name, K, V, name, size, path, flags)                                    \
    BPF_F_TABLE(type_name, K, V, name, size, flags);                                               \
    LBPF_PIN(name, path)
#define LBPF_PINNED_6(type_name, K, V, name, size, path)                                           \
    LBPF_PINNED_7(type_name, K, V, name, size, path, 0)
/* BPF_TABLE_PINNED("type", key type, leaf type, name, entries, path[, flags]): the path is on a BPF
 * file system */
#define BPF_TABLE_PINNED(...)                                                                      \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , LBPF_PINNED_7, LBPF_PINNED_6, , , , , )(__VA_ARGS__)

#endif
