/* A small map from non-zero 32-bit numbers to 32-bit numbers: BTF string offsets to what is known
 * of them. */
#ifndef LBPF_COMPILE_IDMAP_H
#define LBPF_COMPILE_IDMAP_H

#include <stddef.h>
#include <stdint.h>

struct lbpf_idmap {
    uint32_t *slots; /* key, value pairs; key 0 is free */
    uint32_t slot_count;
    uint32_t count;
};

/* The value's place, or NULL when key is absent. Lent until the next set. */
uint32_t *lbpf_idmap_get(const struct lbpf_idmap *map, uint32_t key);
/* 0 or -ENOMEM. */
int lbpf_idmap_set(struct lbpf_idmap *map, uint32_t key, uint32_t value);
void lbpf_idmap_free(struct lbpf_idmap *map);

#endif
