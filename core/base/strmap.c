#include "base/strmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint32_t lbpf_hash32(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint32_t hash = 2166136261u;

    while (size--)
        hash = (hash ^ *at++) * 16777619u;
    return hash;
}

/* Eight bytes at a step: whole objects are hashed. */
uint64_t lbpf_hash64(const void *bytes, size_t size, uint64_t seed)
{
    static const uint64_t prime = 0x9e3779b97f4a7c15u;
    const unsigned char *at = bytes;
    uint64_t hash = (seed ^ size) * prime, word;

    for (; size >= sizeof word; size -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * prime;
        hash ^= hash >> 29;
    }
    for (; size; size--)
        hash = (hash ^ *at++) * prime;
    return hash ^ hash >> 32;
}

void lbpf_strmap_free(struct lbpf_strmap *map)
{
    for (size_t i = 0; i < map->slot_count; i++)
        free(map->slots[i].key);
    free(map->slots);
    memset(map, 0, sizeof *map);
}

/* The slot that holds key, or the free slot where it would go. The map is never full. */
static struct lbpf_strmap_entry *find_slot(const struct lbpf_strmap *map, const char *key,
                                           size_t size, uint32_t hash)
{
    size_t mask = map->slot_count - 1;

    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct lbpf_strmap_entry *slot = &map->slots[i];

        if (!slot->key)
            return slot;
        if (slot->hash == hash && slot->size == size && !memcmp(slot->key, key, size))
            return slot;
    }
}

static int grow(struct lbpf_strmap *map)
{
    struct lbpf_strmap larger = {.slot_count = map->slot_count ? map->slot_count * 2 : 64,
                                 .count = map->count};

    larger.slots = calloc(larger.slot_count, sizeof *larger.slots);
    if (!larger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < map->slot_count; i++) {
        struct lbpf_strmap_entry *slot = &map->slots[i];

        if (slot->key)
            *find_slot(&larger, slot->key, slot->size, slot->hash) = *slot;
    }
    free(map->slots);
    *map = larger;
    return 0;
}

int lbpf_strmap_set(struct lbpf_strmap *map, const char *key, size_t size, uintptr_t value)
{
    uint32_t hash = lbpf_hash32(key, size);
    struct lbpf_strmap_entry *slot;

    if (map->count * 4 >= map->slot_count * 3) {
        int result = grow(map);

        if (result)
            return result;
    }
    slot = find_slot(map, key, size, hash);
    if (!slot->key) {
        slot->key = malloc(size + 1);
        if (!slot->key)
            return -ENOMEM;
        memcpy(slot->key, key, size);
        slot->key[size] = '\0';
        slot->size = size;
        slot->hash = hash;
        map->count++;
    }
    slot->value = value;
    return 0;
}

struct lbpf_strmap_entry *lbpf_strmap_get(const struct lbpf_strmap *map, const char *key,
                                          size_t size)
{
    struct lbpf_strmap_entry *slot;

    if (!map->count)
        return NULL;
    slot = find_slot(map, key, size, lbpf_hash32(key, size));
    return slot->key ? slot : NULL;
}

bool lbpf_strmap_has(const struct lbpf_strmap *map, const char *key)
{
    return lbpf_strmap_get(map, key, strlen(key)) != NULL;
}
