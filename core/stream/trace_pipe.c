/*
 * trace_pipe, read line by line.
 *
 * poll() is of little use on it: since 6.1 the kernel calls the pipe readable only when its buffer
 * is filled to tracing/buffer_percent, half by default. A read that blocks is of none: a signal
 * whose handler restarts system calls would not end it. So waiting is a row of short naps (in
 * poll(), which every signal ends) with attempts to read between them.
 */
#include "stream/trace_pipe.h"

#include "base/clock.h"
#include "host/tracefs.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OP          "trace_pipe"
#define NAP_MS      16 /* the longest nap; they begin with 1 ms */
#define TASK_COLUMN 16 /* width of the task's name; the kernel right-justifies it */

struct lbpf_trace_pipe {
    int fd;
    size_t start, end; /* unread bytes of data */
    char data[16384];  /* far longer than any line of the kernel */
};

int lbpf_trace_pipe_open(struct lbpf_trace_pipe **pipe, struct lbpf_error *error)
{
    const char *folder = lbpf_tracefs(error);
    struct lbpf_trace_pipe *made;
    char path[PATH_MAX];

    *pipe = NULL;
    if (!folder)
        return error && error->code ? -error->code : -ENOENT;
    made = malloc(sizeof *made);
    if (!made)
        return lbpf_error_no_memory(error, OP);
    snprintf(path, sizeof path, "%s/trace_pipe", folder);
    made->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    made->start = made->end = 0;
    if (made->fd < 0) {
        int code = errno;

        free(made);
        lbpf_error_set(error, code, OP, "Could not open %s: %s", path, strerror(code));
        if (code == EPERM || code == EACCES)
            lbpf_permission_hint(error);
        else if (code == EBUSY)
            lbpf_error_hint(error, "another program reads it; only one can");
        return -code;
    }
    *pipe = made;
    return 0;
}

void lbpf_trace_pipe_close(struct lbpf_trace_pipe *pipe)
{
    if (!pipe)
        return;
    close(pipe->fd);
    free(pipe);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* The next complete line that is not empty, out of what was read; -EAGAIN if there is none. */
static int take_line(struct lbpf_trace_pipe *pipe, const char **line)
{
    while (pipe->start < pipe->end) {
        char *text = pipe->data + pipe->start;
        size_t rest = pipe->end - pipe->start;
        char *newline = memchr(text, '\n', rest);
        size_t size = newline ? (size_t)(newline - text) : rest;

        if (!newline && (pipe->start > 0 || rest < sizeof pipe->data))
            return -EAGAIN;
        pipe->start += size + (newline != NULL);
        while (size && (text[size - 1] == '\r' || text[size - 1] == ' '))
            size--;
        if (size) {
            *line = text;
            return (int)size;
        }
    }
    return -EAGAIN;
}

/* Reads more behind what is there. -EAGAIN when there is nothing. */
static int fill(struct lbpf_trace_pipe *pipe)
{
    ssize_t got;

    memmove(pipe->data, pipe->data + pipe->start, pipe->end - pipe->start);
    pipe->end -= pipe->start;
    pipe->start = 0;
    got = read(pipe->fd, pipe->data + pipe->end, sizeof pipe->data - pipe->end);
    if (got < 0)
        return -errno;
    pipe->end += (size_t)got;
    return got ? 0 : -EAGAIN; /* 0: tracing is switched off */
}

/* Sleeps, at most left ms unless that is negative. */
static int nap(const struct lbpf_trace_pipe *pipe, int nap_ms, int64_t left)
{
    struct pollfd wanted = {.fd = pipe->fd, .events = POLLIN};

    if (left >= 0 && left < nap_ms)
        nap_ms = (int)left;
    return poll(&wanted, 1, nap_ms) < 0 ? -errno : 0;
}

/* Waits until a line can be taken. Its length, -EAGAIN when time is over, -EINTR, -errno. */
static int wait_line(struct lbpf_trace_pipe *pipe, int timeout_ms, const char **line)
{
    int64_t end = timeout_ms > 0 ? lbpf_now_ms() + timeout_ms : 0;
    int nap_ms = 1;

    for (;;) {
        int64_t left = timeout_ms > 0 ? end - lbpf_now_ms() : timeout_ms;
        int result = fill(pipe);

        if (!result)
            result = take_line(pipe, line);
        if (result != -EAGAIN)
            return result;
        if (timeout_ms >= 0 && left <= 0)
            return -EAGAIN;
        result = nap(pipe, nap_ms, left);
        if (result)
            return result;
        nap_ms = nap_ms < NAP_MS ? nap_ms * 2 : NAP_MS;
    }
}

int lbpf_trace_pipe_readline(struct lbpf_trace_pipe *pipe, int timeout_ms, const char **line,
                             struct lbpf_error *error)
{
    int result = take_line(pipe, line);

    if (result == -EAGAIN)
        result = wait_line(pipe, timeout_ms, line);
    if (result < 0 && result != -EINTR && result != -EAGAIN)
        return lbpf_error_set(error, -result, OP, "Could not read trace_pipe: %s",
                              strerror(-result));
    return result;
}

/* ---- parsing -------------------------------------------------------------------------------- */

/* The rest of a line, consumed from the left. */
struct cursor {
    const char *at, *end;
};

static void skip_blanks(struct cursor *cursor)
{
    while (cursor->at < cursor->end && *cursor->at == ' ')
        cursor->at++;
}

static bool read_digits(struct cursor *cursor, uint64_t *value)
{
    const char *start = cursor->at;

    *value = 0;
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9' &&
           cursor->at - start < 18)
        *value = *value * 10 + (uint64_t)(*cursor->at++ - '0');
    return cursor->at > start;
}

