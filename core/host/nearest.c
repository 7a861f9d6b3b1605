/*
 * Nearness is edit distance with transpositions, plus what tracing teaches: compilers rename
 * functions by suffix (vfs_read.isra.0) and the kernel by prefix (__x64_sys_read), so such names
 * are near whatever their length.
 */
#include "host/nearest.h"

#include <stdbool.h>
#include <string.h>

void lbpf_nearest_start(struct lbpf_nearest *nearest, const char *wanted)
{
    nearest->wanted = wanted;
    nearest->wanted_size = strlen(wanted);
    nearest->distance = 2 + (unsigned)(nearest->wanted_size / 4);
    nearest->best[0] = '\0';
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* The optimal string alignment distance of a and b, or limit when it is not below limit. */
static unsigned edit_distance(const char *a, size_t a_size, const char *b, size_t b_size,
                              unsigned limit)
{
    unsigned rows[3][LBPF_NEAREST_NAME];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_size; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a_size; i++) {
        unsigned smallest = (unsigned)i;
        unsigned *recycled = before;

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            unsigned change = last[j - 1] + (a[i - 1] != b[j - 1]);

            row[j] = least(change, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
            smallest = least(smallest, row[j]);
        }
        if (smallest >= limit)
            return limit;
        before = last;
        last = row;
        row = recycled;
    }
    return least(last[b_size], limit);
}

static bool differs_by_suffix(const struct lbpf_nearest *nearest, const char *name, size_t size)
{
    return size > nearest->wanted_size && name[nearest->wanted_size] == '.' &&
           memcmp(name, nearest->wanted, nearest->wanted_size) == 0;
}

static bool differs_by_prefix(const struct lbpf_nearest *nearest, const char *name, size_t size)
{
    return nearest->wanted_size >= 4 && size > nearest->wanted_size &&
           name[size - nearest->wanted_size - 1] == '_' &&
           memcmp(name + size - nearest->wanted_size, nearest->wanted, nearest->wanted_size) == 0;
}

void lbpf_nearest_offer(struct lbpf_nearest *nearest, const char *candidate)
{
    size_t size = strnlen(candidate, LBPF_NEAREST_NAME);
    unsigned distance;

    if (size == 0 || size >= LBPF_NEAREST_NAME || nearest->wanted_size == 0 ||
        nearest->wanted_size >= LBPF_NEAREST_NAME)
        return;
    if (differs_by_suffix(nearest, candidate, size)) {
        distance = 1;
    } else if (differs_by_prefix(nearest, candidate, size)) {
        distance = 2;
    } else {
        size_t gap =
            size > nearest->wanted_size ? size - nearest->wanted_size : nearest->wanted_size - size;

        if (gap >= nearest->distance)
            return;
        distance = edit_distance(nearest->wanted, nearest->wanted_size, candidate, size,
                                 nearest->distance);
    }
    if (distance < nearest->distance) {
        nearest->distance = distance;
        memcpy(nearest->best, candidate, size + 1);
    }
}

const char *lbpf_nearest_name(const struct lbpf_nearest *nearest)
{
    return nearest->best[0] ? nearest->best : NULL;
}
