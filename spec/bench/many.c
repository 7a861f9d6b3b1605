/*
 * The floor of row P11: many EXPRESSION attaches an empty program to the kernel functions that an
 * extended expression means, by one link, and prints the milliseconds until it is detached, and the
 * number of functions.
 */
#include <bpf/bpf.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT = 4096 };

static const char *names[LIMIT];
static unsigned count;

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int load(void)
{
    const struct bpf_insn empty[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
                                     {.code = BPF_JMP | BPF_EXIT}};
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_KPROBE_MULTI);

    return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "empty", "GPL", empty, 2, &options);
}

static int list(const char *expression)
{
    FILE *file = fopen("/sys/kernel/tracing/available_filter_functions", "re");
    char line[512];
    regex_t regex;

    if (!file || regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB))
        return 1;
    while (count < LIMIT && fgets(line, sizeof line, file)) {
        line[strcspn(line, " \t\n")] = '\0';
        if (!regexec(&regex, line, 0, NULL, 0) && !strstr(line, ".cold"))
            names[count++] = strdup(line);
    }
    regfree(&regex);
    fclose(file);
    return count == 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The kernel wants each name once. */
static void drop_repeated(void)
{
    unsigned kept = 0;

    qsort(names, count, sizeof names[0], compare);
    for (unsigned i = 0; i < count; i++) {
        if (kept == 0 || strcmp(names[i], names[kept - 1]) != 0)
            names[kept++] = names[i];
    }
    count = kept;
}

int main(int argc, char **argv)
{
    LIBBPF_OPTS(bpf_link_create_opts, options);
    double start = now_ms();
    int link;

    if (argc != 2 || list(argv[1]))
        return 1;
    drop_repeated();
    options.kprobe_multi.syms = names;
    options.kprobe_multi.cnt = count;
    link = bpf_link_create(load(), 0, BPF_TRACE_KPROBE_MULTI, &options);
    if (link < 0) {
        perror("many");
        return 1;
    }
    close(link);
    return printf("%.1f %u\n", now_ms() - start, count) < 0;
}
