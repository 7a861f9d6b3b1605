/*
 * A program to sample: says where its memory is, waits, and uses it a known number of times.
 *   touch COUNT   prints "ready PID VARIABLE REGION" and starts on SIGUSR1
 * Then it touches COUNT pages of the region for the first time, each of which is a page fault, and
 * writes the variable COUNT times. Before and after the pages it calls mark.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile int variable;

/* Called twice before: the first call of a probed function may cost a page fault of its own. */
__attribute__((noinline)) void mark(int number)
{
    __asm__ volatile("" ::"r"(number) : "memory");
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1, page = sysconf(_SC_PAGESIZE);
    volatile char *region = mmap(NULL, (size_t)(count * page), PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigset_t start;
    int number;

    if (region == MAP_FAILED || madvise((void *)region, (size_t)(count * page), MADV_NOHUGEPAGE))
        return 1;
    sigemptyset(&start);
    sigaddset(&start, SIGUSR1);
    sigprocmask(SIG_BLOCK, &start, NULL);
    printf("ready %d %lu %lu\n", (int)getpid(), (unsigned long)&variable, (unsigned long)region);
    fflush(stdout);
    sigwait(&start, &number);
    mark(0);
    mark(1);
    for (long i = 0; i < count; i++)
        region[i * page] = 1;
    mark(2);
    for (long i = 0; i < count; i++)
        variable = (int)i;
    return 0;
}
