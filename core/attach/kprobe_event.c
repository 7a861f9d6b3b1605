/*
 * A return probe in tracefs: a line written to kprobe_events makes an event, which a perf event
 * then carries to the program. Unlike all other links the event has a name and outlives its maker
 * if that is killed; so the name says whose it is, and taking one that is left over replaces it.
 */
#include "attach/kprobe_event.h"

#include "attach/link_private.h"
#include "base/buffer.h"
#include "host/tracefs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EVENT_LIMIT = 64 /* the kernel's, for a name with its NUL */ };

/* "kprobes/r_vfs_read_bcc_PID": BCC's form, cut where the kernel would refuse it. */
static char *event_name(const char *function)
{
    char tail[24], plain[EVENT_LIMIT];
    struct lbpf_buffer name = {0};
    size_t room;

    snprintf(tail, sizeof tail, "_bcc_%d", (int)getpid());
    room = EVENT_LIMIT - 1 - 2 - strlen(tail);
    snprintf(plain, sizeof plain, "%.*s", (int)room, function);
    for (char *at = plain; *at; at++) {
        if (!isalnum((unsigned char)*at))
            *at = '_';
    }
    lbpf_buffer_printf(&name, "kprobes/r_%s%s", plain, tail);
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

static int make_event(const char *folder, const char *name, const char *function,
                      unsigned max_active)
{
    char line[512];
    int result;

    if (snprintf(line, sizeof line, "r%u:%s %s", max_active, name, function) >= (int)sizeof line)
        return -EINVAL;
    result = write_event(folder, line);
    if (result == -EEXIST) {
        char remove[128];

        snprintf(remove, sizeof remove, "-:%s", name);
        result = write_event(folder, remove);
        if (result == 0)
            result = write_event(folder, line);
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
                             const char *function, unsigned max_active)
{
    const char *folder = lbpf_tracefs(NULL);
    char *name = folder ? event_name(function) : NULL;
    struct bpf_link *part;
    int result, event;

    if (!name)
        return folder ? -ENOMEM : -ENOENT;
    result = make_event(folder, name, function, max_active);
    if (result < 0) {
        free(name);
        return result;
    }
    link->tracefs_event = name; /* from here on closing the link removes it */
    event = open_event(folder, name);
    if (event < 0)
        return event;
    part = bpf_program__attach_perf_event(program, event);
    if (!part) {
        result = -errno;
        close(event);
        return result;
    }
    return lbpf_link_add(link, part);
}
