/*
 * Finding the file that a name means. For another process everything is looked up behind
 * /proc/PID/root, because a container has libraries of its own under the same paths.
 */
#include "host/proc.h"

#include "base/buffer.h"
#include "host/ld_cache.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAPS_LIMIT = 256 * 1024 * 1024 };

static const char op[] = "find library";

struct search {
    const char *name;
    char stem[280]; /* "libc" for "c", "libc.so.6" for "c.so.6" */
    bool has_version;
    pid_t pid;
    char root[32]; /* "" or "/proc/PID/root" */
    char *path;    /* the answer */
    size_t size;
};

static bool is_file(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* Takes root + path as the answer if it is a file and fits. */
static bool accept(struct search *search, const char *root, const char *path)
{
    int size = snprintf(search->path, search->size, "%s%s", root, path);

    return size > 0 && (size_t)size < search->size && is_file(search->path);
}

/* Whether file is what the name asks for: "libc.so.6", and in mappings also "libc-2.31.so". */
static bool matches(const struct search *search, const char *file, bool in_mappings)
{
    size_t size = strlen(search->stem);

    if (strncmp(file, search->stem, size) != 0)
        return false;
    file += size;
    if (search->has_version)
        return *file == '\0' || *file == '.' || *file == ' ';
    if (strncmp(file, ".so", 3) == 0)
        return file[3] == '\0' || file[3] == '.' || file[3] == ' ';
    return in_mappings && (*file == '-' || *file == '.') && strstr(file, ".so");
}

/* --- the mappings of a process -------------------------------------------------------------------
 */

/* A file that was replaced since it was mapped has no path any more, but /proc has a link to it. */
static bool accept_mapping(struct search *search, const char *range, char *path)
{
    static const char deleted[] = " (deleted)";
    size_t size = strlen(path);

    if (size > sizeof deleted && strcmp(path + size - (sizeof deleted - 1), deleted) == 0) {
        char link[96];

        snprintf(link, sizeof link, "/proc/%d/map_files/%.*s", (int)search->pid,
                 (int)strcspn(range, " "), range);
        return accept(search, "", link);
    }
    return accept(search, search->root, path);
}

static bool find_in_mappings(struct search *search)
{
    struct lbpf_buffer maps = {0};
    char path[32], *rest = NULL;
    bool found = false;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)search->pid);
    if (lbpf_buffer_read_file(&maps, path, MAPS_LIMIT) == 0 && maps.data) {
        for (char *line = strtok_r(maps.data, "\n", &rest); line && !found;
             line = strtok_r(NULL, "\n", &rest)) {
            char *file = strchr(line, '/');

            if (file && matches(search, strrchr(file, '/') + 1, true))
                found = accept_mapping(search, line, file);
        }
    }
    lbpf_buffer_free(&maps);
    return found;
}

/* --- where the dynamic linker looks
 * ---------------------------------------------------------------- */

static bool accept_cached(void *context, const char *name, const char *path)
{
    struct search *search = context;

    return matches(search, name, false) && path[0] == '/' && accept(search, search->root, path);
}

/* The highest version in one folder; a bare "libc.so" may be a linker's text and comes last. */
static bool find_in_folder(struct search *search, const char *folder)
{
    char path[320], best[256] = "";
    struct dirent *file;
    DIR *files;

    snprintf(path, sizeof path, "%s%s", search->root, folder);
    files = opendir(path);
    if (!files)
        return false;
    while ((file = readdir(files))) {
        if (matches(search, file->d_name, false) && strverscmp(file->d_name, best) > 0)
            snprintf(best, sizeof best, "%s", file->d_name);
    }
    closedir(files);
    if (!best[0])
        return false;
    snprintf(path, sizeof path, "%s/%s", folder, best);
    return accept(search, search->root, path);
}

static bool find_in_default_folders(struct search *search)
{
    static const char *const folders[] = {
        "/lib64",
        "/usr/lib64",
#if defined(__x86_64__)
        "/lib/x86_64-linux-gnu",
        "/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
        "/lib/aarch64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
#endif
        "/lib",
        "/usr/lib",
        "/usr/local/lib",
    };

    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (find_in_folder(search, folders[i]))
            return true;
    }
    return false;
}

static bool find_in_path(struct search *search)
{
    const char *folders = getenv("PATH");

    if (!folders || !*folders)
        folders = "/usr/local/bin:/usr/bin:/bin";
    while (*folders) {
        size_t size = strcspn(folders, ":");
        char path[4096];

        if (folders[0] == '/' &&
            (size_t)snprintf(path, sizeof path, "%.*s/%s", (int)size, folders, search->name) <
                sizeof path &&
            accept(search, search->root, path) && access(search->path, X_OK) == 0)
            return true;
        folders += size + (folders[size] == ':');
    }
    return false;
}

/* --- the whole
 * -------------------------------------------------------------------------------------- */

static int find_path(struct search *search, struct lbpf_error *error)
{
    /* Only absolute paths mean something in the other's root, and /proc is the same everywhere. */
    bool is_ours = search->name[0] != '/' || strncmp(search->name, "/proc/", 6) == 0;

    if (accept(search, is_ours ? "" : search->root, search->name))
        return 0;
    if (access(search->path, F_OK) == 0)
        return lbpf_error_set(error, EINVAL, op, "%s is not a regular file", search->path);
    return lbpf_error_set(error, errno, op, "%s can not be opened: %s", search->path,
                          strerror(errno));
}

static int explain_missing(const struct search *search, struct lbpf_error *error)
{
    lbpf_error_set(error, ENOENT, op, "there is no library or program called %.200s", search->name);
    lbpf_error_hint(error,
                    "looked in %s/etc/ld.so.cache, the default library folders and $PATH; a path "
                    "with a '/' is taken as it is",
                    search->pid > 0 ? "the mappings of the process, " : "");
    return -ENOENT;
}

static int start_search(struct search *search, struct lbpf_error *error)
{
    const char *version = strstr(search->name, ".so");

    if (!search->name[0] || strnlen(search->name, 4096) == 4096)
        return lbpf_error_set(error, EINVAL, op, "a library or program has to be named");
    if (search->pid > 0) {
        snprintf(search->root, sizeof search->root, "/proc/%d/root", (int)search->pid);
        if (access(search->root, F_OK) != 0)
            return lbpf_error_set(error, errno == ENOENT ? ESRCH : errno, op, "process %d %s",
                                  (int)search->pid,
                                  errno == ENOENT ? "does not exist" : "can not be looked into");
    }
    search->has_version = version && (version[3] == '\0' || version[3] == '.');
    snprintf(search->stem, sizeof search->stem, "%s%.256s",
             search->has_version && strncmp(search->name, "lib", 3) == 0 ? "" : "lib",
             search->name);
    return 0;
}

int lbpf_find_library(const char *name, pid_t pid, char *path, size_t size,
                      struct lbpf_error *error)
{
    struct search search = {.name = name, .pid = pid, .path = path, .size = size};
    int result = start_search(&search, error);

    if (size > 0)
        path[0] = '\0';
    if (result < 0)
        return result;
    if (strchr(name, '/'))
        return find_path(&search, error);
    if ((pid > 0 && find_in_mappings(&search)) ||
        lbpf_ld_cache_each(search.root, accept_cached, &search) ||
        find_in_default_folders(&search) || find_in_path(&search))
        return 0;
    return explain_missing(&search, error);
}
