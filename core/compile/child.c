/*
 * posix_spawn, not fork: the tracing process may be large and threaded. The surprise is SIGCHLD: a
 * host that ignores it makes the kernel reap our child, and waitpid() then says ECHILD after a
 * success.
 */
#include "compile/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LOWEST_OWN_FD = 32,
    CHUNK = 65536,
    OUTPUT_LIMIT = 64 * 1024 * 1024,
    MESSAGES_LIMIT = 1024 * 1024,
    SIGNAL_BASE = 256,
};

/* Moves fd above the numbers that a child gets; closes it on failure. */
static int move_up(int fd)
{
    int moved;

    if (fd < 0 || fd >= LOWEST_OWN_FD)
        return fd < 0 ? -errno : fd;
    moved = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_OWN_FD);
    if (moved < 0) /* EINVAL: that number is beyond the limit of open files */
        moved = errno == EINVAL ? -EMFILE : -errno;
    close(fd);
    return moved;
}

int lbpf_memory_file(const char *name, const void *bytes, size_t size)
{
    int fd = move_up(memfd_create(name, MFD_CLOEXEC));
    const char *at = bytes;

    while (fd >= 0 && size) {
        ssize_t written = write(fd, at, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            int code = written ? -errno : -EIO;

            close(fd);
            return code;
        }
        at += written;
        size -= (size_t)written;
    }
    return fd;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int make_pipe(int ends[2])
{
    int raw[2];

    ends[0] = ends[1] = -1;
    if (pipe2(raw, O_CLOEXEC))
        return -errno;
    ends[0] = move_up(raw[0]);
    ends[1] = move_up(raw[1]);
    return ends[0] < 0 ? ends[0] : ends[1] < 0 ? ends[1] : 0;
}

/* Only what a compiler needs: CPATH and its like would change the object behind the cache's back.
 */
static void fill_environment(char **environment, struct lbpf_buffer *storage)
{
    static const char *const kept[] = {"PATH", "LD_LIBRARY_PATH", "TMPDIR"};
    static const char locale[] = "LC_ALL=C";
    size_t count = 0, starts[sizeof kept / sizeof *kept];

    lbpf_buffer_append(storage, locale, sizeof locale);

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const char *value = getenv(kept[i]);

        if (!value)
            continue;
        starts[count++] = storage->size;
        lbpf_buffer_printf(storage, "%s=%s", kept[i], value);
        lbpf_buffer_append(storage, "", 1);
    }
    for (size_t i = 0; !storage->failed && i < count; i++)
        *environment++ = storage->data + starts[i];
    *environment++ = storage->failed ? NULL : storage->data;
    *environment = NULL;
}

static int spawn(const struct lbpf_child *child, int output, int messages, char **environment,
                 pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    int result;

    result = posix_spawn_file_actions_init(&actions);
    if (result)
        return -result;
    result = posix_spawnattr_init(&attributes);
    if (result) {
        posix_spawn_file_actions_destroy(&actions);
        return -result;
    }
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    result = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!result)
        result = posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (!result)
        result = posix_spawn_file_actions_adddup2(&actions, messages, 2);
    for (size_t i = 0; !result && i < child->fd_count; i++)
        result =
            posix_spawn_file_actions_adddup2(&actions, child->fds[i], LBPF_CHILD_FIRST_FD + (int)i);
    if (!result)
        result =
            posix_spawn(pid, child->path, &actions, &attributes, child->arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -result;
}

/* Takes what a pipe has; closes it at its end. */
static int drain(int *fd, struct lbpf_buffer *buffer, size_t limit, bool drop)
{
    char *end = lbpf_buffer_reserve(buffer, CHUNK);
    ssize_t got;

    if (!end)
        return -ENOMEM;
    *end = '\0'; /* also when nothing comes */
    got = read(*fd, end, CHUNK);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    if (got == 0) {
        close_fd(fd);
        return 0;
    }
    if (buffer->size + (size_t)got <= limit) {
        buffer->size += (size_t)got;
        buffer->data[buffer->size] = '\0';
        return 0;
    }
    return drop ? 0 : -EFBIG;
}

/* --- limits ----------------------------------------------------------------------------------- */

/* posix_spawn sets no limits, so they come a moment after the start. What may not be set is left:
 * then a stricter limit is in force already. */
static void limit(pid_t pid, const struct lbpf_child *child)
{
    const rlim_t bytes = (rlim_t)child->megabytes << 20, seconds = child->seconds;

    if (child->megabytes)
        prlimit(pid, RLIMIT_AS, &(struct rlimit){bytes, bytes}, NULL);
    if (child->seconds)
        prlimit(pid, RLIMIT_CPU, &(struct rlimit){seconds, seconds + 1}, NULL);
    prlimit(pid, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL);
}

static int64_t now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Waits for one of the fds until the deadline (0: for ever). 0, -ETIMEDOUT or -errno. */
static int poll_until(struct pollfd *polls, nfds_t count, int64_t deadline_ms)
{
    int64_t left = deadline_ms ? deadline_ms - now_ms() : -1;
    int result;

    if (deadline_ms && left <= 0)
        return -ETIMEDOUT;
    result = poll(polls, count, left > INT32_MAX ? INT32_MAX : (int)left);
    if (result < 0 && errno != EINTR)
        return -errno;
    if (result <= 0)
        for (nfds_t i = 0; i < count; i++)
            polls[i].revents = 0;
    return 0;
}

static int collect(const struct lbpf_child *child, int *output, int *messages, int64_t deadline_ms)
{
    while (*output >= 0 || *messages >= 0) {
        struct pollfd polls[2] = {{.fd = *output, .events = POLLIN},
                                  {.fd = *messages, .events = POLLIN}};
        int result = poll_until(polls, 2, deadline_ms);

        if (!result && polls[0].revents)
            result = drain(output, child->output, OUTPUT_LIMIT, false);
        if (!result && polls[1].revents)
            result = drain(messages, child->messages, MESSAGES_LIMIT, true);
        if (result)
            return result;
    }
    return 0;
}

/* A child may close its outputs and live on. */
static int wait_until(pid_t pid, int64_t deadline_ms)
{
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    int result = 0;

    if (end.fd < 0)
        return 0; /* it is gone and hidden by SIGCHLD, or the kernel is old */
    while (!result && !end.revents)
        result = poll_until(&end, 1, deadline_ms);
    close(end.fd);
    return result;
}

static int wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return errno == ECHILD ? 0 : -errno;
    return WIFSIGNALED(status) ? SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

int lbpf_child_run(const struct lbpf_child *child)
{
    struct lbpf_buffer storage = {0};
    int64_t deadline_ms = child->seconds ? now_ms() + (int64_t)child->seconds * 1000 : 0;
    char *environment[8];
    int output[2], messages[2] = {-1, -1};
    pid_t pid = -1;
    int result, status;

    fill_environment(environment, &storage);
    result = make_pipe(output);
    if (!result)
        result = make_pipe(messages);
    if (!result && storage.failed)
        result = -ENOMEM;
    if (!result)
        result = spawn(child, output[1], messages[1], environment, &pid);
    if (result)
        pid = -1;
    else
        limit(pid, child);
    close_fd(&output[1]);
    close_fd(&messages[1]);
    if (!result)
        result = collect(child, &output[0], &messages[0], deadline_ms);
    if (!result)
        result = wait_until(pid, deadline_ms);
    close_fd(&output[0]);
    close_fd(&messages[0]);
    lbpf_buffer_free(&storage);
    if (pid < 0)
        return result;
    if (result)
        kill(pid, SIGKILL);
    status = wait_for(pid);
    return result ? result : status;
}
