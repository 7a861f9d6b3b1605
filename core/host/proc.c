/*
 * Finding the file that a name means. For another process everything is looked up in its own root,
 * because a container has libraries of its own under the same paths. What it has mapped comes
 * first: after an upgrade it still runs the old file, which has no path any more.
 */
#include "host/proc.h"

#include "base/architecture.h"
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
static const char deleted[] = " (deleted)";

struct search {
    const char *name;
    char stem[280]; /* "libc" for "c", "libc.so.6" for "c.so.6" */
    bool has_version;
    pid_t pid;
    struct lbpf_library *library; /* the answer; its root is known from the start */
};

/* Takes an open file as the answer; path as seen in the root. */
static bool take(struct search *search, int fd, const char *path, const char *remark)
{
    struct lbpf_library *library = search->library;
    size_t size = strnlen(path, PATH_MAX);

    if (fd < 0 || size == PATH_MAX) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (library->fd >= 0)
        close(library->fd);
    library->fd = fd;
    memmove(library->path, path, size + 1);
    if (library->root == LBPF_OWN_ROOT)
        snprintf(library->name, sizeof library->name, "%s%s", library->path, remark);
    else
        snprintf(library->name, sizeof library->name, "/proc/%d/root%s%s", (int)search->pid,
                 library->path, remark);
    return true;
}

static bool accept(struct search *search, const char *path)
{
    return take(search, lbpf_root_open_file(search->library->root, path), path, "");
}

/* Whether file is what the name asks for: "libc.so.6", and in mappings also "libc-2.31.so". */
static bool matches(const struct search *search, const char *file, bool in_mappings)
{
    size_t size = strlen(search->stem);

    if (strncmp(file, search->stem, size) != 0)
        return false;
    file += size;
    if (search->has_version)
        return *file == '\0' || *file == '.';
    if (strncmp(file, ".so", 3) == 0)
        return file[3] == '\0' || file[3] == '.';
    return in_mappings && (*file == '-' || *file == '.') && strstr(file, ".so");
}

/* --- the mappings of a process -------------------------------------------------------------------
 */

/* Cuts " (deleted)" off; whether it was there. */
static bool cut_deleted(char *path)
{
    size_t size = strlen(path), cut = sizeof deleted - 1;

    if (size <= cut || strcmp(path + size - cut, deleted) != 0)
        return false;
    path[size - cut] = '\0';
    return true;
}

/* The very file of a mapping, whatever its path leads to by now. /proc has a link to each, for
 * which not all privileges suffice; then the path has to do, or the link to the program. */
static bool accept_mapping(struct search *search, const char *range, const char *path, bool is_old)
{
    const char *remark = is_old ? deleted : "";
    char link[96], program[PATH_MAX];
    ssize_t size;

    snprintf(link, sizeof link, "/proc/%d/map_files/%.*s", (int)search->pid,
             (int)strcspn(range, " "), range);
    if (take(search, lbpf_root_open_file(LBPF_OWN_ROOT, link), path, remark))
        return true;
    if (!is_old)
        return accept(search, path);
    snprintf(link, sizeof link, "/proc/%d/exe", (int)search->pid);
    size = readlink(link, program, sizeof program - 1);
    program[size > 0 ? size : 0] = '\0';
    return cut_deleted(program) && strcmp(program, path) == 0 &&
           take(search, lbpf_root_open_file(LBPF_OWN_ROOT, link), path, remark);
}

/* Calls visit for each mapping of a file until it returns true; path without " (deleted)". */
static bool each_mapping(struct search *search, const char *wanted,
                         bool (*visit)(struct search *search, const char *wanted, const char *line,
                                       const char *path, bool is_old))
{
    struct lbpf_buffer maps = {0};
    char path[32], *rest = NULL;
    bool found = false;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)search->pid);
    if (lbpf_buffer_read_file(&maps, path, MAPS_LIMIT) == 0 && maps.data) {
        for (char *line = strtok_r(maps.data, "\n", &rest); line && !found;
             line = strtok_r(NULL, "\n", &rest)) {
            char *file = strchr(line, '/');
            bool is_old = file && cut_deleted(file);

            found = file && visit(search, wanted, line, file, is_old);
        }
    }
    lbpf_buffer_free(&maps);
    return found;
}

static bool accept_by_name(struct search *search, const char *wanted, const char *line,
                           const char *path, bool is_old)
{
    (void)wanted;
    return matches(search, strrchr(path, '/') + 1, true) &&
           accept_mapping(search, line, path, is_old);
}

static bool find_in_mappings(struct search *search)
{
    return each_mapping(search, NULL, accept_by_name);
}

static bool is_current(struct search *search, const char *wanted, const char *line,
                       const char *path, bool is_old)
{
    (void)search, (void)line;
    return !is_old && strcmp(path, wanted) == 0;
}

static bool accept_old(struct search *search, const char *wanted, const char *line,
                       const char *path, bool is_old)
{
    return is_old && strcmp(path, wanted) == 0 && accept_mapping(search, line, path, is_old);
}

/* The removed file that the process still runs by this path, unless it runs the new one, too. */
static bool find_old(struct search *search, const char *path)
{
    return !each_mapping(search, path, is_current) && each_mapping(search, path, accept_old);
}

/* --- where the dynamic linker looks
 * ---------------------------------------------------------------- */

struct cached {
    struct search *search;
    char name[256]; /* the first file name that matched: later entries are its variants */
    unsigned level;
    bool found;
};

static void accept_cached(void *context, const char *name, const char *path, unsigned level)
{
    struct cached *cached = context;

    if (path[0] != '/' || !matches(cached->search, name, false) ||
        (cached->found && (strcmp(cached->name, name) != 0 || level <= cached->level)) ||
        !accept(cached->search, path))
        return;
    snprintf(cached->name, sizeof cached->name, "%s", name);
    cached->level = level;
    cached->found = true;
}

