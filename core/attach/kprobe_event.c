/*
 * A probe in tracefs: a line written to kprobe_events makes an event, which a perf event then
 * carries to the program. Unlike all other links the event has a name and outlives its maker if
 * that is killed; so the name says whose it is, and whoever makes the next one removes those whose
 * process is gone. The kernel refuses to remove one that is in use.
 */
#include "attach/kprobe_private.h"
#include "host/tracefs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    EVENT_LIMIT = 64, /* the kernel's, for a name with its NUL */
    SAME_LIMIT = 100, /* events of one process on one function */
    LIST_LIMIT = 16 * 1024 * 1024,
};

static const char mark[] = "_bcc_";

/* "kprobes/r_vfs_read_bcc_PID": BCC's form, cut where the kernel would refuse it, and numbered when
 * this process has such an event already. */
static char *event_name(const struct lbpf_kprobe_options *options, const char *function,
                        unsigned number)
{
    char tail[40], plain[EVENT_LIMIT];
    struct lbpf_buffer name = {0};
    size_t room;

    if (number > 0)
        snprintf(tail, sizeof tail, "_%u%s%d", number, mark, (int)getpid());
    else
        snprintf(tail, sizeof tail, "%s%d", mark, (int)getpid());
    room = EVENT_LIMIT - 1 - 2 - strlen(tail);
    snprintf(plain, sizeof plain, "%.*s", (int)room, function);
    for (char *at = plain; *at; at++) {
        if (!isalnum((unsigned char)*at))
            *at = '_';
    }
    lbpf_buffer_printf(&name, "kprobes/%c_%s%s", options->is_return ? 'r' : 'p', plain, tail);
    return lbpf_buffer_take(&name);
}

static int write_event(const char *folder, const char *line)
{
    char path[128];
    size_t size = strlen(line);
    int fd, result = 0;

    snprintf(path, sizeof path, "%s/kprobe_events", folder);
    fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (write(fd, line, size) != (ssize_t)size)
        result = -errno;
    close(fd);
    return result;
}

/* --- what dead processes left
 * -------------------------------------------------------------------- */

static void remove_if_dead(const char *folder, const char *name)
{
    const char *pid = NULL;
    char line[EVENT_LIMIT + 32];
    char *end;
    long number;

    for (const char *at = strstr(name, mark); at; at = strstr(at + 1, mark))
        pid = at + strlen(mark);
    if (!pid || strlen(name) > EVENT_LIMIT + strlen("kprobes/"))
        return;
    number = strtol(pid, &end, 10);
    if (end == pid || *end || number <= 0 || kill((pid_t)number, 0) == 0 || errno != ESRCH)
        return;
    snprintf(line, sizeof line, "-:%s", name);
    write_event(folder, line); /* in use by a process that we can't see: then it stays */
}

static void remove_leftovers(const char *folder)
{
    struct lbpf_buffer text = {0};
    char path[128], *rest = NULL;

    snprintf(path, sizeof path, "%s/kprobe_events", folder);
    if (lbpf_buffer_read_file(&text, path, LIST_LIMIT) == 0 && text.data) {
        for (char *line = strtok_r(text.data, "\n", &rest); line;
             line = strtok_r(NULL, "\n", &rest)) {
            char *name = strchr(line, ':'); /* "r4:kprobes/NAME function" */

            if (!name)
                continue;
            name[1 + strcspn(name + 1, " ")] = '\0';
            remove_if_dead(folder, name + 1);
        }
    }
    lbpf_buffer_free(&text);
}

/* --- a new one
 * ------------------------------------------------------------------------------------ */

static int write_definition(const char *folder, const char *name,
                            const struct lbpf_kprobe_options *options, const char *function,
                            unsigned max_active)
{
    struct lbpf_buffer line = {0};
    char *text;
    int result;

    lbpf_buffer_append_string(&line, options->is_return ? "r" : "p");
    if (max_active)
        lbpf_buffer_printf(&line, "%u", max_active);
    lbpf_buffer_printf(&line, ":%s %s", name, function);
    if (options->offset)
        lbpf_buffer_printf(&line, "+%llu", (unsigned long long)options->offset);
    text = lbpf_buffer_take(&line);
    if (!text)
        return -ENOMEM;
    result = write_event(folder, text);
    free(text);
    return result;
}

/* Gives the name of the event that it made. */
static int make_event(const char *folder, const struct lbpf_kprobe_options *options,
                      const char *function, char **made)
{
    int result = -EEXIST;

    for (unsigned number = 0; result == -EEXIST && number < SAME_LIMIT; number++) {
        char *name = event_name(options, function, number);

        if (!name)
            return -ENOMEM;
        result = write_definition(folder, name, options, function, options->max_active);
        if (result == -EINVAL && options->max_active) /* before Linux 4.12 */
            result = write_definition(folder, name, options, function, 0);
        if (result == 0)
            *made = name;
        else
            free(name);
    }
    return result;
}

static int open_event(const char *folder, const char *name)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_TRACEPOINT, .size = sizeof attributes, .sample_period = 1};
    struct lbpf_buffer id = {0};
    char path[256];
    int result, fd;

    snprintf(path, sizeof path, "%s/events/%s/id", folder, name);
    result = lbpf_buffer_read_file(&id, path, 64);
    attributes.config = strtoull(lbpf_buffer_string(&id), NULL, 10);
    lbpf_buffer_free(&id);
    if (result < 0)
        return result;
    fd = (int)syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int lbpf_kprobe_event_attach(struct lbpf_link *link, const struct bpf_program *program,
                             const struct lbpf_kprobe_options *options, const char *function)
{
    const char *folder = lbpf_tracefs(NULL);
    struct bpf_link *part;
    int result, event;

    if (!folder)
        return -ENOENT;
    if (link->tracefs_event) /* a link keeps one name */
        return -EOPNOTSUPP;
    remove_leftovers(folder);
    result = make_event(folder, options, function, &link->tracefs_event);
    if (result < 0)
        return result;
    /* from here on closing the link removes it */
    event = open_event(folder, link->tracefs_event);
    if (event < 0)
        return event;
    part = bpf_program__attach_perf_event(program, event);
    if (!part) {
        result = -errno;
        close(event);
        return result;
    }
    link->kind = lbpf_kprobe_mechanism_name(LBPF_KPROBE_TRACEFS, options->is_return);
    return lbpf_link_add(link, part);
}
