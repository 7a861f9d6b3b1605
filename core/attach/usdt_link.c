/*
 * Attaching to static tracepoints: one link for the locations of a probe in one file, with the
 * cookie and the counter of each. The file is named by our own descriptor of it: its path may mean
 * another file by now, or nothing outside of a container.
 */
#include "attach/link_private.h"
#include "attach/uprobe_multi.h"
#include "attach/usdt_private.h"
#include "host/features.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char op[] = "attach USDT probe";

/* The locations in one file, as the kernel takes them. */
struct places {
    size_t count;
    uint64_t *offsets, *counters, *cookies; /* one allocation, which offsets starts */
};

static int list_places(const struct lbpf_usdt_probe *probe, size_t file, struct places *places)
{
    places->offsets = calloc(3 * probe->location_count + 1, sizeof *places->offsets);
    if (!places->offsets)
        return -ENOMEM;
    places->counters = places->offsets + probe->location_count;
    places->cookies = places->counters + probe->location_count;
    for (size_t i = 0; i < probe->location_count; i++) {
        const struct lbpf_usdt_location *location = &probe->locations[i];

        if (location->file != file)
            continue;
        places->offsets[places->count] = location->offset;
        places->counters[places->count] = location->counter_offset;
        places->cookies[places->count++] = location->cookie;
    }
    return places->count ? 0 : -ENOENT;
}

static int refuse(int code, const struct lbpf_usdt_probe *probe, const char *path,
                  const char *function, struct lbpf_error *error)
{
    struct lbpf_feature feature;
    char what[400];

    snprintf(what, sizeof what, "Failed to attach %.60s to USDT probe %.60s:%.60s of %.160s",
             function, probe->provider, probe->name, path);
    lbpf_attach_refused(error, code, op, what);
    if (!lbpf_feature("uprobe", &feature))
        lbpf_error_hint(error, "%s", feature.reason);
    else if (code == EINVAL && probe->semaphore)
        lbpf_error_hint(error, "another tracer may have attached to the place without the probe's "
                               "counter; end it first");
    return -code;
}

static int attach_each(struct lbpf_link *link, const struct bpf_program *program, const char *path,
                       pid_t pid, const struct places *places)
{
    bool with_cookies = lbpf_feature("cookie", NULL);

    for (size_t i = 0; i < places->count; i++) {
        LIBBPF_OPTS(bpf_uprobe_opts, settings, .ref_ctr_offset = places->counters[i],
                    .bpf_cookie = with_cookies ? places->cookies[i] : 0);
        struct bpf_link *part = bpf_program__attach_uprobe_opts(program, pid > 0 ? pid : -1, path,
                                                                places->offsets[i], &settings);

        if (!part)
            return lbpf_libbpf_code(-errno);
        if (lbpf_link_add(link, part) < 0)
            return ENOMEM;
    }
    return 0;
}

static int attach_together(struct lbpf_link *link, const struct bpf_program *program,
                           const char *path, pid_t pid, const struct places *places)
{
    struct lbpf_uprobe_multi multi = {.path = path,
                                      .offsets = places->offsets,
                                      .counters = places->counters,
                                      .cookies = places->cookies,
                                      .count = places->count,
                                      .pid = pid};
    int fd = lbpf_uprobe_multi_attach(bpf_program__fd(program), &multi);

    if (fd < 0)
        return -fd;
    if (lbpf_link_add_fd(link, fd) < 0)
        return ENOMEM;
    link->count += places->count - 1;
    return 0;
}

static int attach_places(struct lbpf_object *object, struct lbpf_link *link,
                         const struct lbpf_usdt *usdt, const struct lbpf_usdt_probe *probe,
                         size_t file, pid_t pid, const struct places *places,
                         struct lbpf_error *error)
{
    bool together =
        lbpf_uprobe_multi_usable(pid > 0 ? pid : -1) && !lbpf_object_has_tail_calls(object);
    struct lbpf_load_options load = {.type = BPF_PROG_TYPE_KPROBE};
    struct bpf_program *program;
    char path[40];
    int code;

    if (together)
        load.expected_attach_type = (enum bpf_attach_type)LBPF_TRACE_UPROBE_MULTI;
    code = lbpf_object_load(object, probe->function, &load, &program, error);
    if (code < 0)
        return code;
    snprintf(path, sizeof path, "/proc/self/fd/%d", usdt->files[file].fd);
    code = together ? attach_together(link, program, path, pid, places)
                    : attach_each(link, program, path, pid, places);
    if (code == ENOMEM)
        return lbpf_error_no_memory(error, op);
    return code ? refuse(code, probe, usdt->files[file].path, probe->function, error) : 0;
}

int lbpf_attach_usdt(struct lbpf_object *object, const struct lbpf_usdt *usdt,
                     const struct lbpf_usdt_probe *probe, size_t file, pid_t pid,
                     struct lbpf_link **out, struct lbpf_error *error)
{
    struct places places = {0};
    struct lbpf_link *link = NULL;
    struct lbpf_buffer target = {0};
    int result = list_places(probe, file, &places);

    *out = NULL;
    if (result == -ENOMEM)
        lbpf_error_no_memory(error, op);
    if (result == 0) {
        lbpf_buffer_printf(&target, "%s:%s:%s", usdt->files[file].path, probe->provider,
                           probe->name);
        link =
            lbpf_link_new(LBPF_LINK_UPROBE, "usdt", lbpf_buffer_string(&target), probe->function);
        result = link ? attach_places(object, link, usdt, probe, file, pid, &places, error)
                      : lbpf_error_no_memory(error, op);
    }
    lbpf_buffer_free(&target);
    free(places.offsets);
    if (result < 0)
        lbpf_link_free(link);
    else
        *out = link;
    return result;
}
