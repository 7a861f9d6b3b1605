/*
 * The tracing file system. It may be mounted in two places, or in none: a container or a minimal
 * system often leaves the mount point empty, so we mount it ourselves when we may. Whether a folder
 * is tracefs is asked of the kernel (statfs), not guessed from what lies in it.
 */
#include "host/tracefs.h"

#include "host/features.h"
#include "host/nearest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

enum {
    NAME_LIMIT = 128,                  /* longer than any category or event */
    FORMAT_LIMIT = 1 << 20,            /* bytes of one format file */
    AVAILABLE_LIMIT = 64 * 1024 * 1024 /* bytes of available_events */
};

static const char tracing[] = "/sys/kernel/tracing";
static const char debug_tracing[] = "/sys/kernel/debug/tracing";

static bool is_tracefs(const char *folder)
{
    struct statfs status;

    return statfs(folder, &status) == 0 && status.f_type == TRACEFS_MAGIC;
}

static int explain_mount(int code, struct lbpf_error *error)
{
    lbpf_error_set(error, code, "open tracefs",
                   "tracefs is not mounted, and mounting it on %s failed: %s", tracing,
                   strerror(code));
    if (code == EPERM || code == EACCES)
        lbpf_error_hint(error,
                        "run as root, or mount it once as root: "
                        "mount -t tracefs tracefs %s",
                        tracing);
    else if (code == ENODEV)
        lbpf_error_hint(error, "this kernel was built without CONFIG_TRACING");
    else if (code == ENOENT)
        lbpf_error_hint(error, "mount sysfs first: mount -t sysfs sysfs /sys");
    return -code;
}

static void hint_at_rights(const char *folder, struct lbpf_error *error)
{
    char text[256];

    lbpf_explain_permission(text, sizeof text);
    if (text[0]) /* whoever is let in here would only be refused by bpf(2) */
        lbpf_error_hint(error, "%s", text);
    else
        lbpf_error_hint(error,
                        "run as root or with CAP_DAC_READ_SEARCH, or let your group in: "
                        "mount -o remount,mode=750,gid=GROUP %s",
                        folder);
}

const char *lbpf_tracefs(struct lbpf_error *error)
{
    const char *folder = NULL;

    if (is_tracefs(tracing))
        folder = tracing;
    else if (is_tracefs(debug_tracing))
        folder = debug_tracing;
    else if (mount("tracefs", tracing, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
        folder = tracing;
    if (!folder) {
        explain_mount(errno, error);
        return NULL;
    }
    if (faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) != 0) {
        lbpf_error_set(error, errno, "open tracefs", "%s can not be read: %s", folder,
                       strerror(errno));
        hint_at_rights(folder, error);
        return NULL;
    }
    return folder;
}

/* A category or event name comes from the user and becomes part of a path. */
static bool is_name(const char *name)
{
    size_t size = strnlen(name, NAME_LIMIT);

    return size > 0 && size < NAME_LIMIT && !strchr(name, '/') && name[0] != '.';
}

bool lbpf_tracefs_has_event(const char *category, const char *event)
{
    char path[sizeof debug_tracing + 2 * NAME_LIMIT + 16];
    struct stat status;
    const char *folder;

    if (!is_name(category) || !is_name(event))
        return false;
    folder = lbpf_tracefs(NULL);
    if (!folder)
        return false;
    snprintf(path, sizeof path, "%s/events/%s/%s", folder, category, event);
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int offer_event(void *context, const char *name)
{
    lbpf_nearest_offer(context, name);
    return 0;
}

static int explain_missing_event(const char *category, const char *event, struct lbpf_error *error)
{
    char wanted[2 * NAME_LIMIT];
    struct lbpf_nearest nearest;

    snprintf(wanted, sizeof wanted, "%s:%s", category, event);
    lbpf_nearest_start(&nearest, wanted);
    lbpf_tracefs_each_event(offer_event, &nearest, NULL);
    lbpf_error_set(error, ENOENT, "read tracepoint format", "tracepoint %s does not exist", wanted);
    if (lbpf_nearest_name(&nearest))
        lbpf_error_hint(error, "did you mean %s?", lbpf_nearest_name(&nearest));
    else
        lbpf_error_hint(error, "%s/available_events lists those of this kernel",
                        lbpf_tracefs(NULL));
    return -ENOENT;
}

int lbpf_tracefs_read_format(const char *category, const char *event, struct lbpf_buffer *text,
                             struct lbpf_error *error)
{
    char path[sizeof debug_tracing + 2 * NAME_LIMIT + 24];
    const char *folder;
    int result;

    if (!is_name(category) || !is_name(event))
        return lbpf_error_set(error, EINVAL, "read tracepoint format",
                              "\"%.64s:%.64s\" is no tracepoint name (category:event)", category,
                              event);
    folder = lbpf_tracefs(error);
    if (!folder)
        return error && error->code ? -error->code : -ENOENT;
    snprintf(path, sizeof path, "%s/events/%s/%s/format", folder, category, event);
    result = lbpf_buffer_read_file(text, path, FORMAT_LIMIT);
    if (result == -ENOENT)
        return explain_missing_event(category, event, error);
    if (result < 0)
        return lbpf_error_set(error, -result, "read tracepoint format", "%s can not be read: %s",
                              path, strerror(-result));
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Cuts text into lines in place; *names is the caller's to free, its strings lie in text. */
static int sorted_lines(char *text, char ***names, size_t *count)
{
    size_t lines = 1;
    char *rest = NULL;

    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    *count = 0;
    *names = calloc(lines, sizeof **names);
    if (!*names)
        return -ENOMEM;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        (*names)[(*count)++] = line;
    qsort(*names, *count, sizeof **names, compare_names);
    return 0;
}

int lbpf_tracefs_each_event(int (*visit)(void *context, const char *name), void *context,
                            struct lbpf_error *error)
{
    char path[sizeof debug_tracing + 24];
    struct lbpf_buffer text = {0};
    const char *folder = lbpf_tracefs(error);
    char **names = NULL;
    size_t count = 0;
    int result;

    if (!folder)
        return error && error->code ? -error->code : -ENOENT;
    snprintf(path, sizeof path, "%s/available_events", folder);
    result = lbpf_buffer_read_file(&text, path, AVAILABLE_LIMIT);
    if (result < 0)
        lbpf_error_set(error, -result, "list tracepoints", "%s can not be read: %s", path,
                       strerror(-result));
    else if (text.data && (result = sorted_lines(text.data, &names, &count)) < 0)
        lbpf_error_no_memory(error, "list tracepoints");
    for (size_t i = 0; result == 0 && i < count; i++)
        result = visit(context, names[i]);
    free(names);
    lbpf_buffer_free(&text);
    return result;
}
