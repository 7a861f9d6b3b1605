/*
 * workload KIND COUNT: waits for a line on stdin, does one thing so many times, prints "done", and
 * waits to be ended, so that its addresses can still be named. Tools that trace it know its process
 * id before it begins.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRACED __attribute__((noinline, noclone))

static char block[4096];
static int file; /* in memory, with room for a block */
static void *volatile last;
static volatile long steps;

static void open_close(void)
{
    close(open("/proc/self/comm", O_RDONLY));
}
static void send_signal(void)
{
    kill(getpid(), 0);
}
static void rename_nothing(void)
{
    rename("/missing/a", "/missing/b");
}
static void flush(void)
{
    fsync(file);
}
static void read_page(void)
{
    last = pread(file, block, sizeof block, 0) > 0 ? block : NULL;
}
static void write_page(void)
{
    last = pwrite(file, block, sizeof block, 0) > 0 ? block : NULL;
}

static void run(void)
{
    int child = fork();

    if (!child) {
        execl("/bin/true", "true", "beside", (char *)0);
        _exit(127);
    }
    waitpid(child, NULL, 0);
}

static void look_up(void)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *list;

    if (!getaddrinfo("127.0.0.1", 0, &hints, &list))
        freeaddrinfo(list);
}

/* The call is made here, because the C library keeps no frame pointers, which the kernel follows.
 */
TRACED void nap(void)
{
    static const struct timespec time = {0, 5000000};
    long result = SYS_nanosleep;

    __asm__ volatile("syscall" : "+a"(result) : "D"(&time), "S"(0) : "rcx", "r11", "memory");
}

/* A millisecond of this process's processor time. */
TRACED void spin(void)
{
    struct timespec now;
    long end = 0;

    do {
        for (int i = 0; i < 2000; i++)
            steps++;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        if (!end)
            end = now.tv_sec * 1000000000 + now.tv_nsec + 1000000;
    } while (now.tv_sec * 1000000000 + now.tv_nsec < end);
}

TRACED long step(long number)
{
    return steps += number;
}
TRACED void keep(void)
{
    last = malloc(1009);
}

static void step_once(void)
{
    step(1);
}

static void keep_one(void)
{
    free(last = malloc(77));
    keep();
}

static const struct kind {
    const char *name;
    void (*work)(void);
} kinds[] = {
    {"open", open_close}, {"kill", send_signal}, {"rename", rename_nothing},
    {"fsync", flush},     {"read", read_page},   {"write", write_page},
    {"run", run},         {"lookup", look_up},   {"nap", nap},
    {"spin", spin},       {"step", step_once},   {"keep", keep_one},
};

int main(int argc, char **argv)
{
    const struct kind *kind = kinds, *end = kinds + sizeof kinds / sizeof *kinds;
    char path[] = "/dev/shm/beside-XXXXXX";

    while (kind < end && argc == 3 && strcmp(kind->name, argv[1]) != 0)
        kind++;
    file = mkstemp(path);
    if (argc != 3 || kind == end || file < 0 || write(file, block, sizeof block) < 0)
        return 2;
    unlink(path);
    alarm(600);
    getchar();
    for (int i = atoi(argv[2]); i > 0; i--)
        kind->work();
    puts("done");
    fflush(stdout);
    pause();
}
