/*
 * Tables. BPF_HASH(counts, u32, u64) declares
 *   - the map __lbpf_map_counts, as libbpf reads it from .maps (the plugin renames it to counts);
 *   - inline functions counts__lookup, counts__update, … with the table's own key and leaf types;
 *   - a constant struct counts that holds them, so that counts.lookup(&key) is plain C, checked by
 *     clang. Its type is struct counts_KIND_methods: an error about it names kind and table.
 * LLVM folds the struct away; nothing of it is left in the object.
 *
 * Each kind of table is three macros: LBPF_KIND_x defines functions and struct, LBPF_INIT_x fills
 * the struct, LBPF_OBJECT makes the constant. BPF_TABLE (maps/table.h) chooses among all of them by
 * its type string. Hints about unknown methods read the lists from these very files.
 *
 * Flags and map types are written as numbers: the kernel's enums may come from BTF or not.
 */
#ifndef LBPF_MAPS_H
#define LBPF_MAPS_H

/* enum bpf_map_type */
#define LBPF_HASH                  1
#define LBPF_ARRAY                 2
#define LBPF_PROG_ARRAY            3
#define LBPF_PERF_EVENT_ARRAY      4
#define LBPF_PERCPU_HASH           5
#define LBPF_PERCPU_ARRAY          6
#define LBPF_STACK_TRACE           7
#define LBPF_CGROUP_ARRAY          8
#define LBPF_LRU_HASH              9
#define LBPF_LRU_PERCPU_HASH       10
#define LBPF_LPM_TRIE              11
#define LBPF_ARRAY_OF_MAPS         12
#define LBPF_HASH_OF_MAPS          13
#define LBPF_DEVMAP                14
#define LBPF_SOCKMAP               15
#define LBPF_CPUMAP                16
#define LBPF_XSKMAP                17
#define LBPF_SOCKHASH              18
#define LBPF_CGROUP_STORAGE        19
#define LBPF_PERCPU_CGROUP_STORAGE 21
#define LBPF_QUEUE                 22
#define LBPF_STACK                 23
#define LBPF_SK_STORAGE            24
#define LBPF_RINGBUF               27
#define LBPF_INODE_STORAGE         28
#define LBPF_TASK_STORAGE          29

/* Kinds whose elements come and go; others are all there from the start. */
#define LBPF_IS_HASH(type)                                                                         \
    ((type) == LBPF_HASH || (type) == LBPF_PERCPU_HASH || (type) == LBPF_LRU_HASH ||               \
     (type) == LBPF_LRU_PERCPU_HASH)
#define LBPF_IS_PER_CPU(type)                                                                      \
    ((type) == LBPF_PERCPU_HASH || (type) == LBPF_PERCPU_ARRAY || (type) == LBPF_LRU_PERCPU_HASH)

/* Flags of update, and of maps. */
enum {
    LBPF_ANY = 0,
    LBPF_NOEXIST = 1,
    LBPF_NO_PREALLOC = 1,
    LBPF_STACK_BUILD_ID = 32,
    LBPF_MMAPABLE = 1024,
};
/* … of ring buffers. */
enum { LBPF_RB_AVAIL_DATA = 0, LBPF_RB_FORCE_WAKEUP = 2 };

#define LBPF_NEXT_POWER_OF_2(n) ((n) <= 1 ? 1 : 1u << (32 - __builtin_clz((unsigned)(n) - 1)))

#define LBPF_DECLARE_MAP(name, map_type, K, V, size, flags)                                        \
    _Static_assert(sizeof(K) > 0, "the key type of table " #name " has no bytes");                 \
    _Static_assert(sizeof(V) > 0, "the leaf type of table " #name " has no bytes");                \
    struct {                                                                                       \
        __uint(type, map_type);                                                                    \
        __uint(max_entries, size);                                                                 \
        __uint(map_flags, flags);                                                                  \
        __type(key, K);                                                                            \
        __type(value, V);                                                                          \
    } __lbpf_map_##name SEC(".maps")

#define LBPF_OBJECT(name, kind)                                                                    \
    static const struct name##_##kind##_methods name __attribute__((unused)) =                     \
        LBPF_INIT_##kind(name)

/* What libbpf's map definitions have no word for is noted as text: "TABLE WORD REST". The loader
 * reads it (core/kernel/sharing.c). */
#define LBPF_NOTE(name, word, rest)                                                                \
    static const char __lbpf_note_##word##_##name[]                                                \
        __attribute__((section(".lbpf.tables"), used, nodebug)) = #name " " #word " " rest
#define LBPF_PUBLISH(name)   LBPF_NOTE(name, public, "")
#define LBPF_PIN(name, path) LBPF_NOTE(name, pinned, path)

/* Names the key and leaf types of a map for tools that read BTF; ours has them already. */
#define BPF_ANNOTATE_KV_PAIR(name, K, V)         _Static_assert(sizeof(K) && sizeof(V), "")
#define BPF_ANNOTATE_KV_PAIR_QUEUESTACK(name, V) _Static_assert(sizeof(V), "")

#include <lbpf/maps/keyed.h>
#include <lbpf/maps/nested.h>
#include <lbpf/maps/network.h>
#include <lbpf/maps/output.h>
#include <lbpf/maps/queue.h>
#include <lbpf/maps/storage.h>
#include <lbpf/maps/table.h>
#include <lbpf/maps/tracing.h>

#endif
