/*
 * Indirect functions. strlen in a symbol table is not strlen but a resolver that picks one of
 * several implementations for this processor, once per process. So a probe on the symbol counts
 * start-ups. Which one it picks depends on the processor (and on how an emulator shows it), so the
 * answer is asked for here and now.
 *
 * Resolvers are code of the file, and a tracer is root: nothing runs that somebody else than root
 * could have written. A library that this process maps anyway, as libc always is, has run its
 * resolvers already.
 */
#include "elf/symtab.h"

#include "base/buffer.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAPS_LIMIT = 64 * 1024 * 1024, CHILD_LIMIT_MS = 5000, NAME_LIMIT = 512 };

static const char op[] = "resolve indirect function";

/* What went wrong, as it travels from the child through a pipe. */
enum outcome { RESOLVED, NOT_LOADABLE, NO_SYMBOL, ELSEWHERE };

struct answer {
    enum outcome outcome;
    uint64_t file_offset;
};

/* --- mappings of this process
 * ---------------------------------------------------------------------------- */

struct mapping {
    uint64_t start, end, offset;
    char path[PATH_MAX];
};

/* A line of maps; false for one without a file. */
static bool parse_mapping(const char *line, struct mapping *mapping, dev_t *device, ino_t *inode)
{
    unsigned long long start, end, offset, number;
    unsigned major_number, minor_number;
    int name = 0;

    if (sscanf(line, "%llx-%llx %*s %llx %x:%x %llu %n", &start, &end, &offset, &major_number,
               &minor_number, &number, &name) < 6 ||
        name == 0 || line[name] != '/')
        return false;
    mapping->start = start;
    mapping->end = end;
    mapping->offset = offset;
    snprintf(mapping->path, sizeof mapping->path, "%s", line + name);
    *device = makedev(major_number, minor_number);
    *inode = (ino_t)number;
    return true;
}

/* File systems like overlayfs show other device numbers in maps than in stat: then the path has to
 * lead to the same file. */
static bool is_same_file(const struct mapping *mapping, dev_t device, ino_t inode,
                         const struct stat *status)
{
    struct stat mapped;

    if (device == status->st_dev && inode == status->st_ino)
        return true;
    return inode == status->st_ino && stat(mapping->path, &mapped) == 0 &&
           mapped.st_dev == status->st_dev && mapped.st_ino == status->st_ino;
}

/* Finds a mapping of the file; the one that has address, unless that is 0. */
static bool find_mapping(const struct stat *status, uint64_t address, struct mapping *mapping)
{
    struct lbpf_buffer maps = {0};
    char *rest = NULL;
    bool found = false;

    if (lbpf_buffer_read_file(&maps, "/proc/self/maps", MAPS_LIMIT) == 0 && maps.data) {
        for (char *line = strtok_r(maps.data, "\n", &rest); line && !found;
             line = strtok_r(NULL, "\n", &rest)) {
            dev_t device;
            ino_t inode;

            found = parse_mapping(line, mapping, &device, &inode) &&
                    (address == 0 || (address >= mapping->start && address < mapping->end)) &&
                    is_same_file(mapping, device, inode, status);
        }
    }
    lbpf_buffer_free(&maps);
    return found;
}

/* --- asking the dynamic linker
 * ------------------------------------------------------------------------------- */

/* name may be "strlen@GLIBC_2.2.5". */
static void *find_implementation(void *library, const char *name)
{
    const char *at = strchr(name, '@');
    char plain[NAME_LIMIT];

    if (!at)
        return dlsym(library, name);
    snprintf(plain, sizeof plain, "%.*s", (int)(at - name), name);
    return dlvsym(library, plain, at + (at[1] == '@' ? 2 : 1));
}

/* In the process that has, or is to load, the library. */
static struct answer ask_linker(const char *path, const struct stat *status, const char *name,
                                int flags)
{
    struct answer answer = {.outcome = NOT_LOADABLE};
    struct mapping mapping;
    void *library, *function;

    library = dlopen(path, RTLD_LAZY | RTLD_LOCAL | flags);
    if (!library)
        return answer;
    function = find_implementation(library, name);
    answer.outcome = function ? ELSEWHERE : NO_SYMBOL;
    if (function && find_mapping(status, (uintptr_t)function, &mapping)) {
        answer.outcome = RESOLVED;
        answer.file_offset = (uintptr_t)function - mapping.start + mapping.offset;
    }
    dlclose(library);
    return answer;
}

/* --- in a child
 * -------------------------------------------------------------------------------------------------
 */

