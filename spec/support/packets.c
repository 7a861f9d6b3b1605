/*
 * Packets over the loopback device, a known number of them.
 *   packets udp COUNT PORT   sends COUNT datagrams "packet" from sockets that are connected to PORT
 *   packets tcp COUNT PORT   connects to itself on PORT and sends COUNT times 6 bytes
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 6 };

static int send_datagrams(const struct sockaddr_in *to, long count)
{
    for (long i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM, 0);

        if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to) ||
            send(fd, "packet", SIZE, 0) != SIZE)
            return 1;
        close(fd);
    }
    return 0;
}

static int send_stream(const struct sockaddr_in *to, long count)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0), sender = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1, receiver;
    char bytes[SIZE];

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (const struct sockaddr *)to, sizeof *to) || listen(listener, 1) ||
        connect(sender, (const struct sockaddr *)to, sizeof *to))
        return 1;
    receiver = accept(listener, NULL, NULL);
    setsockopt(sender, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (long i = 0; i < count; i++) {
        if (send(sender, "packet", SIZE, 0) != SIZE ||
            recv(receiver, bytes, SIZE, MSG_WAITALL) != SIZE || memcmp(bytes, "packet", SIZE))
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int failed;

    if (argc < 4)
        return 2;
    to.sin_port = htons((unsigned short)atoi(argv[3]));
    failed = (strcmp(argv[1], "tcp") ? send_datagrams : send_stream)(&to, atol(argv[2]));
    if (failed)
        perror(argv[1]);
    return failed;
}
