#include "compile/idmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t *find_slot(const struct lbpf_idmap *map, uint32_t key)
{
    uint32_t mask = map->slot_count - 1;

    for (uint32_t i = (key * 2654435761u) >> 7;; i++) {
        uint32_t *slot = &map->slots[2 * (size_t)(i & mask)];

        if (!slot[0] || slot[0] == key)
            return slot;
    }
}

uint32_t *lbpf_idmap_get(const struct lbpf_idmap *map, uint32_t key)
{
    uint32_t *slot;

    if (!map->count || !key)
        return NULL;
    slot = find_slot(map, key);
    return slot[0] ? slot + 1 : NULL;
}

static int grow(struct lbpf_idmap *map)
{
    struct lbpf_idmap larger = {.slot_count = map->slot_count ? map->slot_count * 2 : 256,
                                .count = map->count};

    larger.slots = calloc(larger.slot_count, 2 * sizeof *larger.slots);
    if (!larger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < map->slot_count; i++)
        if (map->slots[2 * i])
            memcpy(find_slot(&larger, map->slots[2 * i]), &map->slots[2 * i],
                   2 * sizeof *larger.slots);
    free(map->slots);
    *map = larger;
    return 0;
}

int lbpf_idmap_set(struct lbpf_idmap *map, uint32_t key, uint32_t value)
{
    uint32_t *slot;

    if (map->count * 2 >= map->slot_count && grow(map))
        return -ENOMEM;
    slot = find_slot(map, key);
    if (!slot[0]) {
        slot[0] = key;
        map->count++;
    }
    slot[1] = value;
    return 0;
}

void lbpf_idmap_free(struct lbpf_idmap *map)
{
    free(map->slots);
    memset(map, 0, sizeof *map);
}
