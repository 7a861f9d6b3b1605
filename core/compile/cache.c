/*
 * A file is: magic, size of the key, size and hash of the object, the key, the object. Its name is
 * a hash of the key, and a hash that collides costs a recompilation, not a wrong object, for the
 * key is compared. The folder must be ours and closed to others: who can write it could hand us a
 * program.
 */
#include "compile/cache.h"

#include "base/array.h"
#include "base/strmap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME_SIZE = 64, FILE_LIMIT = 32 * 1024 * 1024, STALE_SECONDS = 600 };

static const char magic[8] = "lbpfobj2";
static const uint64_t folder_limit = 64 * 1024 * 1024;

struct header {
    char magic[8];
    uint64_t key_size, object_size;
    uint64_t object_hash; /* a crash of the machine can leave the file's size without its bytes */
};

/* Into path; false when the cache is off or there is no place for it. */
static bool find_folder(char *path, size_t size)
{
    const char *own = getenv("LUABPF_CACHE"), *base = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");
    int length;

    if (own)
        length = *own ? snprintf(path, size, "%s", own) : -1;
    else if (base && *base == '/')
        length = snprintf(path, size, "%s/luabpf", base);
    else if (home && *home == '/')
        length = snprintf(path, size, "%s/.cache/luabpf", home);
    else
        length = -1;
    return length > 0 && (size_t)length < size;
}

static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    mkdir(path, 0700);
}

/* Opens the folder, made first if asked to. -1 unless it is ours and nobody else can write it. */
static int open_folder(bool make)
{
    char path[PATH_MAX];
    struct stat status;
    int fd;

    if (!find_folder(path, sizeof path))
        return -1;
    if (make)
        make_folders(path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (!fstat(fd, &status) && status.st_uid == geteuid() &&
        !(status.st_mode & (S_IWGRP | S_IWOTH)))
        return fd;
    close(fd);
    return -1;
}

static void name_entry(const void *key, size_t key_size, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%016llx%016llx.o", (unsigned long long)lbpf_hash64(key, key_size, 0),
             (unsigned long long)lbpf_hash64(key, key_size, 0x9e3779b97f4a7c15u));
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool take_object(const struct lbpf_buffer *file, const void *key, size_t key_size,
                        struct lbpf_buffer *object)
{
    struct header header;

    if (file->size < sizeof header)
        return false;
    memcpy(&header, file->data, sizeof header);
    if (memcmp(header.magic, magic, sizeof magic) || header.key_size != key_size ||
        file->size - sizeof header < key_size ||
        file->size - sizeof header - key_size != header.object_size ||
        memcmp(file->data + sizeof header, key, key_size) ||
        lbpf_hash64(file->data + sizeof header + key_size, (size_t)header.object_size, 0) !=
            header.object_hash)
        return false;
    lbpf_buffer_append(object, file->data + sizeof header + key_size, (size_t)header.object_size);
    return !object->failed;
}

bool lbpf_cache_read(const void *key, size_t key_size, struct lbpf_buffer *object)
{
    struct lbpf_buffer file = {0};
    char name[NAME_SIZE];
    struct stat status;
    bool found = false;
    int folder = open_folder(false), fd;

    if (folder < 0)
        return false;
    name_entry(key, key_size, name);
    fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    close(folder);
    if (fd < 0)
        return false;
    if (!fstat(fd, &status) && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        !(status.st_mode & (S_IWGRP | S_IWOTH)) && status.st_size <= FILE_LIMIT &&
        lbpf_buffer_reserve(&file, (size_t)status.st_size + 65536) &&
        !lbpf_buffer_read_fd(&file, fd, FILE_LIMIT))
        found = take_object(&file, key, key_size, object);
    if (found)
        futimens(fd, NULL); /* used just now: the oldest go first */
    close(fd);
    lbpf_buffer_free(&file);
    return found;
}

/* --- keeping the folder small ----------------------------------------------------------------- */

struct entry {
    char name[NAME_SIZE];
    uint64_t size;
    struct timespec used;
};

static int compare_age(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;

    if (a->used.tv_sec != b->used.tv_sec)
        return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
    return (a->used.tv_nsec > b->used.tv_nsec) - (a->used.tv_nsec < b->used.tv_nsec);
}

/* Files that a killed process left half written, and entries of ours. */
static bool is_entry(const char *name)
{
    size_t length = strlen(name);

    return length < NAME_SIZE && length > 2 && strspn(name, "0123456789abcdef") == 32 &&
           (!strcmp(name + 32, ".o") || name[32] == '~');
}

static size_t list_entries(DIR *folder, struct entry **entries, uint64_t *total)
{
    size_t count = 0, capacity = 0;
    struct entry *grown;
    struct dirent *item;

    while ((item = readdir(folder))) {
        struct stat status;

        if (!is_entry(item->d_name) ||
            fstatat(dirfd(folder), item->d_name, &status, AT_SYMLINK_NOFOLLOW))
            continue;
        if (item->d_name[32] == '~') {
            if (time(NULL) - status.st_mtim.tv_sec > STALE_SECONDS)
                unlinkat(dirfd(folder), item->d_name, 0);
            continue;
        }
        grown = lbpf_array_grow(*entries, count, &capacity, sizeof *grown);
        if (!grown)
            break;
        *entries = grown;
        memcpy((*entries)[count].name, item->d_name, strlen(item->d_name) + 1); /* see is_entry */
        (*entries)[count].size = (uint64_t)status.st_size;
        (*entries)[count].used = status.st_mtim;
        *total += (uint64_t)status.st_size;
        count++;
    }
    return count;
}

/* All entries of the folder, with their sizes; the list is the caller's. */
static size_t read_folder(int fd, struct entry **entries, uint64_t *total)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    size_t count = 0;

    *entries = NULL;
    *total = 0;
    if (folder)
        count = list_entries(folder, entries, total);
    if (folder)
        closedir(folder);
    else if (copy >= 0)
        close(copy);
    return count;
}

