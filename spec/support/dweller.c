/*
 * A program to trace in odd places: other roots, removed files, files in memory, archives.
 *   dweller COUNT                       prints "ready", waits for SIGUSR1, calls answer() COUNT
 * times dweller COUNT library NAME          then loads a library and calls its resident() dweller
 * COUNT memory                the same as the first from a file in memory dweller COUNT map FILE
 * START PLACE  calls what lies PLACE bytes behind START (a page) in FILE It needs no folder but
 * that of its libraries, and no /proc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

typedef long callee(long);

__attribute__((noinline, noclone)) long answer(long question)
{
    __asm__ volatile("" : "+r"(question));
    return question + 1;
}

static void wait_for_start(void)
{
    sigset_t start;
    int number;

    sigemptyset(&start);
    sigaddset(&start, SIGUSR1);
    sigprocmask(SIG_BLOCK, &start, NULL);
    puts("ready");
    fflush(stdout);
    sigwait(&start, &number);
}

static int become_memory(char **argv)
{
    int from = open("/proc/self/exe", O_RDONLY), to = memfd_create("dweller", 0);

    if (from < 0 || to < 0 || sendfile(to, from, NULL, 1 << 30) <= 0)
        return 2;
    argv[2] = NULL;
    fexecve(to, argv, environ);
    return 2;
}

static callee *find(int argc, char **argv)
{
    void *found = NULL;

    if (argc == 2)
        return answer;
    if (!strcmp(argv[2], "library") && (found = dlopen(argv[3], RTLD_NOW)))
        return (callee *)dlsym(found, "resident");
    if (!strcmp(argv[2], "map")) {
        int file = open(argv[3], O_RDONLY);

        found = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, atol(argv[4]));
        if (found != MAP_FAILED)
            return (callee *)((char *)found + atol(argv[5]));
    }
    return NULL;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 1, sum = 0;
    callee *function;

    if (argc == 3 && !strcmp(argv[2], "memory"))
        return become_memory(argv);
    wait_for_start();
    function = find(argc, argv);
    if (!function)
        return 3;
    for (long i = 0; i < count; i++)
        sum += function(i);
    return sum != count * (count + 1) / 2;
}
