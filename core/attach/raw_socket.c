/*
 * Socket filters on a network device: the program sees each packet, and what it returns is how much
 * of it can be read from the socket. The socket gets its filter before its device, so that no
 * packet slips in unfiltered.
 */
#include "attach/kinds.h"
#include "attach/link_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_ATTACH_BPF
#define SO_ATTACH_BPF 50
#endif

static const char op[] = "attach raw socket";

static int refuse(const char *format, const char *device, int code, struct lbpf_error *error)
{
    char what[256];

    snprintf(what, sizeof what, "%s %.64s", format, *device ? device : "(all)");
    lbpf_attach_refused(error, code, op, what);
    if (code == EPERM)
        lbpf_error_hint(error, "a socket that sees packets needs CAP_NET_RAW");
    return -code;
}

/* fd is open, even when this fails. */
static int set_up(int fd, int program, const char *device, struct lbpf_error *error)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

    if (*device) {
        address.sll_ifindex = (int)if_nametoindex(device);
        if (!address.sll_ifindex)
            return refuse("Failed to open raw device", device, errno, error);
    }
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program))
        return refuse("Failed to attach BPF to device", device, errno, error);
    if (bind(fd, (struct sockaddr *)&address, sizeof address))
        return refuse("Failed to open raw device", device, errno, error);
    return 0;
}

int lbpf_attach_raw_socket(struct lbpf_object *object, const struct lbpf_device_options *options,
                           struct lbpf_link **out, struct lbpf_error *error)
{
    struct lbpf_load_options load = {.type = BPF_PROG_TYPE_SOCKET_FILTER};
    struct bpf_program *program;
    struct lbpf_link *link;
    int fd, result;

    *out = NULL;
    result = lbpf_object_load(object, options->function, &load, &program, error);
    if (result < 0)
        return result;
    fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return refuse("Failed to open raw device", options->device, errno, error);
    result = set_up(fd, lbpf_program_fd(program), options->device, error);
    if (result < 0) {
        close(fd);
        return result;
    }
    link = lbpf_link_new(LBPF_LINK_RAW_SOCKET, "raw_socket", options->device, options->function);
    result = lbpf_link_give_fd(link, fd, op, error);
    if (!result)
        *out = link;
    return result;
}
