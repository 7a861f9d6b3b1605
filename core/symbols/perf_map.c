/*
 * Perf maps. A compiler that frees code and reuses its place writes a second line for it: of lines
 * that cover an address the last one counts. A line without its end is still being written, and is
 * read the next time.
 */
#include "symbols/perf_map.h"

#include "base/array.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, SIZE_LIMIT = 256 * 1024 * 1024, LINE_LIMIT = 64 * 1024, REACH = 64 };

static const char op[] = "read perf map";

struct entry {
    uint64_t start, size;
    uint32_t name;  /* in names */
    uint32_t order; /* of lines */
};

struct lbpf_perf_map {
    int fd;
    uint64_t read;         /* bytes that were read */
    struct entry *entries; /* by start */
    size_t count, capacity;
    struct lbpf_buffer names;
    char path[64];
};

/* --- lines ------------------------------------------------------------------------------------ */

static const char *parse_hex(const char *at, uint64_t *number)
{
    const char *start;

    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
        at += 2;
    start = at;
    for (*number = 0;; at++) {
        unsigned digit = (unsigned)(*at >= '0' && *at <= '9'   ? *at - '0'
                                    : *at >= 'a' && *at <= 'f' ? *at - 'a' + 10
                                    : *at >= 'A' && *at <= 'F' ? *at - 'A' + 10
                                                               : 16);

        if (digit == 16)
            return at > start && *at == ' ' ? at + strspn(at, " ") : NULL;
        if (*number >> 60)
            return NULL;
        *number = *number << 4 | digit;
    }
}

/* Lines that say nothing are passed over. */
static int add_line(struct lbpf_perf_map *map, const char *line)
{
    struct entry entry, *grown;
    const char *at = parse_hex(line, &entry.start);

    if (!at || !(at = parse_hex(at, &entry.size)) || !*at || entry.start == 0 || entry.size == 0)
        return 0;
    grown = lbpf_array_grow(map->entries, map->count, &map->capacity, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    map->entries = grown;
    entry.name = (uint32_t)map->names.size;
    entry.order = (uint32_t)map->count;
    lbpf_buffer_append(&map->names, at, strlen(at) + 1);
    map->entries[map->count++] = entry;
    return map->names.failed ? -ENOMEM : 0;
}

static int by_start(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;

    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    return (left->order > right->order) - (left->order < right->order);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Takes the whole lines of a chunk; *used is where the unfinished one starts. */
static int add_lines(struct lbpf_perf_map *map, char *text, size_t size, size_t *used)
{
    char *line = text, *end;
    int result = 0;

    while (result == 0 && (end = memchr(line, '\n', (size_t)(text + size - line)))) {
        *end = '\0';
        result = add_line(map, line);
        line = end + 1;
    }
    *used = (size_t)(line - text);
    if (*used == 0 && size >= LINE_LIMIT)
        *used = size; /* no line of a perf map */
    return result;
}

static int read_lines(struct lbpf_perf_map *map, uint64_t size, char *chunk)
{
    int result = 0;

    while (result == 0 && map->read < size) {
        ssize_t got = pread(map->fd, chunk, CHUNK, (off_t)map->read);
        size_t used;

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        result = add_lines(map, chunk, (size_t)got, &used);
        if (used == 0)
            break;
        map->read += used;
    }
    return result;
}

static void forget(struct lbpf_perf_map *map)
{
    map->read = 0;
    map->count = 0;
    map->names.size = 0;
}

int lbpf_perf_map_refresh(struct lbpf_perf_map *map, struct lbpf_error *error)
{
    struct stat status;
    uint64_t size;
    char *chunk;
    int result;

    if (fstat(map->fd, &status) != 0)
        return lbpf_error_set(error, errno, op, "%s: %s", map->path, strerror(errno));
    size = (uint64_t)status.st_size;
    if (size == map->read)
        return 0;
    if (size > SIZE_LIMIT) {
        lbpf_error_set(error, EFBIG, op, "%s has %llu MB; no more than %d MB are read", map->path,
                       (unsigned long long)size >> 20, SIZE_LIMIT >> 20);
        return -EFBIG;
    }
    if (size < map->read)
        forget(map); /* written anew */
    chunk = malloc(CHUNK);
    result = chunk ? read_lines(map, size, chunk) : -ENOMEM;
    free(chunk);
    if (map->count > 0)
        qsort(map->entries, map->count, sizeof *map->entries, by_start);
    return result < 0 ? lbpf_error_no_memory(error, op) : 1;
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool is_trusted(const struct lbpf_foreign *foreign, const struct stat *status)
{
    return status->st_uid == 0 || status->st_uid == foreign->uid || status->st_uid == foreign->euid;
}

static int open_map_file(const struct lbpf_foreign *foreign, bool in_root, pid_t pid, char *path,
                         size_t size, struct lbpf_error *error)
{
    struct stat status;
    int fd;

    snprintf(path, size, "/tmp/perf-%d.map", (int)pid);
    fd = lbpf_foreign_open_path(foreign, in_root, path, &status, error);
    if (fd < 0 || is_trusted(foreign, &status))
        return fd;
    close(fd);
    lbpf_error_set(error, EPERM, op, "%s belongs to user %u, not to the one of process %d", path,
                   (unsigned)status.st_uid, (int)foreign->pid);
    return -EPERM;
}

struct lbpf_perf_map *lbpf_perf_map_open_fd(int fd, const char *path, struct lbpf_error *error)
{
    struct lbpf_perf_map *map = calloc(1, sizeof *map);

    if (!map) {
        close(fd);
        lbpf_error_no_memory(error, op);
        return NULL;
    }
    map->fd = fd;
    snprintf(map->path, sizeof map->path, "%s", path);
    if (lbpf_perf_map_refresh(map, error) < 0) {
        lbpf_perf_map_close(map);
        return NULL;
    }
    return map;
}

struct lbpf_perf_map *lbpf_perf_map_open(const struct lbpf_foreign *foreign,
                                         struct lbpf_error *error)
{
    char path[64];
    int fd = open_map_file(foreign, true, foreign->inner_pid, path, sizeof path, error);

    if (fd == -ENOENT && (foreign->root >= 0 || foreign->inner_pid != foreign->pid))
        fd = open_map_file(foreign, false, foreign->pid, path, sizeof path, error);
    if (fd == -ENOENT)
        lbpf_error_clear(error);
    return fd < 0 ? NULL : lbpf_perf_map_open_fd(fd, path, error);
}

void lbpf_perf_map_close(struct lbpf_perf_map *map)
{
    if (!map)
        return;
    close(map->fd);
    free(map->entries);
    lbpf_buffer_free(&map->names);
    free(map);
}

/* --- searching -------------------------------------------------------------------------------- */

const char *lbpf_perf_map_find(const struct lbpf_perf_map *map, uint64_t address, uint64_t *start)
{
    const struct entry *best = NULL;
    size_t low = 0, high = map->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (map->entries[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low, tried = 0; i > 0 && tried < REACH; i--, tried++) {
        const struct entry *entry = &map->entries[i - 1];

        if (address - entry->start < entry->size && (!best || entry->order > best->order))
            best = entry;
    }
    if (!best)
        return NULL;
    *start = best->start;
    return map->names.data + best->name;
}

const char *lbpf_perf_map_path(const struct lbpf_perf_map *map)
{
    return map->path;
}

size_t lbpf_perf_map_memory(const struct lbpf_perf_map *map)
{
    return sizeof *map + map->capacity * sizeof *map->entries + map->names.capacity;
}
