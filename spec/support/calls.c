/*
 * A program to trace: makes the same calls of the kernel and of libc, COUNT times each.
 *   calls COUNT       then prints "done"
 *   calls COUNT wait  prints "ready" first and starts on SIGUSR1
 * What marks a call as ours: it writes and maps 4099 bytes, its pipe reads fail, its texts begin
 * with '~'.
 * Exits with 1 when a call gives a wrong result: a probe must not change what it watches.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BYTES = 4099 };

/* Pointers that the compiler can not see through: else it would compute the results itself. */
static size_t (*volatile length_of)(const char *) = strlen;
static char *(*volatile find_first)(const char *, int) = strchr;

static int wait_for_start(void)
{
    sigset_t start;
    int number;

    sigemptyset(&start);
    sigaddset(&start, SIGUSR1);
    sigprocmask(SIG_BLOCK, &start, NULL);
    puts("ready");
    fflush(stdout);
    return sigwait(&start, &number);
}

/* The kernel function behind it takes six arguments. */
static int map_and_unmap(void)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *place = mmap(NULL, BYTES, PROT_READ, flags, -1, 5 * 4096);

    return place != MAP_FAILED && munmap(place, BYTES) == 0;
}

int main(int argc, char **argv)
{
    static char bytes[BYTES];
    char text[64] = "~";
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    int fd = open("/dev/null", O_WRONLY), wrong = 0;

    memset(text + 1, 'a', sizeof text - 2);
    if (fd < 0 || (argc > 2 && wait_for_start()))
        return 1;
    for (long i = 0; i < count; i++) {
        int place = 1 + (int)(i % 60);

        text[place] = '%';
        wrong += length_of(text) != sizeof text - 1;
        wrong += find_first(text, '%') != text + place;
        text[place] = 'a';
        wrong += write(fd, bytes, BYTES) != BYTES;
        wrong += syscall(SYS_getpgid, 0) != getpgrp();
        wrong += syscall(SYS_dup3, -7, -7, O_CLOEXEC) != -1;
        wrong += !map_and_unmap();
    }
    puts("done");
    return wrong != 0;
}