static bool find_in_cache(struct search *search)
{
    struct cached cached = {.search = search};

    lbpf_ld_cache_each(search->library->root, accept_cached, &cached);
    return cached.found;
}

/* The highest version in one folder; a bare "libc.so" may be a linker's text and comes last. */
static bool find_in_folder(struct search *search, const char *folder)
{
    int fd = lbpf_root_open_folder(search->library->root, folder);
    char path[320], best[256] = "";
    struct dirent *file;
    DIR *files;

    if (fd < 0)
        return false;
    files = fdopendir(fd);
    if (!files) {
        close(fd);
        return false;
    }
    while ((file = readdir(files))) {
        if (matches(search, file->d_name, false) && strverscmp(file->d_name, best) > 0)
            snprintf(best, sizeof best, "%s", file->d_name);
    }
    closedir(files);
    if (!best[0])
        return false;
    snprintf(path, sizeof path, "%s/%s", folder, best);
    return accept(search, path);
}

static bool find_in_default_folders(struct search *search)
{
    static const char *const folders[] = {"/lib64",   "/usr/lib64",    NULL, NULL, "/lib",
                                          "/usr/lib", "/usr/local/lib"};
    const char *own = lbpf_architecture_own()->library_folder;
    char path[64];

    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, sizeof path, i == 2 ? "/lib/%s" : "/usr/lib/%s", own);
        if (find_in_folder(search, folders[i] ? folders[i] : path))
            return true;
    }
    return false;
}

static bool is_executable(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && (status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH));
}

static bool find_in_path(struct search *search)
{
    const char *folders = getenv("PATH");

    if (!folders || !*folders)
        folders = "/usr/local/bin:/usr/bin:/bin";
    while (*folders) {
        size_t size = strcspn(folders, ":");
        char path[PATH_MAX];

        if (folders[0] == '/' &&
            (size_t)snprintf(path, sizeof path, "%.*s/%s", (int)size, folders, search->name) <
                sizeof path &&
            accept(search, path) && is_executable(search->library->fd))
            return true;
        folders += size + (folders[size] == ':');
    }
    return false;
}

/* --- the whole
 * -------------------------------------------------------------------------------------- */

static int refuse_path(const char *name, int code, struct lbpf_error *error)
{
    if (code == EINVAL)
        return lbpf_error_set(error, code, op, "%s is not a regular file", name);
    lbpf_error_set(error, code, op, "%s can not be opened: %s", name, strerror(code));
    if (code == ENOSYS)
        lbpf_error_hint(error, "files of other processes need openat2, which Linux has since 5.6");
    return -code;
}

/* Prefers the older file of the open one's path, if the process runs that. */
static void prefer_old(struct search *search)
{
    char link[40], real[PATH_MAX];
    ssize_t size;

    snprintf(link, sizeof link, "/proc/self/fd/%d", search->library->fd);
    size = readlink(link, real, sizeof real - 1);
    real[size > 0 ? size : 0] = '\0';
    find_old(search, real);
}

static void leave_root(struct lbpf_library *library)
{
    if (library->root >= 0)
        close(library->root);
    library->root = LBPF_OWN_ROOT;
}

static int find_path(struct search *search, struct lbpf_error *error)
{
    const char *name = search->name;
    int fd;

    /* Only absolute paths mean something in the other's root, and /proc is the same everywhere. */
    if (name[0] != '/' || strncmp(name, "/proc/", 6) == 0) {
        leave_root(search->library);
        fd = lbpf_root_open_file(LBPF_OWN_ROOT, name);
        return take(search, fd, name, "") ? 0
                                          : refuse_path(name, fd < 0 ? -fd : ENAMETOOLONG, error);
    }
    fd = lbpf_root_open_file(search->library->root, name);
    if (take(search, fd, name, "")) {
        if (search->pid > 0)
            prefer_old(search);
        return 0;
    }
    if (search->pid > 0 && find_old(search, name))
        return 0;
    return refuse_path(name, fd < 0 ? -fd : ENAMETOOLONG, error);
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
    int root;

    if (!search->name[0] || strnlen(search->name, PATH_MAX) == PATH_MAX)
        return lbpf_error_set(error, EINVAL, op, "a library or program has to be named");
    if (search->pid > 0) {
        root = lbpf_root_open(search->pid, error);
        if (root < 0)
            return root;
        search->library->root = root;
    }
    search->has_version = version && (version[3] == '\0' || version[3] == '.');
    snprintf(search->stem, sizeof search->stem, "%s%.256s",
             search->has_version && strncmp(search->name, "lib", 3) == 0 ? "" : "lib",
             search->name);
    return 0;
}

static int find(struct search *search, struct lbpf_error *error)
{
    int result = start_search(search, error);

    if (result < 0)
        return result;
    if (strchr(search->name, '/'))
        return find_path(search, error);
    if ((search->pid > 0 && find_in_mappings(search)) || find_in_cache(search) ||
        find_in_default_folders(search) || find_in_path(search))
        return 0;
    return explain_missing(search, error);
}

int lbpf_library_open(struct lbpf_library *library, const char *name, pid_t pid,
                      struct lbpf_error *error)
{
    struct search search = {.name = name, .pid = pid, .library = library};
    int result;

    library->fd = -1;
    library->root = LBPF_OWN_ROOT;
    library->path[0] = library->name[0] = '\0';
    result = find(&search, error);
    if (result < 0)
        lbpf_library_close(library);
    return result;
}

void lbpf_library_close(struct lbpf_library *library)
{
    if (library->fd >= 0)
        close(library->fd);
    library->fd = -1;
    leave_root(library);
}
