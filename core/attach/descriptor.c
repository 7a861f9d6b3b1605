/*
 * Programs at something that a file descriptor stands for: a cgroup, a socket map, a network
 * namespace, an infrared device. With a link where the kernel has one for the kind, which ends with
 * the process; else by BPF_PROG_ATTACH, whose end is a call of its own. That second way lets
 * cgroup programs outlive a process that is killed, so it is taken for cgroups only when flags ask
 * for what no link does: to be alone there, or to give way to programs further down.
 */
#include "attach/kinds.h"
#include "attach/link_private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static const char op[] = "attach func";

/* ---- the kind ------------------------------------------------------------------------------- */

/* The type of program that an attach type is for. */
static const struct {
    enum bpf_attach_type attach_type;
    enum bpf_prog_type type;
} types[] = {
    {BPF_CGROUP_INET_INGRESS, BPF_PROG_TYPE_CGROUP_SKB},
    {BPF_CGROUP_INET_EGRESS, BPF_PROG_TYPE_CGROUP_SKB},
    {BPF_CGROUP_INET_SOCK_CREATE, BPF_PROG_TYPE_CGROUP_SOCK},
    {BPF_CGROUP_INET_SOCK_RELEASE, BPF_PROG_TYPE_CGROUP_SOCK},
    {BPF_CGROUP_INET4_POST_BIND, BPF_PROG_TYPE_CGROUP_SOCK},
    {BPF_CGROUP_INET6_POST_BIND, BPF_PROG_TYPE_CGROUP_SOCK},
    {BPF_CGROUP_SOCK_OPS, BPF_PROG_TYPE_SOCK_OPS},
    {BPF_CGROUP_DEVICE, BPF_PROG_TYPE_CGROUP_DEVICE},
    {BPF_CGROUP_INET4_BIND, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {BPF_CGROUP_INET6_BIND, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {BPF_CGROUP_INET4_CONNECT, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {BPF_CGROUP_INET6_CONNECT, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {BPF_CGROUP_INET4_GETPEERNAME, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {BPF_CGROUP_INET6_GETPEERNAME, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {BPF_CGROUP_INET4_GETSOCKNAME, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {BPF_CGROUP_INET6_GETSOCKNAME, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {BPF_CGROUP_UDP4_SENDMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {BPF_CGROUP_UDP6_SENDMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {BPF_CGROUP_UDP4_RECVMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {BPF_CGROUP_UDP6_RECVMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
    {BPF_CGROUP_SYSCTL, BPF_PROG_TYPE_CGROUP_SYSCTL},
    {BPF_CGROUP_GETSOCKOPT, BPF_PROG_TYPE_CGROUP_SOCKOPT},
    {BPF_CGROUP_SETSOCKOPT, BPF_PROG_TYPE_CGROUP_SOCKOPT},
    {BPF_SK_SKB_STREAM_PARSER, BPF_PROG_TYPE_SK_SKB},
    {BPF_SK_SKB_STREAM_VERDICT, BPF_PROG_TYPE_SK_SKB},
    {BPF_SK_SKB_VERDICT, BPF_PROG_TYPE_SK_SKB},
    {BPF_SK_MSG_VERDICT, BPF_PROG_TYPE_SK_MSG},
    {BPF_SK_LOOKUP, BPF_PROG_TYPE_SK_LOOKUP},
    {BPF_FLOW_DISSECTOR, BPF_PROG_TYPE_FLOW_DISSECTOR},
    {BPF_LIRC_MODE2, BPF_PROG_TYPE_LIRC_MODE2},
};

/* Types of programs that need no attach type to be loaded, and then take none in some kernels. */
static bool is_loaded_without(enum bpf_prog_type type)
{
    return type == BPF_PROG_TYPE_SOCK_OPS || type == BPF_PROG_TYPE_CGROUP_DEVICE ||
           type == BPF_PROG_TYPE_SK_SKB || type == BPF_PROG_TYPE_SK_MSG ||
           type == BPF_PROG_TYPE_FLOW_DISSECTOR || type == BPF_PROG_TYPE_LIRC_MODE2 ||
           type == BPF_PROG_TYPE_CGROUP_SYSCTL;
}

static enum bpf_prog_type type_for(int attach_type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if ((int)types[i].attach_type == attach_type)
            return types[i].type;
    }
    return BPF_PROG_TYPE_UNSPEC;
}

/* The attach type: as given, or as the function's section tells. */
static int find_attach_type(const struct lbpf_object *object,
                            const struct lbpf_descriptor_options *options, struct lbpf_error *error)
{
    struct lbpf_load_options declared = {0};

    if (options->attach_type >= 0)
        return options->attach_type;
    if (lbpf_object_has_function(object, options->function))
        lbpf_object_function_kind(object, options->function, &declared);
    if (declared.type && type_for((int)declared.expected_attach_type) == declared.type)
        return (int)declared.expected_attach_type;
    lbpf_error_set(error, EINVAL, op, "Nothing says where function %s is to be attached",
                   options->function);
    lbpf_error_hint(error, "give attach_type (bpf.BPFAttachType.CGROUP_INET_INGRESS, …), or a "
                           "section such as SEC(\"cgroup_skb/ingress\")");
    return -EINVAL;
}

static const char *type_name(int attach_type)
{
    const char *name = libbpf_bpf_attach_type_str((enum bpf_attach_type)attach_type);

    return name ? name : "prog_attach";
}

int lbpf_descriptor_target(const struct lbpf_object *object,
                           const struct lbpf_descriptor_options *options, char *text, size_t size,
                           struct lbpf_error *error)
{
    int attach_type = find_attach_type(object, options, error), used;

    if (attach_type < 0)
        return attach_type;
    if (options->path)
        used = snprintf(text, size, "%s %s", options->path, type_name(attach_type));
    else
        used = snprintf(text, size, "fd %d %s", options->fd, type_name(attach_type));
    if (used > 0 && (size_t)used < size)
        return attach_type;
    return lbpf_error_set(error, ENAMETOOLONG, op, "The path is too long");
}

/* ---- attaching ------------------------------------------------------------------------------ */

static int open_target(const char *path, struct lbpf_error *error)
{
    struct statfs system;
    bool is_pinned = !statfs(path, &system) && system.f_type == BPF_FS_MAGIC;
    int fd = is_pinned ? bpf_obj_get(path) : open(path, O_RDONLY | O_CLOEXEC);
    int code = is_pinned ? lbpf_libbpf_code(fd) : errno;

    if (fd >= 0)
        return fd;
    return lbpf_error_set(error, code, op, "Could not open %.256s: %s", path, strerror(code));
}

static int refuse(const char *target, int attach_type, int code, struct lbpf_error *error)
{
    char what[400];

    snprintf(what, sizeof what, "Failed to attach BPF function with attach_type %d to %.256s",
             attach_type, target);
    lbpf_attach_refused(error, code, op, what);
    if (code == EPERM)
        lbpf_error_hint(error, "a program that was attached without flags may be there, which "
                               "excludes others; else CAP_NET_ADMIN may be missing");
    else if (code == EBADF || code == EINVAL)
        lbpf_error_hint(error, "does the attach type fit the program's type, and the target (a "
                               "cgroup of version 2, a socket map, …)?");
    return -code;
}

/* BPF_PROG_ATTACH: remembers how to undo it. */
static int attach_by_call(int program, int target, int attach_type, uint32_t flags,
                          struct lbpf_link *link)
{
    struct lbpf_link_part part = {
        .fd = -1, .has_target = true, .attach_type = (enum bpf_attach_type)attach_type};
    int result;

    part.fd = fcntl(program, F_DUPFD_CLOEXEC, 0);
    part.target_fd = part.fd < 0 ? -1 : fcntl(target, F_DUPFD_CLOEXEC, 0);
    if (part.target_fd < 0) {
        result = -errno;
        if (part.fd >= 0)
            close(part.fd);
        return result;
    }
    result = bpf_prog_attach(part.fd, part.target_fd, part.attach_type, flags);
    if (result < 0) {
        close(part.fd);
        close(part.target_fd);
        return -lbpf_libbpf_code(result);
    }
    return lbpf_link_add_part(link, part);
}

/* Kernels have no links for socket maps before 6.10, nor for infrared devices. */
static bool needs_call(enum bpf_prog_type type)
{
    return type == BPF_PROG_TYPE_SK_SKB || type == BPF_PROG_TYPE_SK_MSG ||
           type == BPF_PROG_TYPE_LIRC_MODE2;
}

static bool is_at_cgroup(enum bpf_prog_type type)
{
    return !needs_call(type) && type != BPF_PROG_TYPE_SK_LOOKUP &&
           type != BPF_PROG_TYPE_FLOW_DISSECTOR;
}

static int attach_by_link(int program, int target, int attach_type, uint32_t flags,
                          struct lbpf_link *link)
{
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
    int fd = bpf_link_create(program, target, (enum bpf_attach_type)attach_type, &options);

    return fd < 0 ? -lbpf_libbpf_code(fd) : lbpf_link_add_fd(link, fd);
}

/* A link at a cgroup always is one of many (BPF_F_ALLOW_MULTI), and then takes no flag for it. */
static int attach(const struct bpf_program *program, int target, int attach_type, uint32_t flags,
                  struct lbpf_link *link)
{
    enum bpf_prog_type type = bpf_program__type(program);
    int fd = lbpf_program_fd(program), result = -EINVAL;
    bool is_one_of_many = is_at_cgroup(type) && (flags & BPF_F_ALLOW_MULTI);

    if (is_one_of_many || (!flags && !needs_call(type)))
        result = attach_by_link(fd, target, attach_type, flags & ~BPF_F_ALLOW_MULTI, link);
    if (result == -EINVAL && (flags || needs_call(type))) /* other flags, or before Linux 5.7 */
        result = attach_by_call(fd, target, attach_type, flags, link);
    return result;
}

static int attach_new(const struct bpf_program *program,
                      const struct lbpf_descriptor_options *options, int attach_type,
                      struct lbpf_link *link, struct lbpf_error *error)
{
    int target = options->path ? open_target(options->path, error) : options->fd;
    int result;

    if (options->path && target < 0)
        return target;
    result = attach(program, target, attach_type, options->flags, link);
    if (options->path)
        close(target);
    return result < 0 ? refuse(link->target, attach_type, -result, error) : 0;
}

int lbpf_attach_descriptor(struct lbpf_object *object,
                           const struct lbpf_descriptor_options *options, struct lbpf_link **out,
                           struct lbpf_error *error)
{
    struct lbpf_load_options load = {0};
    struct bpf_program *program;
    struct lbpf_link *link;
    char text[LBPF_DESCRIPTOR_TARGET_SIZE];
    int attach_type, result;

    *out = NULL;
    attach_type = lbpf_descriptor_target(object, options, text, sizeof text, error);
    if (attach_type < 0)
        return attach_type;
    load.type = type_for(attach_type);
    if (!is_loaded_without(load.type))
        load.expected_attach_type = (enum bpf_attach_type)attach_type;
    result = lbpf_object_load(object, options->function, &load, &program, error);
    if (result < 0)
        return result;
    link = lbpf_link_new(LBPF_LINK_DESCRIPTOR, type_name(attach_type), text, options->function);
    if (!link)
        return lbpf_error_no_memory(error, op);
    result = attach_new(program, options, attach_type, link, error);
    if (result < 0) {
        lbpf_link_free(link);
        return result;
    }
    *out = link;
    return 0;
}
