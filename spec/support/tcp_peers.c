/*
 * tcp_peers FAMILY CONNECTIONS SENT ANSWERED: connects so often to itself over the loopback; each
 * time SENT bytes go there and ANSWERED come back, and the connecting end closes first. A last
 * connection is refused.
 *
 * tcp_peers FAMILY CONNECTIONS: opens so many that nobody has room for, and waits until each has
 * asked twice, as it does after a second; at most a minute.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} address;
static socklen_t size;

static void check(int is_good, const char *what)
{
    if (is_good)
        return;
    perror(what);
    exit(1);
}

static int open_socket(int flags)
{
    int fd = socket(address.any.sa_family, SOCK_STREAM | flags, 0);

    check(fd >= 0, "socket");
    return fd;
}

static int open_listener(int backlog)
{
    int fd = open_socket(0);

    check(!bind(fd, &address.any, size) && !listen(fd, backlog), "listen");
    check(!getsockname(fd, &address.any, &size), "getsockname");
    return fd;
}

static void move(int from, int to, size_t count)
{
    char *data = calloc(1, count + 1);

    check(write(to, data, count) == (ssize_t)count, "write");
    check(recv(from, data, count, MSG_WAITALL) == (ssize_t)count, "recv");
    free(data);
}

static void exchange(int listener, size_t sent, size_t answered)
{
    int client = open_socket(0), server;
    char end;

    check(!connect(client, &address.any, size), "connect");
    server = accept(listener, NULL, NULL);
    check(server >= 0, "accept");
    move(server, client, sent);
    move(client, server, answered);
    close(client);
    check(read(server, &end, 1) == 0, "end");
    close(server);
}

static int has_asked_twice(int fd)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    check(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length), "TCP_INFO");
    return info.tcpi_retransmits > 0;
}

static void ask_in_vain(int count)
{
    int listener = open_listener(0), *clients = calloc((size_t)count, sizeof *clients);

    check(!connect(open_socket(0), &address.any, size), "connect"); /* takes the only place */
    for (int i = 0; i < count; i++) {
        clients[i] = open_socket(SOCK_NONBLOCK);
        connect(clients[i], &address.any, size);
    }
    for (int i = 0, rest = 6000; i < count && rest > 0; rest--) {
        if (has_asked_twice(clients[i]))
            i++;
        else
            usleep(10000);
    }
    close(listener);
    free(clients);
}

int main(int argc, char **argv)
{
    int connections = atoi(argv[2]), listener;

    if (!strcmp(argv[1], "4")) {
        address.v4 =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        size = sizeof address.v4;
    } else {
        address.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
        size = sizeof address.v6;
    }
    if (argc == 3) {
        ask_in_vain(connections);
        return 0;
    }
    listener = open_listener(8);
    while (connections-- > 0)
        exchange(listener, (size_t)atol(argv[3]), (size_t)atol(argv[4]));
    close(listener);
    return !connect(open_socket(0), &address.any, size);
}
