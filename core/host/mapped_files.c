/*
 * Reading /proc/PID/maps. /proc/PID/map_files leads to the very file of a mapping, whatever its
 * path means today; where that is not allowed (it takes CAP_SYS_ADMIN), the path is looked up in
 * the root of the process and must lead to the same inode.
 */
#include "host/mapped_files.h"

#include "base/array.h"
#include "base/buffer.h"
#include "host/maps.h"
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

static const char op[] = "look into process";

struct walk {
    pid_t pid;
    int root;
    bool is_elsewhere; /* in another mount namespace than ours */
    struct lbpf_mapping *seen;
    size_t seen_count, seen_capacity;
    int (*visit)(void *context, const struct lbpf_mapped_file *file);
    void *context;
};

/* Whether the file was not seen before; -ENOMEM. */
static int is_new(struct walk *walk, const struct lbpf_mapping *mapping)
{
    struct lbpf_mapping *grown;

    for (size_t i = 0; i < walk->seen_count; i++)
        if (walk->seen[i].inode == mapping->inode && walk->seen[i].major == mapping->major &&
            walk->seen[i].minor == mapping->minor)
            return 0;
    grown = lbpf_array_grow(walk->seen, walk->seen_count, &walk->seen_capacity, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    walk->seen = grown;
    walk->seen[walk->seen_count++] = *mapping;
    return 1;
}

static int open_by_path(const struct walk *walk, const struct lbpf_mapping *mapping)
{
    int fd = lbpf_root_open_file(walk->is_elsewhere ? walk->root : LBPF_OWN_ROOT, mapping->path);
    struct stat status;

    if (fd >= 0 && (fstat(fd, &status) != 0 || status.st_ino != mapping->inode)) {
        close(fd);
        return -ESTALE;
    }
    return fd;
}

static int visit_file(const struct walk *walk, const struct lbpf_mapping *mapping)
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

/* The kernel shows paths as the reader sees them, if it can: in its own mount namespace, also those
 * of a process that has another root there. */
static bool is_elsewhere(pid_t pid)
{
    char path[40];
    struct stat theirs, ours;

    snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)pid);
    return stat(path, &theirs) != 0 || stat("/proc/self/ns/mnt", &ours) != 0 ||
           theirs.st_ino != ours.st_ino;
}

static int visit_mapping(void *context, const struct lbpf_mapping *mapping)
{
    struct walk *walk = context;
    int result;

    if (!mapping->is_executable || !lbpf_mapping_is_file(mapping))
        return 0;
    result = is_new(walk, mapping);
    return result > 0 ? visit_file(walk, mapping) : result;
}

int lbpf_mapped_files_each(pid_t pid,
                           int (*visit)(void *context, const struct lbpf_mapped_file *file),
                           void *context, struct lbpf_error *error)
{
    struct walk walk = {.pid = pid, .visit = visit, .context = context};
    struct lbpf_buffer maps = {0};
    int result;

    walk.root = lbpf_root_open(pid, error);
    if (walk.root < 0)
        return walk.root;
    walk.is_elsewhere = is_elsewhere(pid);
    result = lbpf_maps_read(pid, &maps);
    if (result < 0)
        lbpf_error_set(error, -result, op, "the mappings of process %d can not be read: %s",
                       (int)pid, strerror(-result));
    else if (maps.data)
        result = lbpf_maps_scan(maps.data, visit_mapping, &walk);
    if (result == -ENOMEM)
        lbpf_error_no_memory(error, op);
    free(walk.seen);
    lbpf_buffer_free(&maps);
    close(walk.root);
    return result;
}
