/*
 * One BPF map: facts about it and typed operations on raw bytes. Keys are key_size bytes; values
 * are lbpf_map_value_bytes() bytes, which for per-CPU maps is one slot of lbpf_map_slot_size()
 * bytes for each possible CPU.
 */
#ifndef LBPF_KERNEL_MAP_H
#define LBPF_KERNEL_MAP_H

#include "base/buffer.h"
#include "base/error.h"
#include "types/type.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

struct bpf_map;
struct lbpf_map {
    const char *name; /* lent by the object */
    int fd;           /* owned by the object */
    enum bpf_map_type type;
    uint32_t key_size, value_size, max_entries, flags;
    bool per_cpu;
    uint32_t cpu_count;                 /* possible CPUs for per-CPU maps, else 1 */
    const struct lbpf_type *key_type;   /* NULL when the program declares none */
    const struct lbpf_type *value_type; /* NULL when the program declares none */
    const struct lbpf_type
        *event_type;       /* what perf_submit, ringbuf_output or _submit sends; or NULL */
    struct lbpf_map *lost; /* hidden counter of events that found no room; or NULL */
    bool on_rings; /* a perf output that is an array of ring buffers, one for each possible CPU; its
                    * lost is one counter. type is that of a perf event array */
};

/* "hash", "ring buffer", … Static string. */
const char *lbpf_map_kind(const struct lbpf_map *map);
size_t
lbpf_map_slot_size(const struct lbpf_map *map); /* value_size, rounded up to 8 when per-CPU */
size_t lbpf_map_value_bytes(const struct lbpf_map *map); /* slot size × cpu_count */

/* 0, or -ENOENT without an error record when the key is absent, or -errno with one. */
int lbpf_map_lookup(const struct lbpf_map *map, const void *key, void *value,
                    struct lbpf_error *error);
/* bpf_flags: BPF_ANY, BPF_NOEXIST, BPF_EXIST. key is NULL for queues and stacks. */
int lbpf_map_update(const struct lbpf_map *map, const void *key, const void *value,
                    uint64_t bpf_flags, struct lbpf_error *error);
/* 0, or -ENOENT without an error record when the key is absent. */
int lbpf_map_delete(const struct lbpf_map *map, const void *key, struct lbpf_error *error);
/* The next leaf of a queue or stack, removed or left there. 0, or -ENOENT without an error record
 * when there is none. */
int lbpf_map_pop(const struct lbpf_map *map, void *value, struct lbpf_error *error);
int lbpf_map_peek(const struct lbpf_map *map, void *value, struct lbpf_error *error);
/* Next key after key (NULL: the first). 0, or -ENOENT at the end without an error record. */
int lbpf_map_next_key(const struct lbpf_map *map, const void *key, void *next,
                      struct lbpf_error *error);

/* Stores, or deletes, count elements with one call where the kernel has it for the kind (5.6). Keys
 * that are not there are no failure of a deletion; a failed update leaves what was stored before.
 */
int lbpf_map_update_many(const struct lbpf_map *map, const void *keys, const void *values,
                         uint32_t count, struct lbpf_error *error);
int lbpf_map_delete_many(const struct lbpf_map *map, const void *keys, uint32_t count,
                         struct lbpf_error *error);

/*
 * Reads the whole map: appends count keys and count values. Uses the batch calls where the kernel
 * has them (5.6), else one look-up per key; keys that vanish meanwhile are skipped, no key comes
 * twice, and a map that the kernel keeps filling ends the walk after max_entries keys. remove:
 * delete what was read.
 */
int lbpf_map_read_all(const struct lbpf_map *map, bool remove, struct lbpf_buffer *keys,
                      struct lbpf_buffer *values, size_t *count, struct lbpf_error *error);

/* Deletes every key, or leaf of a queue (arrays: writes zeros; stack traces too are emptied). */
int lbpf_map_clear(const struct lbpf_map *map, struct lbpf_error *error);
/* Writes zeros to every value that is there. */
int lbpf_map_zero(const struct lbpf_map *map, struct lbpf_error *error);

#endif
