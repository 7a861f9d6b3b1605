/*
 * Arrays that grow by one item at a time. Pointer, count and capacity stay the owner's own members,
 * so that items keep their type:
 *
 *     struct place *grown = lbpf_array_grow(places->items, places->count, &places->capacity,
 *                                           sizeof *grown);
 *     if (!grown)
 *         return -ENOMEM;
 *     places->items = grown;
 *     places->items[places->count++] = place;
 */
#ifndef LBPF_BASE_ARRAY_H
#define LBPF_BASE_ARRAY_H

#include <stddef.h>

/* Makes room for one more item than count and returns the array, which may have moved; or NULL
 * without memory: then the array is as it was. The room doubles, so items are copied once in the
 * mean. */
void *lbpf_array_grow(void *items, size_t count, size_t *capacity, size_t item_size);

#endif