static bool read_int(struct cursor *cursor, int *value)
{
    uint64_t digits;

    if (!read_digits(cursor, &digits) || digits > INT_MAX)
        return false;
    *value = (int)digits;
    return true;
}

static bool accept(struct cursor *cursor, char wanted)
{
    if (cursor->at >= cursor->end || *cursor->at != wanted)
        return false;
    cursor->at++;
    return true;
}

/* "(  1234) " or "(-------) ", there with the option record-tgid. */
static void skip_tgid(struct cursor *cursor)
{
    const char *close;

    skip_blanks(cursor);
    if (cursor->at >= cursor->end || *cursor->at != '(')
        return;
    close = memchr(cursor->at, ')', (size_t)(cursor->end - cursor->at));
    if (close)
        cursor->at = close + 1;
}

/* "123.456789:", or "123456:" with a clock that counts. Not by strtod, whose point depends on the
 * locale. */
static bool read_timestamp(struct cursor *cursor, double *timestamp)
{
    uint64_t whole, part = 0;
    double scale = 1;

    if (!read_digits(cursor, &whole))
        return false;
    if (accept(cursor, '.')) {
        const char *start = cursor->at;

        if (!read_digits(cursor, &part))
            return false;
        for (; start < cursor->at; start++)
            scale *= 10;
    }
    *timestamp = (double)whole + (double)part / scale;
    return accept(cursor, ':');
}

/* The flags column, unless what stands here is the timestamp already. */
static void read_flags(struct cursor *cursor, struct lbpf_trace_fields *fields)
{
    struct cursor ahead = *cursor;
    const char *start = cursor->at;
    double timestamp;
    size_t size;

    fields->flags[0] = '\0';
    if (read_timestamp(&ahead, &timestamp))
        return;
    while (cursor->at < cursor->end && *cursor->at != ' ')
        cursor->at++;
    size = (size_t)(cursor->at - start);
    if (size >= sizeof fields->flags)
        size = sizeof fields->flags - 1;
    memcpy(fields->flags, start, size);
    fields->flags[size] = '\0';
}

/* "bpf_trace_printk: text": the name of the function is passed over. */
static bool read_message(struct cursor *cursor, struct lbpf_trace_fields *fields)
{
    const char *colon = memchr(cursor->at, ':', (size_t)(cursor->end - cursor->at));

    if (!colon)
        return false;
    cursor->at = colon + 1;
    if (cursor->at < cursor->end && *cursor->at == ' ')
        cursor->at++;
    fields->message = cursor->at;
    fields->message_size = (size_t)(cursor->end - cursor->at);
    return true;
}

static void read_task(const char *line, struct lbpf_trace_fields *fields)
{
    size_t start = 0;

    while (start < TASK_COLUMN && line[start] == ' ')
        start++;
    memcpy(fields->task, line + start, TASK_COLUMN - start);
    fields->task[TASK_COLUMN - start] = '\0';
}

bool lbpf_trace_parse(const char *line, size_t size, struct lbpf_trace_fields *fields)
{
    struct cursor cursor = {line + TASK_COLUMN, line + size};

    if (size <= TASK_COLUMN)
        return false;
    read_task(line, fields);
    if (!accept(&cursor, '-') || !read_int(&cursor, &fields->pid))
        return false;
    skip_tgid(&cursor);
    skip_blanks(&cursor);
    if (!accept(&cursor, '[') || !read_int(&cursor, &fields->cpu) || !accept(&cursor, ']'))
        return false;
    skip_blanks(&cursor);
    read_flags(&cursor, fields);
    skip_blanks(&cursor);
    return read_timestamp(&cursor, &fields->timestamp) && read_message(&cursor, fields);
}

/* Whether a line begins something: an event, or the note that events were lost. */
static bool begins_event(const char *line, size_t size)
{
    struct lbpf_trace_fields ignored;

    return lbpf_trace_parse(line, size, &ignored) || (size >= 4 && !memcmp(line, "CPU:", 4));
}

void lbpf_trace_pipe_join(struct lbpf_trace_pipe *pipe, struct lbpf_trace_fields *fields)
{
    while (pipe->start < pipe->end) {
        const char *line = pipe->data + pipe->start;
        const char *newline = memchr(line, '\n', pipe->end - pipe->start);

        if (!newline || begins_event(line, (size_t)(newline - line)))
            return;
        if (newline > line)
            fields->message_size = (size_t)(newline - fields->message);
        pipe->start = (size_t)(newline + 1 - pipe->data);
    }
}
