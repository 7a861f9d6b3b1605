/*
 * A program that makes as many calls of getpgid as it is told to: caller [CPU]. It stays on that
 * CPU. Prints its process id; then, for each count that it reads, how many ns of CPU time each
 * call took.
 * getpgid(0) is called by nobody else while a spec runs.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
    char line[32];
    cpu_set_t set;

    CPU_ZERO(&set);
    if (argc > 1) {
        CPU_SET(atoi(argv[1]), &set);
        if (sched_setaffinity(0, sizeof set, &set))
            return 1;
    }
    printf("%d\n", (int)getpid());
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        long count = atol(line);
        double start = now_ns();

        for (long i = 0; i < count; i++)
            syscall(SYS_getpgid, 0);
        printf("%.1f\n", (now_ns() - start) / (double)count);
        fflush(stdout);
    }
    return 0;
}
