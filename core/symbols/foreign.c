/*
 * Every file is first taken hold of without opening it (O_PATH), looked at, and only then opened
 * for reading through that hold: opening a FIFO or a device can already do harm or wait.
 */
#include "symbols/foreign.h"

#include "host/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char op[] = "read symbols";

/* --- the process ------------------------------------------------------------------------------ */

int lbpf_generation_read(pid_t pid, struct lbpf_generation *generation)
{
    enum { START_TIME = 22, CODE_START = 26, CODE_END = 27, STACK_START = 28 };
    char path[32], text[2048], *at;
    ssize_t size;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -ESRCH;
    size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return -ESRCH;
    text[size] = '\0';
    *generation = (struct lbpf_generation){0};
    at = strrchr(text, ')'); /* field 2, the name, may hold anything */
    if (!at || strncmp(at, ") Z", 3) == 0)
        return -ESRCH;
    for (int field = 2; field <= STACK_START && at; field++, at = strchr(at + 1, ' ')) {
        uint64_t value = field > 3 ? strtoull(at, NULL, 10) : 0;

        if (field == START_TIME)
            generation->start_time = value;
        else if (field == CODE_START)
            generation->code_start = value;
        else if (field == CODE_END)
            generation->code_end = value;
        else if (field == STACK_START)
            generation->stack_start = value;
    }
    return 0;
}

/* "Uid:", "NStgid:": pids of the process in its pid namespaces, the innermost last. */
static void read_status(struct lbpf_foreign *foreign)
{
    struct lbpf_buffer text = {0};
    char path[32], *line;
    unsigned uid, euid;

    foreign->inner_pid = foreign->pid;
    foreign->uid = foreign->euid = (uid_t)-1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)foreign->pid);
    if (lbpf_buffer_read_file(&text, path, 1024 * 1024) == 0 && text.data) {
        line = strstr(text.data, "\nUid:");
        if (line && sscanf(line, "\nUid: %u %u", &uid, &euid) == 2) {
            foreign->uid = uid;
            foreign->euid = euid;
        }
        line = strstr(text.data, "\nNStgid:");
        if (line) {
            line[strcspn(line + 1, "\n") + 1] = '\0';
            foreign->inner_pid = atoi(strrchr(line, '\t') ? strrchr(line, '\t') + 1 : "0");
        }
    }
    lbpf_buffer_free(&text);
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat left, right;

    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

int lbpf_foreign_open(struct lbpf_foreign *foreign, pid_t pid, struct lbpf_error *error)
{
    char root[48], space[48];
    int result;

    *foreign = (struct lbpf_foreign){.pid = pid, .root = LBPF_OWN_ROOT};
    result = lbpf_generation_read(pid, &foreign->generation);
    if (result < 0)
        return lbpf_error_set(error, ESRCH, op, "there is no process %d", (int)pid);
    read_status(foreign);
    snprintf(root, sizeof root, "/proc/%d/root", (int)pid);
    snprintf(space, sizeof space, "/proc/%d/ns/mnt", (int)pid);
    if (is_same_file(root, "/") && is_same_file(space, "/proc/self/ns/mnt"))
        return 0; /* needs no descriptor */
    foreign->root = lbpf_root_open(pid, error);
    return foreign->root < 0 ? foreign->root : 0;
}

void lbpf_foreign_close(struct lbpf_foreign *foreign)
{
    if (foreign->root >= 0)
        close(foreign->root);
    foreign->root = LBPF_OWN_ROOT;
}

/* --- files ------------------------------------------------------------------------------------ */

/* Opens for reading what an O_PATH descriptor holds, if it is a regular file; closes that. */
static int open_held(int held, const char *path, struct stat *status, struct lbpf_error *error)
{
    char link[48];
    int fd, result = 0;

    if (held < 0)
        return lbpf_error_set(error, errno, op, "%s can not be opened: %s", path, strerror(errno));
    if (fstat(held, status) != 0)
        result = lbpf_error_set(error, errno, op, "%s: %s", path, strerror(errno));
    else if (S_ISLNK(status->st_mode))
        result =
            lbpf_error_set(error, ELOOP, op, "%s is a symbolic link, which is not followed", path);
    else if (!S_ISREG(status->st_mode))
        result = lbpf_error_set(error, EINVAL, op, "%s is not a regular file", path);
    if (result == 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", held);
        fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        result = fd >= 0 ? fd
                         : lbpf_error_set(error, errno, op, "%s can not be opened: %s", path,
                                          strerror(errno));
    }
    close(held);
    return result;
}

static int hold(const struct lbpf_foreign *foreign, bool in_root, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int root = in_root ? foreign->root : -1, own = -1, held, code;

    if (root < 0)
        root = own = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    held = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    code = errno;
    if (own >= 0)
        close(own);
    errno = code;
    return held;
}

int lbpf_foreign_open_path(const struct lbpf_foreign *foreign, bool in_root, const char *path,
                           struct stat *status, struct lbpf_error *error)
{
    return open_held(hold(foreign, in_root, path), path, status, error);
}

/* Whether a file is the mapped one. Some file systems show other device numbers in the list of
 * mappings than stat does; theirs have major 0. */
static bool is_mapped_file(const struct stat *status, const struct lbpf_mapping *mapping)
{
    return status->st_ino == mapping->inode &&
           (major(status->st_dev) == 0 || mapping->major == 0 ||
            (major(status->st_dev) == mapping->major && minor(status->st_dev) == mapping->minor));
}

int lbpf_foreign_open_mapped(const struct lbpf_foreign *foreign, const struct lbpf_mapping *mapping,
                             struct lbpf_error *error)
{
    struct stat status;
    char link[96];
    int fd;

    snprintf(link, sizeof link, "/proc/%d/map_files/%llx-%llx", (int)foreign->pid,
             (unsigned long long)mapping->start, (unsigned long long)mapping->end);
    fd = open(link, O_PATH | O_CLOEXEC); /* follows: it is no path but the file itself */
    if (fd >= 0)
        return open_held(fd, mapping->path, &status, error);
    fd = lbpf_root_open_file(foreign->root, mapping->path);
    if (fd < 0)
        return lbpf_error_set(error, -fd, op, "%s can not be opened: %s", mapping->path,
                              strerror(-fd));
    if (fstat(fd, &status) != 0 || !is_mapped_file(&status, mapping)) {
        close(fd);
        return lbpf_error_set(error, ESTALE, op, "%s is no longer the file that process %d mapped",
                              mapping->path, (int)foreign->pid);
    }
    return fd;
}