static bool only_root_writes(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && status.st_uid == 0 &&
           (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Whether the file and each folder on its real path belong to root alone, and the path means that
 * file here: one through /proc/PID/root may not. */
static bool is_trusted(const char *path, const struct stat *status, char *real)
{
    char folder[PATH_MAX];
    struct stat reached;

    if (!realpath(path, real) || stat(real, &reached) != 0 || reached.st_dev != status->st_dev ||
        reached.st_ino != status->st_ino)
        return false;
    snprintf(folder, sizeof folder, "%s", real);
    for (char *slash; (slash = strrchr(folder, '/'));) {
        if (!only_root_writes(folder))
            return false;
        *slash = '\0';
    }
    return only_root_writes("/");
}

static _Noreturn void run_child(int answer_fd, const char *path, const struct stat *status,
                                const char *name)
{
    struct answer answer;
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL); /* none of the parent's handlers may run here */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    answer = ask_linker(path, status, name, 0);
    _exit(write(answer_fd, &answer, sizeof answer) == sizeof answer ? 0 : 1);
}

/* The child may hang: it is the copy of a process that may have had threads. */
static struct answer read_answer(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    struct answer answer;
    int result;

    do
        result = poll(&ready, 1, CHILD_LIMIT_MS);
    while (result < 0 && errno == EINTR);
    if (result <= 0 || read(fd, &answer, sizeof answer) != sizeof answer)
        answer = (struct answer){.outcome = NOT_LOADABLE};
    return answer;
}

static struct answer ask_child(const char *path, const struct stat *status, const char *name)
{
    struct answer answer = {.outcome = NOT_LOADABLE};
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return answer;
    child = fork();
    if (child == 0)
        run_child(ends[1], path, status, name);
    close(ends[1]);
    if (child > 0) {
        answer = read_answer(ends[0]);
        kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    close(ends[0]);
    return answer;
}

/* --- the whole
 * -----------------------------------------------------------------------------------------------
 */

static int explain(enum outcome outcome, const char *path, const char *name,
                   struct lbpf_error *error)
{
    static const char choose[] =
        "name one of its implementations instead; nm lists them when the file "
        "has a symbol table (names like __%.100s_avx2)";

    switch (outcome) {
    case ELSEWHERE:
        lbpf_error_set(error, EOPNOTSUPP, op,
                       "%.100s is an indirect function whose implementation lies outside of %s",
                       name, path);
        lbpf_error_hint(error,
                        "the kernel provides it to every process (vDSO), where no probe can go; "
                        "probe a caller instead");
        return -EOPNOTSUPP;
    case NO_SYMBOL:
        lbpf_error_set(error, ENOENT, op, "%s exports no indirect function %.200s", path, name);
        lbpf_error_hint(error, choose, name);
        return -ENOENT;
    default:
        lbpf_error_set(error, EOPNOTSUPP, op,
                       "%.100s is an indirect function, and %s could not be loaded to see what it "
                       "stands for",
                       name, path);
        lbpf_error_hint(error, choose, name);
        return -EOPNOTSUPP;
    }
}

static int refuse(const char *path, const char *name, struct lbpf_error *error)
{
    lbpf_error_set(
        error, EPERM, op,
        "%.100s is an indirect function, and to see what it stands for code of %s would have "
        "to run",
        name, path);
    lbpf_error_hint(error,
                    "others than root can write that file or a folder above it, so it does not "
                    "run here; name one of the implementations instead (nm lists them)");
    return -EPERM;
}

int lbpf_elf_resolve_ifunc(const struct lbpf_elf_file *file, const char *name,
                           uint64_t *file_offset, struct lbpf_error *error)
{
    const char *path = file->path;
    struct mapping mapping;
    struct answer answer;
    struct stat status;
    char real[PATH_MAX];

    if (strlen(name) >= NAME_LIMIT)
        return lbpf_error_set(error, EINVAL, op, "the name is too long");
    if (fstat(file->fd, &status) != 0)
        return lbpf_error_set(error, errno, op, "%s can not be read: %s", path, strerror(errno));
    answer.outcome = NOT_LOADABLE;
    if (find_mapping(&status, 0, &mapping))
        answer = ask_linker(mapping.path, &status, name, RTLD_NOLOAD);
    if (answer.outcome == NOT_LOADABLE) {
        if (!is_trusted(path, &status, real))
            return refuse(path, name, error);
        answer = ask_child(real, &status, name);
    }
    if (answer.outcome != RESOLVED)
        return explain(answer.outcome, path, name, error);
    *file_offset = answer.file_offset;
    return 0;
}
