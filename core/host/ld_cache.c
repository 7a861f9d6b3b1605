/*
 * The file that ldconfig writes: an optional table in the format of libc 5 followed by the one that
 * counts. Offsets in the new table are relative to its own header. Mirrors glibc's dl-cache.h.
 */
#include "host/ld_cache.h"

#include "base/buffer.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char old_magic[] = "ld.so-1.7.0";
static const char new_magic[] = "glibc-ld.so.cache1.1";

enum { CACHE_LIMIT = 64 * 1024 * 1024, OLD_ENTRY = 12, FLAG_ELF_LIBC6 = 3 };

#if defined(__x86_64__)
enum { NATIVE_FLAGS = 0x0300 | FLAG_ELF_LIBC6 };
#elif defined(__aarch64__)
enum { NATIVE_FLAGS = 0x0a00 | FLAG_ELF_LIBC6 };
#elif defined(__s390x__)
enum { NATIVE_FLAGS = 0x0400 | FLAG_ELF_LIBC6 };
#elif defined(__powerpc64__)
enum { NATIVE_FLAGS = 0x0500 | FLAG_ELF_LIBC6 };
#elif defined(__riscv)
enum { NATIVE_FLAGS = 0x1000 | FLAG_ELF_LIBC6 };
#else
enum { NATIVE_FLAGS = FLAG_ELF_LIBC6 };
#endif

struct header {
    char magic[20];
    uint32_t count, strings_size;
    uint32_t more[5];
};

struct entry {
    uint32_t flags, name, path, os_version;
    uint64_t hardware; /* not 0: a variant for some processors only */
};

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

bool lbpf_ld_cache_each(const char *root,
                        bool (*visit)(void *context, const char *name, const char *path),
                        void *context)
{
    struct lbpf_buffer file = {0};
    bool found = false;
    char path[64];
    size_t table;

    snprintf(path, sizeof path, "%s/etc/ld.so.cache", root);
    if (lbpf_buffer_read_file(&file, path, CACHE_LIMIT) == 0 && file.data &&
        (table = find_table(&file)) < file.size) {
        size_t size = file.size - table;
        const char *data = file.data + table;
        struct header header;

        memcpy(&header, data, sizeof header);
        if (header.count > (size - sizeof header) / sizeof(struct entry))
            header.count = 0;
        for (size_t i = 0; !found && i < header.count; i++) {
            struct entry entry;

            memcpy(&entry, data + sizeof header + i * sizeof entry, sizeof entry);
            /* strings end at the latest with the buffer, which a NUL follows */
            if (entry.flags == NATIVE_FLAGS && entry.hardware == 0 && entry.name < size &&
                entry.path < size)
                found = visit(context, data + entry.name, data + entry.path);
        }
    }
    lbpf_buffer_free(&file);
    return found;
}
