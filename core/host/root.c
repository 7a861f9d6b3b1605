/*
 * Opening files below the root of another process. /proc/PID/root/lib/x.so would not do: where lib
 * is an absolute symbolic link, the kernel follows it in our own root. openat2() can stay inside.
 */
#include "host/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char op[] = "look into process";

int lbpf_root_open(pid_t pid, struct lbpf_error *error)
{
    char path[32];
    int root, code;

    snprintf(path, sizeof path, "/proc/%d/root", (int)pid);
    root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root >= 0)
        return root;
    code = errno;
    if (code == ENOENT || code == ESRCH)
        return lbpf_error_set(error, ESRCH, op, "process %d does not exist", (int)pid);
    lbpf_error_set(error, code, op, "process %d can not be looked into: %s", (int)pid,
                   strerror(code));
    lbpf_error_hint(error, "files of another user's process need CAP_SYS_PTRACE");
    return -code;
}

static int open_inside(int root, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned)flags, .resolve = RESOLVE_IN_ROOT};
    int fd;

    if (root == LBPF_OWN_ROOT)
        fd = open(path, flags);
    else
        fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    return fd < 0 ? -errno : fd;
}

int lbpf_root_open_file(int root, const char *path)
{
    /* a handle can neither be read nor does opening it wait for anything */
    int handle = open_inside(root, path, O_PATH | O_CLOEXEC), fd;
    struct stat status;
    char again[40];

    if (handle < 0)
        return handle;
    if (fstat(handle, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(handle);
        return -EINVAL;
    }
    snprintf(again, sizeof again, "/proc/self/fd/%d", handle);
    fd = open(again, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        fd = -errno;
    close(handle);
    return fd;
}

int lbpf_root_open_folder(int root, const char *path)
{
    return open_inside(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
