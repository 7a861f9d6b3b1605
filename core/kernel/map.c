/*
 * Operations on one map, by fd. Reading a whole map is the interesting part: a map may change under
 * the reader, and the kernel's "next key" starts again from the beginning when the key that it was
 * given is gone. The batch calls (5.6) do not have that fault: they go bucket by bucket.
 */
#include "kernel/map.h"

#include "base/strmap.h"
#include "kernel/sys.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One batch call reads at most so much; also the kernel allocates in these sizes. */
#define BATCH_KEYS  4096u
#define BATCH_BYTES (1u << 20)
/* What a walk over a map without max_entries (cgroup storage) ends at. */
#define UNBOUNDED_KEYS (1u << 20)

const char *lbpf_map_kind(const struct lbpf_map *map)
{
    return lbpf_map_type_name(map->type);
}

size_t lbpf_map_slot_size(const struct lbpf_map *map)
{
    return map->per_cpu ? ((size_t)map->value_size + 7) & ~(size_t)7 : map->value_size;
}

size_t lbpf_map_value_bytes(const struct lbpf_map *map)
{
    return lbpf_map_slot_size(map) * map->cpu_count;
}

static bool is_array(const struct lbpf_map *map)
{
    return map->type == BPF_MAP_TYPE_ARRAY || map->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static bool is_queue(const struct lbpf_map *map)
{
    return map->type == BPF_MAP_TYPE_QUEUE || map->type == BPF_MAP_TYPE_STACK;
}

static bool has_keys(const struct lbpf_map *map)
{
    return map->key_size != 0 && map->type != BPF_MAP_TYPE_RINGBUF;
}

/* ---- errors --------------------------------------------------------------------------------- */

static int refuse(const struct lbpf_map *map, const char *verb, int result,
                  struct lbpf_error *error)
{
    int code = lbpf_libbpf_code(result);

    lbpf_error_set(error, code, "table", "Could not %s table %s: %s", verb, map->name,
                   strerror(code));
    if (code == EPERM)
        lbpf_permission_hint(error);
    return -code;
}

static int refuse_update(const struct lbpf_map *map, int result, struct lbpf_error *error)
{
    int code = lbpf_libbpf_code(result);

    refuse(map, "update", result, error);
    if (code == E2BIG && is_array(map))
        lbpf_error_hint(error, "its indices go from 0 to %u", map->max_entries - 1);
    else if (code == E2BIG)
        lbpf_error_hint(error, "it is full: it was declared for %u entries", map->max_entries);
    else if (code == EEXIST)
        lbpf_error_hint(error, "the key is there already, and only a new one was asked for");
    else if (code == ENOENT)
        lbpf_error_hint(error, "the key is not there, and only an old one was to be changed");
    return -code;
}

/* ---- single elements ------------------------------------------------------------------------ */

int lbpf_map_lookup(const struct lbpf_map *map, const void *key, void *value,
                    struct lbpf_error *error)
{
    int result = bpf_map_lookup_elem(map->fd, key, value);

    return !result || result == -ENOENT ? result : refuse(map, "read from", result, error);
}

int lbpf_map_update(const struct lbpf_map *map, const void *key, const void *value,
                    uint64_t bpf_flags, struct lbpf_error *error)
{
    int result = bpf_map_update_elem(map->fd, key, value, bpf_flags);

    return result ? refuse_update(map, result, error) : 0;
}

int lbpf_map_delete(const struct lbpf_map *map, const void *key, struct lbpf_error *error)
{
    int result = bpf_map_delete_elem(map->fd, key);

    return !result || result == -ENOENT ? result : refuse(map, "delete from", result, error);
}

int lbpf_map_pop(const struct lbpf_map *map, void *value, struct lbpf_error *error)
{
    int result = bpf_map_lookup_and_delete_elem(map->fd, NULL, value);

    return !result || result == -ENOENT ? result : refuse(map, "pop from", result, error);
}

int lbpf_map_peek(const struct lbpf_map *map, void *value, struct lbpf_error *error)
{
    return lbpf_map_lookup(map, NULL, value, error);
}

int lbpf_map_next_key(const struct lbpf_map *map, const void *key, void *next,
                      struct lbpf_error *error)
{
    int result = bpf_map_get_next_key(map->fd, key, next);

    return !result || result == -ENOENT ? result : refuse(map, "list", result, error);
}

/* ---- many elements -------------------------------------------------------------------------- */

/* Whether result says that this kernel or this map type has no batch call. */
static bool is_no_batch(int result)
{
    return result == -EINVAL || result == -524 || result == -EOPNOTSUPP;
}

int lbpf_map_update_many(const struct lbpf_map *map, const void *keys, const void *values,
                         uint32_t count, struct lbpf_error *error)
{
    const char *key = keys, *value = values;
    uint32_t done = count;
    int result = bpf_map_update_batch(map->fd, keys, values, &done, NULL);

    if (is_no_batch(result)) {
        result = 0;
        for (uint32_t i = 0; !result && i < count; i++) {
            result = bpf_map_update_elem(map->fd, key, value, BPF_ANY);
            key += map->key_size;
            value += lbpf_map_value_bytes(map);
        }
    }
    return result ? refuse_update(map, result, error) : 0;
}

static int delete_each(const struct lbpf_map *map, const char *keys, uint32_t count)
{
    int result = 0;

    for (uint32_t i = 0; i < count && (!result || result == -ENOENT); i++)
        result = bpf_map_delete_elem(map->fd, keys + (size_t)i * map->key_size);
    return result == -ENOENT ? 0 : result;
}

/* The kernel stops at a key that is not there; the rest is for the next call. */
int lbpf_map_delete_many(const struct lbpf_map *map, const void *keys, uint32_t count,
                         struct lbpf_error *error)
{
    const char *rest = keys;
    int result = 0;

    while (count && !result) {
        uint32_t done = count;

        result = bpf_map_delete_batch(map->fd, rest, &done, NULL);
        if (is_no_batch(result)) {
            result = delete_each(map, rest, count);
            break;
        }
        if (result == -ENOENT && done < count) {
            done++;
            result = 0;
        }
        if (done > count || !done) /* cannot happen, and must not loop */
            break;
        rest += (size_t)done * map->key_size;
        count -= done;
    }
    return result ? refuse(map, "delete from", result, error) : 0;
}

/* ---- reading all: batches ------------------------------------------------------------------- */

/*
 * Whether the batch calls of this kind see each key once. Hashes go bucket by bucket, arrays have
 * every index; the others take "next key" steps inside the kernel, with their fault.
 */
static bool has_safe_batches(const struct lbpf_map *map)
{
    switch (map->type) {
    case BPF_MAP_TYPE_HASH:
    case BPF_MAP_TYPE_PERCPU_HASH:
    case BPF_MAP_TYPE_LRU_HASH:
    case BPF_MAP_TYPE_LRU_PERCPU_HASH:
    case BPF_MAP_TYPE_HASH_OF_MAPS:
        return true;
    default:
        return is_array(map);
    }
}

static uint32_t batch_size(const struct lbpf_map *map)
{
    size_t bytes = map->key_size + lbpf_map_value_bytes(map);
    size_t count = BATCH_BYTES / (bytes ? bytes : 1);

    if (count > BATCH_KEYS)
        count = BATCH_KEYS;
    if (count < 64)
        count = 64;
    return count > map->max_entries ? map->max_entries : (uint32_t)count;
}

/*
 * Batch after batch until the kernel says ENOENT. 0, -errno, or the kernel's word for "no such
 * call", in which case nothing was appended. The cursor is the kernel's: 4 bytes for hashes, a key
 * for others.
 */
static int read_batches(const struct lbpf_map *map, bool remove, struct lbpf_buffer *keys,
                        struct lbpf_buffer *values, size_t *count)
{
    uint32_t wanted = batch_size(map);
    size_t value_bytes = lbpf_map_value_bytes(map);
    size_t cursor_size = map->key_size > 4 ? map->key_size : 4;
    unsigned char *cursor = malloc(cursor_size);
    bool first = true;
    int result = cursor ? 0 : -ENOMEM;

    while (!result) {
        char *key_room = lbpf_buffer_reserve(keys, (size_t)wanted * map->key_size);
        char *value_room = lbpf_buffer_reserve(values, (size_t)wanted * value_bytes);
        uint32_t got = wanted;

        if (!key_room || !value_room) {
            result = -ENOMEM;
            break;
        }
        result = (remove ? bpf_map_lookup_and_delete_batch : bpf_map_lookup_batch)(
            map->fd, first ? NULL : cursor, cursor, key_room, value_room, &got, NULL);
        if (result == -ENOSPC && wanted / 2 < map->max_entries + BATCH_KEYS) {
            wanted = wanted * 2 + 64; /* one bucket holds more (LRU maps even exceed max_entries) */
            result = 0;
            continue;
        }
        if (result && result != -ENOENT)
            break;
        if (!result && !got) /* no progress: cannot happen, and must not loop */
            result = -ENOENT;
        keys->size += (size_t)got * map->key_size;
        values->size += (size_t)got * value_bytes;
        *count += got;
        first = false;
    }
    free(cursor);
    return result == -ENOENT ? 0 : result;
}

/* ---- reading all: key by key ---------------------------------------------------------------- */

/*
 * Collects the keys that are there, each once. When the key in hand vanishes, the kernel starts
 * from the beginning, so keys seen before are passed over; the number of steps is bounded, because
 * a busy program could make it start again for ever.
 */
static int collect_keys(const struct lbpf_map *map, struct lbpf_buffer *keys, size_t *count)
{
    struct lbpf_strmap seen = {0};
    size_t size = map->key_size, most = map->max_entries ? map->max_entries : UNBOUNDED_KEYS;
    size_t steps = 8 * most + 64;
    char *pair = malloc(2 * size);
    char *key = NULL, *next = pair;
    int result = pair ? 0 : -ENOMEM;

    while (!result && steps-- && *count < most) {
        result = bpf_map_get_next_key(map->fd, key, next);
        if (result)
            break;
        if (!lbpf_strmap_get(&seen, next, size)) {
            result = lbpf_strmap_set(&seen, next, size, 1);
            lbpf_buffer_append(keys, next, size);
            ++*count;
        }
        key = next;
        next = key == pair ? pair + size : pair;
    }
    free(pair);
    lbpf_strmap_free(&seen);
    if (keys->failed)
        return -ENOMEM;
    return result == -ENOENT ? 0 : result;
}

/* Looks up the count keys at offset start, drops those that vanished, and appends the values. */
static int look_up_keys(const struct lbpf_map *map, bool remove, struct lbpf_buffer *keys,
                        size_t start, struct lbpf_buffer *values, size_t *count)
{
    size_t value_bytes = lbpf_map_value_bytes(map), kept = 0;

    for (size_t i = 0; i < *count; i++) {
        char *key = keys->data + start + i * map->key_size;
        char *room = lbpf_buffer_reserve(values, value_bytes);
        int result = room ? bpf_map_lookup_elem(map->fd, key, room) : -ENOMEM;

        if (!result && remove)
            result = bpf_map_delete_elem(map->fd, key);
        if (result == -ENOENT)
            continue;
        if (result)
            return result;
        values->size += value_bytes;
        memmove(keys->data + start + kept++ * map->key_size, key, map->key_size);
    }
    keys->size = start + kept * map->key_size;
    *count = kept;
    return 0;
}

static int read_keys(const struct lbpf_map *map, bool remove, struct lbpf_buffer *keys,
                     struct lbpf_buffer *values, size_t *count)
{
    size_t start = keys->size;
    int result = collect_keys(map, keys, count);

    return result ? result : look_up_keys(map, remove, keys, start, values, count);
}

int lbpf_map_read_all(const struct lbpf_map *map, bool remove, struct lbpf_buffer *keys,
                      struct lbpf_buffer *values, size_t *count, struct lbpf_error *error)
{
    size_t key_start = keys->size, value_start = values->size;
    bool zero_after = remove && is_array(map); /* array elements cannot be deleted */
    bool delete_now = remove && !zero_after;
    int result;

    *count = 0;
    if (!has_keys(map))
        return lbpf_error_set(error, EOPNOTSUPP, "table", "Table %s (%s) has no keys to list",
                              map->name, lbpf_map_type_name(map->type));
    result =
        has_safe_batches(map) ? read_batches(map, delete_now, keys, values, count) : -EOPNOTSUPP;
    if ((*count == 0 && is_no_batch(result)) || (result == -EINTR && !delete_now)) {
        keys->size = key_start;
        values->size = value_start;
        *count = 0;
        result = read_keys(map, delete_now, keys, values, count);
    }
    if (result) {
        keys->size = key_start;
        values->size = value_start;
        *count = 0;
        return result == -ENOMEM ? lbpf_error_no_memory(error, "table")
                                 : refuse(map, "read", result, error);
    }
    return zero_after ? lbpf_map_zero(map, error) : 0;
}

/* ---- emptying ------------------------------------------------------------------------------- */

/* At most as many as there is room for: a program may push while this pops. */
static int clear_queue(const struct lbpf_map *map, struct lbpf_error *error)
{
    void *value = malloc(map->value_size);
    int result = value ? 0 : lbpf_error_no_memory(error, "table");

    for (uint32_t i = 0; !result && i < map->max_entries; i++)
        result = lbpf_map_pop(map, value, error);
    free(value);
    return result == -ENOENT ? 0 : result;
}

int lbpf_map_clear(const struct lbpf_map *map, struct lbpf_error *error)
{
    struct lbpf_buffer keys = {0}, values = {0};
    size_t count;
    int result;

    if (is_queue(map))
        return clear_queue(map, error);
    if (is_array(map))
        return lbpf_map_zero(map, error);
    result = lbpf_map_read_all(map, true, &keys, &values, &count, error);
    lbpf_buffer_free(&keys);
    lbpf_buffer_free(&values);
    return result;
}

/* Zeroes elements first … first + count - 1; one call where the kernel has batches. */
static int zero_indices(const struct lbpf_map *map, uint32_t first, uint32_t count,
                        uint32_t *indices, const void *zeros)
{
    uint32_t done = count;
    int result;

    for (uint32_t i = 0; i < count; i++)
        indices[i] = first + i;
    result = bpf_map_update_batch(map->fd, indices, zeros, &done, NULL);
    if (!is_no_batch(result))
        return result;
    result = 0;
    for (uint32_t i = 0; !result && i < count; i++)
        result = bpf_map_update_elem(map->fd, &indices[i], zeros, BPF_ANY);
    return result;
}

static int zero_array(const struct lbpf_map *map, struct lbpf_error *error)
{
    uint32_t chunk = batch_size(map);
    uint32_t *indices = calloc(chunk ? chunk : 1, sizeof *indices);
    void *zeros = calloc(chunk ? chunk : 1, lbpf_map_value_bytes(map));
    int result = indices && zeros ? 0 : -ENOMEM;

    for (uint32_t first = 0; !result && first < map->max_entries; first += chunk) {
        uint32_t rest = map->max_entries - first;

        result = zero_indices(map, first, rest < chunk ? rest : chunk, indices, zeros);
        if (rest <= chunk)
            break;
    }
    free(indices);
    free(zeros);
    if (result == -ENOMEM)
        return lbpf_error_no_memory(error, "table");
    return result ? refuse(map, "zero", result, error) : 0;
}

int lbpf_map_zero(const struct lbpf_map *map, struct lbpf_error *error)
{
    struct lbpf_buffer keys = {0}, values = {0};
    size_t count, value_bytes = lbpf_map_value_bytes(map);
    int result;

    if (is_array(map))
        return zero_array(map, error);
    result = lbpf_map_read_all(map, false, &keys, &values, &count, error);
    if (!result && values.data) /* only keys that are still there: EXIST, which batches lack */
        memset(values.data, 0, value_bytes);
    for (size_t i = 0; !result && i < count; i++) {
        int updated =
            bpf_map_update_elem(map->fd, keys.data + i * map->key_size, values.data, BPF_EXIST);

        if (updated && updated != -ENOENT)
            result = refuse_update(map, updated, error);
    }
    lbpf_buffer_free(&keys);
    lbpf_buffer_free(&values);
    return result;
}
