/*
 * until_line TEXT COMMAND [ARG…]: runs a command until a line with TEXT on its stdout, then ends it
 * with SIGINT. Prints how many milliseconds that took, how much memory (KiB resident) the command
 * holds then, and how many milliseconds of a processor it took: MS KIB MS. One measure for every
 * peer, whatever language it is written in.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double clock_ms(clockid_t clock)
{
    struct timespec t = {0};

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A field of /proc/PID/status in KiB, or 0. */
static long status_kib(pid_t pid, const char *field)
{
    char path[64], line[256];
    long value = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, field, strlen(field)))
            value = strtol(line + strlen(field) + 1, NULL, 10);
    if (file)
        fclose(file);
    return value;
}

int main(int argc, char **argv)
{
    char line[256] = "";
    double start = clock_ms(CLOCK_MONOTONIC), end, processor = 0;
    int out[2], status;
    clockid_t of_child;
    long memory;
    bool found = false;
    FILE *reader;
    pid_t pid;

    if (argc < 3 || pipe(out) < 0)
        return 2;
    pid = fork();
    if (pid < 0)
        return 2;
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execvp(argv[2], argv + 2);
        fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
        _exit(127);
    }
    close(out[1]);
    reader = fdopen(out[0], "r");
    while (reader && !found && fgets(line, sizeof line, reader))
        found = strstr(line, argv[1]) != NULL;
    end = clock_ms(CLOCK_MONOTONIC);
    if (!clock_getcpuclockid(pid, &of_child))
        processor = clock_ms(of_child);
    usleep(200000); /* let it settle: memory while tracing, not while starting */
    memory = status_kib(pid, "VmRSS:");
    kill(pid, SIGINT);
    while (reader && getc(reader) != EOF)
        ;
    waitpid(pid, &status, 0);
    printf("%.2f %ld %.2f\n", end - start, memory, processor);
    return found ? 0 : 1;
}
