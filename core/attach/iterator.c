/*
 * Iterators: programs that the kernel runs once for each task, map element, … while somebody reads;
 * what they write with bpf_seq_printf is what is read. A link to one does nothing by itself: each
 * reader opens its own walk.
 */
#include "attach/function_name.h"
#include "attach/kinds.h"
#include "attach/link_private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char op[] = "attach iterator";
static const char *const prefixes[] = {"bpf_iter__", NULL};

const char *lbpf_iterator_function(const struct lbpf_object *object, const char *function,
                                   char *name, size_t size)
{
    return lbpf_function_name(object, function, prefixes, name, size);
}

static int refuse(const struct lbpf_iterator_options *options, const char *target, int code,
                  struct lbpf_error *error)
{
    char what[256];

    snprintf(what, sizeof what, "Failed to attach BPF to iterator %.128s", target);
    lbpf_attach_refused(error, code, op, what);
    if (code == EBADF && options->map_fd < 0)
        lbpf_error_hint(error, "it goes over a map: give the table as option 'map'");
    else if (code == EINVAL && (options->pid || options->tid))
        lbpf_error_hint(error, "pid and tid are for iterators over tasks, since Linux 6.1, and "
                               "exclude each other");
    else if (code == EINVAL && options->cgroup)
        lbpf_error_hint(error, "cgroup is for the iterator cgroup, since Linux 6.1");
    else if (code == EINVAL)
        lbpf_error_hint(error, "does it fit this kind of iterator, and the map's kind?");
    return -code;
}

static int open_cgroup(const char *path, struct lbpf_error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = errno;

    if (fd >= 0)
        return fd;
    lbpf_error_set(error, code, op, "Could not open cgroup %.256s: %s", path, strerror(code));
    return -code;
}

static int attach(struct bpf_program *program, const struct lbpf_iterator_options *options,
                  const char *target, struct bpf_link **part, struct lbpf_error *error)
{
    union bpf_iter_link_info info = {0};
    LIBBPF_OPTS(bpf_iter_attach_opts, attach_options);
    int cgroup = -1, code;

    if (options->map_fd >= 0) {
        info.map.map_fd = (uint32_t)options->map_fd;
    } else if (options->cgroup) {
        cgroup = open_cgroup(options->cgroup, error);
        if (cgroup < 0)
            return cgroup;
        info.cgroup.cgroup_fd = (uint32_t)cgroup;
        info.cgroup.order = (enum bpf_cgroup_iter_order)options->cgroup_order;
    } else {
        info.task.pid = (uint32_t)options->pid;
        info.task.tid = (uint32_t)options->tid;
    }
    if (options->map_fd >= 0 || options->cgroup || options->pid || options->tid) {
        attach_options.link_info = &info;
        attach_options.link_info_len = sizeof info;
    }
    *part = bpf_program__attach_iter(program, &attach_options);
    code = *part ? 0 : lbpf_libbpf_code(-errno);
    if (cgroup >= 0)
        close(cgroup);
    return *part ? 0 : refuse(options, target, code, error);
}

int lbpf_attach_iterator(struct lbpf_object *object, const struct lbpf_iterator_options *options,
                         struct lbpf_link **out, struct lbpf_error *error)
{
    struct lbpf_load_options load = {0};
    char name[LBPF_FUNCTION_NAME_SIZE];
    struct bpf_program *program;
    struct bpf_link *part;
    const char *function, *target;
    int result;

    *out = NULL;
    function = lbpf_iterator_function(object, options->function, name, sizeof name);
    if (lbpf_object_has_function(object, function))
        lbpf_object_function_kind(object, function, &load);
    target = load.attach_target ? load.attach_target : function;
    load.type = BPF_PROG_TYPE_TRACING;
    load.expected_attach_type = BPF_TRACE_ITER;
    result = lbpf_object_load(object, function, &load, &program, error);
    if (result < 0)
        return result;
    result = attach(program, options, target, &part, error);
    if (result < 0)
        return result;
    return lbpf_link_of(out, LBPF_LINK_ITERATOR, "iter", target, function, part, op, error);
}

int lbpf_iterator_open(const struct lbpf_link *link, struct lbpf_error *error)
{
    int fd = link->is_open ? bpf_iter_create(lbpf_link_fd(link)) : -EBADF;

    if (fd >= 0)
        return fd;
    return lbpf_error_set(error, lbpf_libbpf_code(fd), "read iterator",
                          "Could not read iterator %s: %s", link->target,
                          link->is_open ? strerror(lbpf_libbpf_code(fd)) : "it is detached");
}
