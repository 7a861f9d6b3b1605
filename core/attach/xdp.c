/*
 * XDP: a program that decides about each packet of a network device before the kernel looks at it.
 * BCC leaves it there when the script ends; a link goes with its process, and nobody can replace
 * its program but its owner, who does so without a packet in between.
 */
#include "attach/kinds.h"
#include "attach/link_private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static const char op[] = "attach XDP";

static const char *mode_name(uint32_t flags)
{
    switch (flags & XDP_FLAGS_MODES) {
    case XDP_FLAGS_SKB_MODE:
        return "xdp_generic";
    case XDP_FLAGS_DRV_MODE:
        return "xdp_native";
    case XDP_FLAGS_HW_MODE:
        return "xdp_offload";
    default:
        return "xdp";
    }
}

static int refuse(const struct lbpf_device_options *options, int code, struct lbpf_error *error)
{
    char what[256];

    snprintf(what, sizeof what, "Failed to attach BPF to device %.64s", options->device);
    lbpf_attach_refused(error, code, op, what);
    if (code == EPERM)
        lbpf_error_hint(error, "network programs need CAP_NET_ADMIN");
    else if (code == EBUSY || code == EEXIST)
        lbpf_error_hint(error,
                        "the device has an XDP program of somebody else, or one in another mode; "
                        "remove_xdp{dev = \"%.64s\"} takes away one that no link holds",
                        options->device);
    else if (code == EOPNOTSUPP)
        lbpf_error_hint(error, "the device's driver can not do this mode: "
                               "bpf.XDP_FLAGS_SKB_MODE works with every device");
    else if (code == EINVAL)
        lbpf_error_hint(error, "one mode at most may be asked for (XDP_FLAGS_SKB_MODE, _DRV_MODE, "
                               "_HW_MODE); links to devices need Linux 5.9");
    return -code;
}

static int load(struct lbpf_object *object, const struct lbpf_device_options *options, int *device,
                struct bpf_program **program, struct lbpf_error *error)
{
    struct lbpf_load_options load = {.type = BPF_PROG_TYPE_XDP};

    *device = (int)if_nametoindex(options->device);
    if (!*device)
        return refuse(options, errno, error);
    if ((options->flags & XDP_FLAGS_MODES) == XDP_FLAGS_HW_MODE)
        load.device = (unsigned)*device;
    return lbpf_object_load(object, options->function, &load, program, error);
}

int lbpf_attach_xdp(struct lbpf_object *object, const struct lbpf_device_options *options,
                    struct lbpf_link **out, struct lbpf_error *error)
{
    LIBBPF_OPTS(bpf_link_create_opts, create,
                .flags = options->flags & ~XDP_FLAGS_UPDATE_IF_NOEXIST);
    struct bpf_program *program;
    struct lbpf_link *link;
    int device, fd, result;

    *out = NULL;
    result = load(object, options, &device, &program, error);
    if (result < 0)
        return result;
    fd = bpf_link_create(lbpf_program_fd(program), device, BPF_XDP, &create);
    if (fd < 0)
        return refuse(options, lbpf_libbpf_code(fd), error);
    link =
        lbpf_link_new(LBPF_LINK_XDP, mode_name(options->flags), options->device, options->function);
    result = lbpf_link_give_fd(link, fd, op, error);
    if (!result)
        *out = link;
    return result;
}

bool lbpf_xdp_can_replace(const struct lbpf_link *link, const struct lbpf_device_options *options)
{
    return link->family == LBPF_LINK_XDP && link->is_open &&
           !strcmp(link->target, options->device) &&
           !strcmp(link->kind, mode_name(options->flags)) &&
           !(options->flags & XDP_FLAGS_UPDATE_IF_NOEXIST);
}

int lbpf_replace_xdp(struct lbpf_object *object, const struct lbpf_device_options *options,
                     struct lbpf_link *old, struct lbpf_link **out, struct lbpf_error *error)
{
    struct bpf_program *program;
    struct lbpf_link *link;
    int device, result;

    *out = NULL;
    result = load(object, options, &device, &program, error);
    if (result < 0)
        return result;
    link = lbpf_link_new(LBPF_LINK_XDP, old->kind, options->device, options->function);
    if (!link)
        return lbpf_error_no_memory(error, op);
    result = bpf_link_update(lbpf_link_fd(old), lbpf_program_fd(program), NULL);
    if (result < 0) {
        lbpf_link_free(link);
        return refuse(options, lbpf_libbpf_code(result), error);
    }
    lbpf_link_move_parts(link, old);
    *out = link;
    return 0;
}

int lbpf_remove_xdp(const struct lbpf_device_options *options, struct lbpf_error *error)
{
    int device = (int)if_nametoindex(options->device), result = device ? 0 : -errno;
    uint32_t modes = options->flags & XDP_FLAGS_MODES, id = 0;
    char what[256];

    if (!result)
        result = bpf_xdp_query_id(device, (int)modes, &id);
    if (!result && !id)
        result = -ENOENT;
    if (!result)
        result = bpf_xdp_detach(device, modes, NULL);
    if (!result)
        return 0;
    snprintf(what, sizeof what, "Failed to detach BPF from device %.64s", options->device);
    result = lbpf_attach_refused(error, lbpf_libbpf_code(result), "remove XDP", what);
    if (result == -ENOENT)
        lbpf_error_hint(error, "no XDP program is attached to it");
    else if (result == -EBUSY || result == -EINVAL)
        lbpf_error_hint(error, "a BPF link of another process holds the program");
    return result;
}
