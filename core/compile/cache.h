/*
 * Compiled objects kept on disk, one file per program: $LUABPF_CACHE, else $XDG_CACHE_HOME/luabpf,
 * else
 * ~/.cache/luabpf; owner-only. A file holds the whole key (everything the object depends on) before
 * the object, and a reader compares all of it: two programs can never be mistaken for each other.
 * Files are written aside and renamed; one that another user owns or can write is not read.
 * LUABPF_CACHE="" (empty) turns the cache off.
 */
#ifndef LBPF_COMPILE_CACHE_H
#define LBPF_COMPILE_CACHE_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends the object kept under key and returns true, or returns false: absent, unsafe or damaged.
 */
bool lbpf_cache_read(const void *key, size_t key_size, struct lbpf_buffer *object);

/* Keeps object under key. Failure (full disk, no permission) is silent by contract, and leaves no
 * partial file. */
void lbpf_cache_write(const void *key, size_t key_size, const void *object, size_t object_size);

struct lbpf_cache_info {
    char folder[4096]; /* "" when the cache is off or there is no place for it */
    uint64_t bytes, limit;
    size_t entries;
};

/* What the cache holds. A folder that is absent, or that others can write, counts as empty. */
void lbpf_cache_describe(struct lbpf_cache_info *info);

/* Removes all entries, and what killed processes left half written. Returns how many entries were
 * removed. Other files in the folder stay. */
size_t lbpf_cache_clear(void);

#endif
