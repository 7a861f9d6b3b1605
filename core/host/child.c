/*
 * The child waits at a pipe between fork and exec. The surprising fact: it holds copies of all file
 * descriptors then, links and events among them, which would live on when the parent closes them or
 * dies; so it closes them first of all.
 */
#include "host/child.h"

#include "base/fd.h"
#include "host/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CAN_NOT_RUN = 127, FIRST_FILE = 3 };

struct lbpf_child {
    pid_t pid;
    int pidfd;
    int start_fd;   /* a byte lets it begin; -1 after that */
    int failure_fd; /* gives exec's errno, or nothing */
    bool has_ended;
    struct lbpf_child_end end;
};

/* ---- in the child: only what is safe after a fork of a process with threads ------------------ */

static void close_range_of(int first, int last)
{
    if (first <= last)
        syscall(SYS_close_range, first, last, 0);
}

static void close_all_but(int a, int b)
{
    int low = a < b ? a : b, high = a < b ? b : a;

    close_range_of(FIRST_FILE, low - 1);
    close_range_of(low + 1, high - 1);
    close_range_of(high + 1, ~0U >> 1);
}

/* Handlers are the parent's functions, over a copy of its state. */
static void drop_signal_handlers(void)
{
    struct sigaction action;

    for (int number = 1; number < NSIG; number++)
        if (!sigaction(number, NULL, &action) && action.sa_handler != SIG_IGN &&
            action.sa_handler != SIG_DFL) {
            action.sa_handler = SIG_DFL;
            action.sa_flags = 0;
            sigaction(number, &action, NULL);
        }
}

_Noreturn static void become(char *const argv[], int start, int failure, const sigset_t *mask)
{
    ssize_t size;
    char byte;
    int code;

    drop_signal_handlers();
    sigprocmask(SIG_SETMASK, mask, NULL);
    close_all_but(start, failure);
    do
        size = read(start, &byte, 1);
    while (size < 0 && errno == EINTR);
    if (size == 1) {
        execvp(argv[0], argv);
        code = errno;
        size = write(failure, &code, sizeof code);
    }
    _exit(CAN_NOT_RUN);
}

/* ---- in the parent ----------------------------------------------------------------------------
 */

static int make_process(struct lbpf_child *self, char *const argv[])
{
    int start[2], failure[2];
    sigset_t all, mask;

    if (pipe2(start, O_CLOEXEC))
        return -errno;
    if (pipe2(failure, O_CLOEXEC)) {
        close(start[0]);
        close(start[1]);
        return -errno;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    self->pid = fork();
    if (self->pid == 0)
        become(argv, start[0], failure[1], &mask);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    close(start[0]);
    close(failure[1]);
    self->start_fd = start[1];
    self->failure_fd = failure[0];
    return self->pid < 0 ? -errno : 0;
}

int lbpf_child_new(char *const argv[], struct lbpf_child **child, struct lbpf_error *error)
{
    struct lbpf_child *self = calloc(1, sizeof *self);
    int result;

    *child = NULL;
    if (!self)
        return lbpf_error_set(error, ENOMEM, "spawn", "Out of memory");
    self->pid = self->pidfd = self->start_fd = self->failure_fd = -1;
    result = make_process(self, argv);
    if (result < 0)
        lbpf_error_set(error, -result, "fork", "Could not make a process for %s: %s", argv[0],
                       strerror(-result));
    else
        result = self->pidfd = lbpf_open_process(self->pid, error);
    if (result < 0) {
        lbpf_child_free(self);
        return result;
    }
    *child = self;
    return 0;
}

/* 1 when it has ended, 0 when it has not, or -errno. */
static int reap(struct lbpf_child *self, int flags)
{
    int status;
    pid_t pid;

    if (self->has_ended)
        return 1;
    do
        pid = waitpid(self->pid, &status, flags);
    while (pid < 0 && errno == EINTR);
    if (pid < 0)
        return -errno;
    if (pid == 0)
        return 0;
    self->has_ended = true;
    self->end.by_signal = WIFSIGNALED(status);
    self->end.status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    return 1;
}

int lbpf_child_start(struct lbpf_child *self, struct lbpf_error *error)
{
    ssize_t size;
    int code;

    if (self->start_fd < 0)
        return lbpf_error_set(error, EALREADY, "spawn", "The command was started before");
    /* It may have been killed; then nobody reads, and SIGPIPE would end this process. */
    if (reap(self, WNOHANG) == 1)
        return lbpf_error_set(error, ESRCH, "spawn", "The process has ended before its start");
    size = write(self->start_fd, "s", 1);
    lbpf_close_fd(&self->start_fd);
    do
        size = read(self->failure_fd, &code, sizeof code);
    while (size < 0 && errno == EINTR);
    lbpf_close_fd(&self->failure_fd);
    if (size != sizeof code)
        return 0;
    reap(self, 0);
    return lbpf_error_set(error, code, "execve", "Could not run the command: %s", strerror(code));
}

bool lbpf_child_is_started(const struct lbpf_child *self)
{
    return self->start_fd < 0;
}

pid_t lbpf_child_pid(const struct lbpf_child *self)
{
    return self->pid;
}

int lbpf_child_pollfd(const struct lbpf_child *self)
{
    return self->pidfd;
}

int lbpf_child_end(struct lbpf_child *self, struct lbpf_child_end *end, struct lbpf_error *error)
{
    int result = reap(self, WNOHANG);

    if (result == -ECHILD)
        return lbpf_error_set(error, ECHILD, "waitpid",
                              "Something else in this program has taken the command's status");
    if (result < 0)
        return lbpf_error_set(error, -result, "waitpid", "Could not wait for the command: %s",
                              strerror(-result));
    if (result == 1)
        *end = self->end;
    return result;
}

/* By descriptor: the number may be another process's by now. */
int lbpf_child_signal(struct lbpf_child *self, int number, struct lbpf_error *error)
{
    if (!syscall(SYS_pidfd_send_signal, self->pidfd, number, NULL, 0) || errno == ESRCH)
        return 0;
    return lbpf_error_set(error, errno, "kill", "Could not send signal %d: %s", number,
                          strerror(errno));
}

void lbpf_child_free(struct lbpf_child *self)
{
    if (!self)
        return;
    if (self->pid > 0 && !lbpf_child_is_started(self) && !self->has_ended) {
        kill(self->pid, SIGKILL);
        reap(self, 0);
    }
    lbpf_close_fd(&self->pidfd);
    lbpf_close_fd(&self->start_fd);
    lbpf_close_fd(&self->failure_fd);
    free(self);
}
