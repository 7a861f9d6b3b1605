/*
 * Reading /proc/PID/maps. /proc/PID/map_files leads to the very file of a mapping, whatever its
 * path means today; where that is not allowed (it takes CAP_SYS_ADMIN), the path is looked up in
 * the root of the process and must lead to the same inode.
 */
#include "host/mapped_files.h"

#include "base/buffer.h"
#include "host/root.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAPS_LIMIT = 256 * 1024 * 1024 };

static const char op[] = "look into process";

struct mapping {
    uint64_t start, end, inode;
    unsigned major, minor;
    char *path; /* in the line */
};

struct walk {
    pid_t pid;
    int root;
    bool is_elsewhere; /* in another root than ours */
    struct mapping *seen;
    size_t seen_count, seen_capacity;
    int (*visit)(void *context, const struct lbpf_mapped_file *file);
    void *context;
};

/* False for what has no code or no file behind it. */
static bool read_line(char *line, struct mapping *mapping)
{
    char permissions[5];
    uint64_t offset;
    int at = 0;

    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
               &mapping->start, &mapping->end, permissions, &offset, &mapping->major,
               &mapping->minor, &mapping->inode, &at) < 7 ||
        at == 0 || permissions[2] != 'x' || mapping->inode == 0 || line[at] != '/')
        return false;
    mapping->path = line + at;
    return true;
}

/* Whether the file was not seen before; -ENOMEM. */
static int is_new(struct walk *walk, const struct mapping *mapping)
{
    for (size_t i = 0; i < walk->seen_count; i++)
        if (walk->seen[i].inode == mapping->inode && walk->seen[i].major == mapping->major &&
            walk->seen[i].minor == mapping->minor)
            return 0;
    if (walk->seen_count == walk->seen_capacity) {
        size_t capacity = walk->seen_capacity ? walk->seen_capacity * 2 : 32;
        struct mapping *grown = realloc(walk->seen, capacity * sizeof *grown);

        if (!grown)
            return -ENOMEM;
        walk->seen = grown;
        walk->seen_capacity = capacity;
    }
    walk->seen[walk->seen_count++] = *mapping;
    return 1;
}

static int open_by_path(const struct walk *walk, const struct mapping *mapping)
{
    int fd = lbpf_root_open_file(walk->root, mapping->path);
    struct stat status;

    if (fd >= 0 && (fstat(fd, &status) != 0 || status.st_ino != mapping->inode)) {
        close(fd);
        return -ESTALE;
    }
    return fd;
}

static int visit_file(const struct walk *walk, const struct mapping *mapping)
{
    char path[PATH_MAX + 64];
    struct lbpf_mapped_file file = {.path = path};

    snprintf(path, sizeof path, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)walk->pid,
             mapping->start, mapping->end);
    file.fd = lbpf_root_open_file(LBPF_OWN_ROOT, path);
    if (file.fd < 0 && file.fd != -EINVAL)
        file.fd = open_by_path(walk, mapping);
    if (walk->is_elsewhere)
        snprintf(path, sizeof path, "/proc/%d/root%s", (int)walk->pid, mapping->path);
    else
        snprintf(path, sizeof path, "%s", mapping->path);
    return walk->visit(walk->context, &file);
}

static bool is_elsewhere(pid_t pid)
{
    static const char *const links[] = {"root", "ns/mnt"};

    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        char path[40], own[40];
        struct stat theirs, ours;

        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, links[i]);
        snprintf(own, sizeof own, "/proc/self/%s", links[i]);
        if (stat(path, &theirs) != 0 || stat(own, &ours) != 0 || theirs.st_ino != ours.st_ino ||
            theirs.st_dev != ours.st_dev)
            return true;
    }
    return false;
}

static int walk_lines(struct walk *walk, char *lines)
{
    char *rest = NULL;
    int result = 0;

    for (char *line = strtok_r(lines, "\n", &rest); line && result == 0;
         line = strtok_r(NULL, "\n", &rest)) {
        struct mapping mapping;

        if (!read_line(line, &mapping))
            continue;
        result = is_new(walk, &mapping);
        if (result > 0)
            result = visit_file(walk, &mapping);
    }
    return result;
}

int lbpf_mapped_files_each(pid_t pid,
                           int (*visit)(void *context, const struct lbpf_mapped_file *file),
                           void *context, struct lbpf_error *error)
{
    struct walk walk = {.pid = pid, .visit = visit, .context = context};
    struct lbpf_buffer maps = {0};
    char path[32];
    int result;

    walk.root = lbpf_root_open(pid, error);
    if (walk.root < 0)
        return walk.root;
    walk.is_elsewhere = is_elsewhere(pid);
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    result = lbpf_buffer_read_file(&maps, path, MAPS_LIMIT);
    if (result < 0)
        lbpf_error_set(error, -result, op, "the mappings of process %d can not be read: %s",
                       (int)pid, strerror(-result));
    else if (maps.data)
        result = walk_lines(&walk, maps.data);
    if (result == -ENOMEM)
        lbpf_error_no_memory(error, op);
    free(walk.seen);
    lbpf_buffer_free(&maps);
    close(walk.root);
    return result;
}
