/* The first room is small: a process may have thousands of arrays of one item (places of probes).
 */
#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 8 };

void *lbpf_array_grow(void *items, size_t count, size_t *capacity, size_t item_size)
{
    size_t wanted = *capacity ? *capacity * 2 : FIRST_CAPACITY;
    void *grown;

    if (count < *capacity)
        return items;
    if (*capacity > SIZE_MAX / 2 / item_size)
        return NULL;
    grown = realloc(items, wanted * item_size);
    if (grown)
        *capacity = wanted;
    return grown;
}
