/*
 * A list is paths, each with a NUL and its stamp. The time of the last change (ctime) is what can
 * be counted on: unlike that of the last modification, no program can set it back.
 */
#include "compile/file_stamps.h"

#include <string.h>
#include <sys/stat.h>

struct stamp {
    int64_t size, modified, modified_ns, changed, changed_ns;
    uint64_t inode, device;
};

/* All zero where nothing is. */
static struct stamp stamp_of(const char *path)
{
    struct stat status;

    if (stat(path, &status))
        return (struct stamp){0};
    return (struct stamp){.size = status.st_size,
                          .modified = status.st_mtim.tv_sec,
                          .modified_ns = status.st_mtim.tv_nsec,
                          .changed = status.st_ctim.tv_sec,
                          .changed_ns = status.st_ctim.tv_nsec,
                          .inode = status.st_ino,
                          .device = status.st_dev};
}

struct timespec lbpf_file_stamps_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now;
}

bool lbpf_file_stamps_write(const struct lbpf_strmap *paths, struct timespec since,
                            struct lbpf_buffer *list)
{
    for (size_t i = 0; i < paths->slot_count; i++) {
        const struct lbpf_strmap_entry *entry = &paths->slots[i];
        struct stamp stamp;

        if (!entry->key)
            continue;
        stamp = stamp_of(entry->key);
        if (stamp.changed > since.tv_sec ||
            (stamp.changed == since.tv_sec && stamp.changed_ns >= since.tv_nsec))
            return false;
        lbpf_buffer_append(list, entry->key, entry->size + 1);
        lbpf_buffer_append(list, &stamp, sizeof stamp);
    }
    return !list->failed;
}

bool lbpf_file_stamps_hold(const char *list, size_t size)
{
    for (size_t at = 0; at < size;) {
        const char *path = list + at;
        size_t length = strnlen(path, size - at);
        struct stamp stamp;

        if (size - at < length + 1 + sizeof stamp)
            return false;
        stamp = stamp_of(path);
        if (memcmp(path + length + 1, &stamp, sizeof stamp) != 0)
            return false;
        at += length + 1 + sizeof stamp;
    }
    return true;
}