/* Removes the entries that were not used for longest until the folder is within its limit. */
static void trim_folder(int fd)
{
    struct entry *entries;
    uint64_t total;
    size_t count = read_folder(fd, &entries, &total);

    if (total > folder_limit) {
        qsort(entries, count, sizeof *entries, compare_age);
        for (size_t i = 0; i < count && total > folder_limit; i++)
            if (!unlinkat(fd, entries[i].name, 0))
                total -= entries[i].size;
    }
    free(entries);
}

void lbpf_cache_describe(struct lbpf_cache_info *info)
{
    int fd = open_folder(false);
    struct entry *entries;

    memset(info, 0, sizeof *info);
    info->limit = folder_limit;
    if (!find_folder(info->folder, sizeof info->folder))
        info->folder[0] = '\0';
    if (fd < 0)
        return;
    info->entries = read_folder(fd, &entries, &info->bytes);
    free(entries);
    close(fd);
}

size_t lbpf_cache_clear(void)
{
    int fd = open_folder(false);
    struct entry *entries;
    uint64_t total;
    size_t count, removed = 0;

    if (fd < 0)
        return 0;
    count = read_folder(fd, &entries, &total);
    for (size_t i = 0; i < count; i++)
        removed += !unlinkat(fd, entries[i].name, 0);
    free(entries);
    close(fd);
    return removed;
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool write_whole(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size) {
        ssize_t written = write(fd, at, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

void lbpf_cache_write(const void *key, size_t key_size, const void *object, size_t object_size)
{
    struct header header = {.key_size = key_size,
                            .object_size = object_size,
                            .object_hash = lbpf_hash64(object, object_size, 0)};
    char name[NAME_SIZE], aside[NAME_SIZE];
    unsigned random[2];
    int folder, fd;
    bool whole;

    if (sizeof header + key_size + object_size > FILE_LIMIT)
        return;
    folder = open_folder(true);
    if (folder < 0)
        return;
    memcpy(header.magic, magic, sizeof magic);
    name_entry(key, key_size, name);
    if (getrandom(random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random[0] = (unsigned)getpid(), random[1] = (unsigned)time(NULL);
    snprintf(aside, sizeof aside, "%.32s~%08x%08x", name, random[0], random[1]);
    fd = openat(folder, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
        whole = write_whole(fd, &header, sizeof header) && write_whole(fd, key, key_size) &&
                write_whole(fd, object, object_size);
        if (close(fd))
            whole = false;
        if (!whole || renameat(folder, aside, folder, name))
            unlinkat(folder, aside, 0);
        trim_folder(folder);
    }
    close(folder);
}
