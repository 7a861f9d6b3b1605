/*
 * posix_spawn, not fork: the tracing process may be large and threaded. The surprise is SIGCHLD: a
 * host that ignores it makes the kernel reap our child, and waitpid() then says ECHILD after a
 * success.
 *
 * clang needs milliseconds to give its memory back. So the plugin tells by a pipe that clang is
 * about to exit with status 0, and nobody has to wait for the rest. What it tells is its process
 * id: behind a script that stands for clang, only the script's own end counts.
 */
#include "compile/child.h"

#include "base/clock.h"
#include "base/fd.h"

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
#include <unistd.h>

enum { OUTPUT, MESSAGES, REPORT, PIPE_COUNT = LBPF_CHILD_PIPES };
enum {
    LOWEST_OWN_FD = 32,
    CHUNK = 65536,
    OUTPUT_LIMIT = 64 * 1024 * 1024,
    MESSAGES_LIMIT = 1024 * 1024,
    SIGNAL_BASE = 256,
    REPORT_FD = LBPF_CHILD_FIRST_FD - 1,
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

int lbpf_child_write(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size) {
        ssize_t written = write(fd, at, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written ? -errno : -EIO;
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

int lbpf_memory_file(const char *name, const void *bytes, size_t size)
{
    int fd = move_up(memfd_create(name, MFD_CLOEXEC));
    int result = fd < 0 ? 0 : lbpf_child_write(fd, bytes, size);

    if (!result)
        return fd;
    close(fd);
    return result;
}

int lbpf_child_pipe(int ends[2])
{
    int raw[2];

    ends[0] = ends[1] = -1;
    if (pipe2(raw, O_CLOEXEC))
        return -errno;
    ends[0] = move_up(raw[0]);
    ends[1] = move_up(raw[1]);
    if (ends[0] >= 0 && ends[1] >= 0)
        return 0;
    raw[0] = ends[0] < 0 ? ends[0] : ends[1];
    lbpf_close_fd(&ends[0]);
    lbpf_close_fd(&ends[1]);
    return raw[0];
}

/* Only what a compiler needs: CPATH and its like would change the object behind the cache's back.
 * And where to tell of its success. */
static void fill_environment(char **environment, struct lbpf_buffer *storage, bool reports)
{
    static const char *const kept[] = {"PATH", "LD_LIBRARY_PATH", "TMPDIR"};
    static const char locale[] = "LC_ALL=C";
    size_t count = 0, starts[sizeof kept / sizeof *kept + 1];

    lbpf_buffer_append(storage, locale, sizeof locale);
    if (reports) {
        starts[count++] = storage->size;
        lbpf_buffer_printf(storage, "LUABPF_REPORT=%d", REPORT_FD);
        lbpf_buffer_append(storage, "", 1);
    }
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

/* Starts the child with the pipes' ends for writing. */
static int spawn(struct lbpf_child *child, const int *pipes, char **environment)
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
        result = posix_spawn_file_actions_adddup2(&actions, pipes[OUTPUT], 1);
    if (!result)
        result = posix_spawn_file_actions_adddup2(&actions, pipes[MESSAGES], 2);
    if (!result && child->reports)
        result = posix_spawn_file_actions_adddup2(&actions, pipes[REPORT], REPORT_FD);
    for (size_t i = 0; !result && i < child->fd_count; i++)
        if (child->fds[i] >= 0)
            result = posix_spawn_file_actions_adddup2(&actions, child->fds[i],
                                                      LBPF_CHILD_FIRST_FD + (int)i);
    if (!result)
        result = posix_spawn(&child->pid, child->path, &actions, &attributes, child->arguments,
                             environment);
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
        lbpf_close_fd(fd);
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

/* Waits for one of the fds until the deadline (0: for ever). 0, -ETIMEDOUT or -errno. */
static int poll_until(struct pollfd *polls, nfds_t count, int64_t deadline_ms)
{
    int64_t left = deadline_ms ? deadline_ms - lbpf_now_ms() : -1;
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

/* Takes what is in the pipes and ends with them. */
static int drain_pipe(struct lbpf_child *child, int which)
{
    return which == OUTPUT ? drain(&child->pipes[OUTPUT], child->output, OUTPUT_LIMIT, false)
                           : drain(&child->pipes[MESSAGES], child->messages, MESSAGES_LIMIT, true);
}

/* Whether the child itself told of its success. It has written everything before. */
static bool read_report(struct lbpf_child *child)
{
    pid_t told = 0;
    ssize_t got = read(child->pipes[REPORT], &told, sizeof told);

    if (got >= 0 || errno != EINTR)
        lbpf_close_fd(&child->pipes[REPORT]);
    return got == sizeof told && told == child->pid;
}

/* Takes what comes until the pipes end, or, after a report, until they are empty. */
static int collect(struct lbpf_child *child, bool *reported)
{
    const int *pipes = child->pipes;
    int result = 0;

    while (pipes[OUTPUT] >= 0 || pipes[MESSAGES] >= 0) {
        struct pollfd polls[PIPE_COUNT];
        bool idle = true;

        for (int i = 0; i < PIPE_COUNT; i++)
            polls[i] = (struct pollfd){.fd = pipes[i], .events = POLLIN};
        if (!*reported)
            result = poll_until(polls, PIPE_COUNT, child->deadline_ms);
        else
            while (poll(polls, REPORT, 0) < 0 && !result)
                result = errno == EINTR ? 0 : -errno;
        for (int i = OUTPUT; !result && i <= MESSAGES; i++)
            if (polls[i].revents) {
                idle = false;
                result = drain_pipe(child, i);
            }
        if (result || (*reported && idle))
            return result;
        if (!*reported && polls[REPORT].revents)
            *reported = read_report(child);
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

static void close_pipes(int *pipes)
{
    for (int i = 0; i < PIPE_COUNT; i++)
        lbpf_close_fd(&pipes[i]);
}

int lbpf_child_begin(struct lbpf_child *child)
{
    struct lbpf_buffer storage = {0};
    char *environment[8];
    int written[PIPE_COUNT] = {-1, -1, -1}, result = 0;

    child->pid = 0;
    child->deadline_ms = child->seconds ? lbpf_now_ms() + (int64_t)child->seconds * 1000 : 0;
    for (int i = 0; i < PIPE_COUNT; i++)
        child->pipes[i] = -1;
    for (int i = 0; !result && i < PIPE_COUNT; i++) {
        int ends[2];

        if (i == REPORT && !child->reports)
            continue;
        result = lbpf_child_pipe(ends);
        child->pipes[i] = ends[0];
        written[i] = ends[1];
    }
    if (result == -EMFILE && child->pipes[MESSAGES] >= 0) {
        child->reports = false; /* there is room for all but that */
        result = 0;
    }
    fill_environment(environment, &storage, child->reports);
    if (!result && storage.failed)
        result = -ENOMEM;
    if (!result)
        result = spawn(child, written, environment);
    lbpf_buffer_free(&storage);
    close_pipes(written);
    if (result)
        close_pipes(child->pipes);
    else
        limit(child->pid, child);
    return result;
}

/* Its exit status. result is what went wrong until now: then it is ended. */
static int end(struct lbpf_child *child, int result)
{
    int status;

    close_pipes(child->pipes);
    if (result)
        kill(child->pid, SIGKILL);
    status = wait_for(child->pid);
    child->pid = 0;
    return result ? result : status;
}

int lbpf_child_finish(struct lbpf_child *child)
{
    bool reported = false;
    int result = collect(child, &reported);

    if (!result && reported) {
        close_pipes(child->pipes);
        return 0;
    }
    return end(child, result ? result : wait_until(child->pid, child->deadline_ms));
}

void lbpf_child_abort(struct lbpf_child *child)
{
    end(child, -ECANCELED);
}

void lbpf_child_reap(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    wait_for(pid);
}

int lbpf_child_run(struct lbpf_child *child)
{
    int result = lbpf_child_begin(child);

    if (result)
        return result;
    result = lbpf_child_finish(child);
    lbpf_child_reap(child->pid);
    return result;
}
