/*
 * Zip archives, as far as it takes to find a member's bytes. An archive is read from its end: there
 * a record tells where the list of members is, and each entry of that where the member's own header
 * is, behind which its bytes lie. Nothing of this is believed: all offsets are checked against the
 * file.
 */
#include "elf/archive.h"

#include "base/buffer.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    END_SIGNATURE = 0x06054b50,
    ENTRY_SIGNATURE = 0x02014b50,
    LOCAL_SIGNATURE = 0x04034b50,
    END_SIZE = 22,
    ENTRY_SIZE = 46,
    LOCAL_SIZE = 30,
    COMMENT_LIMIT = 0xffff,
    LIST_LIMIT = 64 * 1024 * 1024,
    NEAR_LIMIT = 64, /* members that are looked at for one place */
    FLAG_ENCRYPTED = 1,
    METHOD_STORED = 0,
};

static const char op[] = "read archive";

struct archive {
    int fd;
    const char *path;
    uint64_t size;
};

struct entry {
    const char *name; /* in the list, without a NUL */
    size_t name_size;
    unsigned flags, method;
    uint64_t packed_size, size, local;
};

static unsigned get16(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;

    return bytes[0] | (unsigned)bytes[1] << 8;
}

static uint32_t get32(const char *at)
{
    return get16(at) | (uint32_t)get16(at + 2) << 16;
}

static int refuse(const struct archive *archive, struct lbpf_error *error)
{
    return lbpf_error_set(error, EINVAL, op, "%s is not a zip archive, or a broken one",
                          archive->path);
}

