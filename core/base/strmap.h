/*
 * A map from strings to words. Keys are copied. struct lbpf_strmap m = {0} is an empty map; whoever
 * declares one frees it. There is no removal: nothing here needs it.
 */
#ifndef LBPF_BASE_STRMAP_H
#define LBPF_BASE_STRMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lbpf_strmap_entry {
    char *key; /* NUL-terminated, owned; NULL marks a free slot */
    size_t size;
    uint32_t hash;
    uintptr_t value;
};

struct lbpf_strmap {
    struct lbpf_strmap_entry *slots;
    size_t slot_count; /* 0 or a power of two */
    size_t count;
};

void lbpf_strmap_free(struct lbpf_strmap *map);

/* Sets key (size bytes, no NUL needed) to value; an existing key keeps its place. 0 or -ENOMEM. */
int lbpf_strmap_set(struct lbpf_strmap *map, const char *key, size_t size, uintptr_t value);

/* The entry of key, or NULL. Lent until the next set; its value may be changed in place. */
struct lbpf_strmap_entry *lbpf_strmap_get(const struct lbpf_strmap *map, const char *key,
                                          size_t size);

/* Whether the NUL-terminated key is there. */
bool lbpf_strmap_has(const struct lbpf_strmap *map, const char *key);

/* FNV-1a, for callers that want the same hash for something else. */
uint32_t lbpf_hash32(const void *bytes, size_t size);
uint64_t lbpf_hash64(const void *bytes, size_t size, uint64_t seed);

#endif
