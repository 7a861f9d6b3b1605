/*
 * The file that ldconfig writes: an optional table in the format of libc 5 followed by the one that
 * counts. Offsets in the new table are relative to its own header. A library can be there several
 * times, with variants for newer processors. Mirrors glibc's dl-cache.h.
 */
#include "host/ld_cache.h"

#include "base/architecture.h"
#include "base/buffer.h"
#include "host/root.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static const char old_magic[] = "ld.so-1.7.0";
static const char new_magic[] = "glibc-ld.so.cache1.1";

enum { CACHE_LIMIT = 64 * 1024 * 1024, OLD_ENTRY = 12, FLAG_ELF_LIBC6 = 3 };

struct header {
    char magic[20];
    uint32_t count, strings_size;
    uint32_t flags, extension; /* offset of the extension, or 0 */
    uint32_t more[3];
};

struct entry {
    uint32_t flags, name, path, os_version;
    uint64_t hardware; /* not 0: a variant for some processors only */
};

struct section {
    uint32_t tag, flags, offset, size;
};

enum {
    EXTENSION_MAGIC = (int)0xeaa42174u,
    TAG_HARDWARE = 1, /* a section of the extension: string offsets, one per variant */
    VARIANT_BIT = 62, /* in entry.hardware: its lower half is an index into that section */
};

struct cache {
    const char *data; /* the new table, followed by NUL */
    size_t size;
    struct header header;
    size_t variants; /* offset of their names' offsets */
    size_t variant_count;
};

/* --- variants of a library for some processors
 * --------------------------------------------------- */

static void find_variants(struct cache *cache)
{
    size_t at = cache->header.extension;
    uint32_t start[2];

    if (at == 0 || at > cache->size || cache->size - at < sizeof start)
        return;
    memcpy(start, cache->data + at, sizeof start);
    at += sizeof start;
    if (start[0] != (uint32_t)EXTENSION_MAGIC ||
        start[1] > (cache->size - at) / sizeof(struct section))
        return;
    for (uint32_t i = 0; i < start[1]; i++, at += sizeof(struct section)) {
        struct section section;

        memcpy(&section, cache->data + at, sizeof section);
        if (section.tag == TAG_HARDWARE && section.offset <= cache->size &&
            section.size <= cache->size - section.offset) {
            cache->variants = section.offset;
            cache->variant_count = section.size / sizeof(uint32_t);
        }
    }
}

/* Whether this processor can run the entry's library. */
static bool find_level(const struct cache *cache, const struct entry *entry, unsigned *level)
{
    size_t index = (uint32_t)entry->hardware;
    uint32_t name;

    *level = 0;
    if (entry->hardware == 0)
        return true;
    if (!(entry->hardware >> VARIANT_BIT & 1) || index >= cache->variant_count)
        return false;
    memcpy(&name, cache->data + cache->variants + index * sizeof name, sizeof name);
    if (name < cache->size)
        *level = lbpf_architecture_level(cache->data + name);
    return *level > 0;
}

/* --- the file
 * ------------------------------------------------------------------------------------ */

/* Where the new table starts; file->size when there is none. */
static size_t find_table(const struct lbpf_buffer *file)
{
    size_t at = 0;
    uint32_t count;

    if (file->size > 16 && memcmp(file->data, old_magic, sizeof old_magic - 1) == 0) {
        memcpy(&count, file->data + 12, sizeof count);
        if (count > (file->size - 16) / OLD_ENTRY)
            return file->size;
        at = (16 + (size_t)count * OLD_ENTRY + 7) & ~(size_t)7;
    }
    if (at > file->size || file->size - at < sizeof(struct header) ||
        memcmp(file->data + at, new_magic, sizeof new_magic - 1) != 0)
        return file->size;
    return at;
}

static void visit_entries(const struct cache *cache, lbpf_ld_cache_visit *visit, void *context)
{
    const uint32_t flags = lbpf_architecture_own()->library_flags | FLAG_ELF_LIBC6;

    for (size_t i = 0; i < cache->header.count; i++) {
        struct entry entry;
        unsigned level;

        memcpy(&entry, cache->data + sizeof cache->header + i * sizeof entry, sizeof entry);
        /* strings end at the latest with the buffer, which a NUL follows */
        if (entry.flags == flags && entry.name < cache->size && entry.path < cache->size &&
            find_level(cache, &entry, &level))
            visit(context, cache->data + entry.name, cache->data + entry.path, level);
    }
}

static void visit_file(const struct lbpf_buffer *file, lbpf_ld_cache_visit *visit, void *context)
{
    struct cache cache = {0};
    size_t table = find_table(file);

    if (table >= file->size)
        return;
    cache.data = file->data + table;
    cache.size = file->size - table;
    memcpy(&cache.header, cache.data, sizeof cache.header);
    if (cache.header.count > (cache.size - sizeof cache.header) / sizeof(struct entry))
        return;
    find_variants(&cache);
    visit_entries(&cache, visit, context);
}

void lbpf_ld_cache_each(int root, lbpf_ld_cache_visit *visit, void *context)
{
    int fd = lbpf_root_open_file(root, "/etc/ld.so.cache");
    struct lbpf_buffer file = {0};

    if (fd < 0)
        return;
    if (lbpf_buffer_read_fd(&file, fd, CACHE_LIMIT) == 0 && file.data)
        visit_file(&file, visit, context);
    close(fd);
    lbpf_buffer_free(&file);
}
