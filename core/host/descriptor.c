#include "host/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static const char op[] = "table";

static int refuse_path(const char *path, const char *what, struct lbpf_error *error)
{
    int code = errno;

    return lbpf_error_set(error, code, op, "Could not open %s '%s': %s", what, path,
                          strerror(code));
}

int lbpf_open_process(long long pid, struct lbpf_error *error)
{
    int fd = -1, code = ESRCH;

    if (pid > 0 && pid <= INT_MAX) {
        fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0); /* closes on exec by itself */
        code = errno;
    }
    if (fd >= 0)
        return fd;
    if (code == EINVAL || code == ENOENT) { /* the id of a thread that leads no process */
        lbpf_error_set(error, ESRCH, op, "%lld is a thread, and no process", pid);
        lbpf_error_hint(error, "give the id of its process");
        return -ESRCH;
    }
    return lbpf_error_set(error, code, op, "Could not open process %lld: %s", pid, strerror(code));
}

int lbpf_open_file(const char *path, struct lbpf_error *error)
{
    int fd = open(path, O_PATH | O_CLOEXEC);

    return fd >= 0 ? fd : refuse_path(path, "the file", error);
}

int lbpf_open_cgroup(const char *path, struct lbpf_error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct statfs system;

    if (fd < 0)
        return refuse_path(path, "the cgroup", error);
    if (fstatfs(fd, &system) || system.f_type != CGROUP2_SUPER_MAGIC) {
        close(fd);
        lbpf_error_set(error, EINVAL, op, "'%s' is no cgroup of version 2", path);
        lbpf_error_hint(error, "such cgroups are the folders under /sys/fs/cgroup, or under "
                               "/sys/fs/cgroup/unified");
        return -EINVAL;
    }
    return fd;
}