/* Reads exactly size bytes; false when the file ends before. */
static bool read_at(const struct archive *archive, struct lbpf_buffer *bytes, uint64_t offset,
                    size_t size)
{
    char *room;

    if (offset > archive->size || size > archive->size - offset)
        return false;
    room = lbpf_buffer_reserve(bytes, size);
    if (!room)
        return false;
    while (size > 0) {
        ssize_t got = pread(archive->fd, bytes->data + bytes->size, size, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        bytes->size += (size_t)got;
        offset += (size_t)got;
        size -= (size_t)got;
    }
    return true;
}

/* Reads the list of members. The record that tells where it is has a comment of any size behind it.
 */
static int read_list(const struct archive *archive, struct lbpf_buffer *list,
                     struct lbpf_error *error)
{
    size_t size =
        archive->size < END_SIZE + COMMENT_LIMIT ? (size_t)archive->size : END_SIZE + COMMENT_LIMIT;
    struct lbpf_buffer end = {0};
    uint64_t offset = 0;
    uint32_t bytes = 0;
    bool found = false;

    if (read_at(archive, &end, archive->size - size, size)) {
        for (size_t at = size < END_SIZE ? 0 : size - END_SIZE + 1; !found && at-- > 0;) {
            found = get32(end.data + at) == END_SIGNATURE &&
                    get16(end.data + at + 20) == size - at - END_SIZE;
            bytes = get32(end.data + at + 12);
            offset = get32(end.data + at + 16);
        }
    }
    lbpf_buffer_free(&end);
    if (!found)
        return refuse(archive, error);
    if (bytes == UINT32_MAX || offset == UINT32_MAX || bytes > LIST_LIMIT)
        return lbpf_error_set(error, EOPNOTSUPP, op, "%s is too large for a zip archive of 32 bits",
                              archive->path);
    return read_at(archive, list, offset, bytes) ? 0 : refuse(archive, error);
}

/* The entry at *at, which moves behind it. -ENOENT at the list's end. */
static int next_entry(const struct lbpf_buffer *list, size_t *at, struct entry *entry)
{
    const char *data = list->data + *at;
    size_t rest;

    if (list->size - *at < ENTRY_SIZE)
        return -ENOENT;
    *entry = (struct entry){.name = data + ENTRY_SIZE,
                            .name_size = get16(data + 28),
                            .flags = get16(data + 8),
                            .method = get16(data + 10),
                            .packed_size = get32(data + 20),
                            .size = get32(data + 24),
                            .local = get32(data + 42)};
    rest = entry->name_size + get16(data + 30) + get16(data + 32);
    if (get32(data) != ENTRY_SIGNATURE || rest > list->size - *at - ENTRY_SIZE)
        return -EINVAL;
    *at += ENTRY_SIZE + rest;
    return 0;
}

/* -ENOENT when the member is not in the list. */
static int find_entry(const struct lbpf_buffer *list, const char *member, struct entry *entry)
{
    size_t at = 0, wanted = strlen(member);
    int result;

    do
        result = next_entry(list, &at, entry);
    while (result == 0 && (entry->name_size != wanted || memcmp(entry->name, member, wanted) != 0));
    return result;
}

static int find_bytes(const struct archive *archive, const struct entry *entry,
                      struct lbpf_archive_member *found, struct lbpf_error *error)
{
    struct lbpf_buffer header = {0};
    bool good = read_at(archive, &header, entry->local, LOCAL_SIZE) &&
                get32(header.data) == LOCAL_SIGNATURE;

    if (good) {
        found->offset =
            entry->local + LOCAL_SIZE + get16(header.data + 26) + get16(header.data + 28);
        found->size = entry->size;
        good = entry->packed_size == entry->size && found->offset <= archive->size &&
               found->size <= archive->size - found->offset;
    }
    lbpf_buffer_free(&header);
    return good ? 0 : refuse(archive, error);
}

static int find(const struct archive *archive, const char *member,
                struct lbpf_archive_member *found, struct lbpf_error *error)
{
    struct lbpf_buffer list = {0};
    struct entry entry = {0};
    int result = read_list(archive, &list, error);

    if (result == 0) {
        result = find_entry(&list, member, &entry);
        if (result == -ENOENT)
            lbpf_error_set(error, ENOENT, op, "%s has no member %.200s", archive->path, member);
        else if (result < 0)
            refuse(archive, error);
    }
    lbpf_buffer_free(&list);
    if (result < 0)
        return result;
    if (entry.method != METHOD_STORED || (entry.flags & FLAG_ENCRYPTED)) {
        lbpf_error_set(error, EOPNOTSUPP, op,
                       "%.200s is packed in %s, so no process can run it there", member,
                       archive->path);
        lbpf_error_hint(error, "only members that are stored (zip -0) can be mapped and probed");
        return -EOPNOTSUPP;
    }
    return find_bytes(archive, &entry, found, error);
}

static int open_archive(struct archive *archive, int fd, const char *path, struct lbpf_error *error)
{
    struct stat status;

    *archive = (struct archive){.fd = fd, .path = path};
    if (fstat(fd, &status) != 0)
        return lbpf_error_set(error, errno, op, "%s can not be read: %s", path, strerror(errno));
    archive->size = (uint64_t)status.st_size;
    return 0;
}

int lbpf_archive_find(int fd, const char *path, const char *member,
                      struct lbpf_archive_member *found, struct lbpf_error *error)
{
    struct archive archive;
    int result = open_archive(&archive, fd, path, error);

    return result < 0 ? result : find(&archive, member, found, error);
}

/* --- by place --------------------------------------------------------------------------------- */

bool lbpf_archive_is(int fd)
{
    char start[4];

    return pread(fd, start, sizeof start, 0) == sizeof start && get32(start) == LOCAL_SIGNATURE;
}

/* Whether the entry's bytes may lie at a place, as far as the list alone tells: the member's
 * header, whose name and extra bytes take what they like, is read only then. */
static bool may_be_at(const struct entry *entry, uint64_t offset, uint64_t size)
{
    uint64_t first = entry->local + LOCAL_SIZE;

    return entry->method == METHOD_STORED && !(entry->flags & FLAG_ENCRYPTED) &&
           first < offset + size && first + 2 * 0xffff + entry->size > offset;
}

static int find_at(const struct archive *archive, const struct lbpf_buffer *list, uint64_t offset,
                   uint64_t size, struct lbpf_archive_member *found)
{
    size_t at = 0, left = NEAR_LIMIT;
    struct entry entry;
    int result;

    while (left > 0 && (result = next_entry(list, &at, &entry)) == 0) {
        if (!may_be_at(&entry, offset, size))
            continue;
        left--;
        if (find_bytes(archive, &entry, found, NULL) < 0 || found->offset >= offset + size ||
            found->offset + found->size <= offset)
            continue;
        found->name = strndup(entry.name, entry.name_size);
        return found->name ? 0 : -ENOMEM;
    }
    return left > 0 ? result : -ENOENT;
}

int lbpf_archive_find_at(int fd, const char *path, uint64_t offset, uint64_t size,
                         struct lbpf_archive_member *found, struct lbpf_error *error)
{
    struct lbpf_buffer list = {0};
    struct archive archive;
    int result = open_archive(&archive, fd, path, error);

    if (result == 0)
        result = read_list(&archive, &list, error);
    if (result == 0) {
        result = offset > archive.size || size > UINT64_MAX - offset
                     ? -ENOENT
                     : find_at(&archive, &list, offset, size, found);
        if (result == -ENOENT)
            lbpf_error_set(error, ENOENT, op, "%s has no stored member at offset %llu", path,
                           (unsigned long long)offset);
        else if (result == -EINVAL)
            refuse(&archive, error);
        else if (result == -ENOMEM)
            lbpf_error_no_memory(error, op);
    }
    lbpf_buffer_free(&list);
    return result;
}
