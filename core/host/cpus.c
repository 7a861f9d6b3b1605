/* The kernel tells CPUs as "0-3,5". */
#include "host/cpus.h"

#include "base/buffer.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define ONLINE "/sys/devices/system/cpu/online"

static int parse(const char *list, int **cpus, size_t *count)
{
    while (*list >= '0' && *list <= '9') {
        char *end;
        unsigned long first = strtoul(list, &end, 10), last = first;
        int *grown;

        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (last < first || last > INT32_MAX || last - first > 1u << 20)
            return -EINVAL;
        grown = realloc(*cpus, (*count + (last - first) + 1) * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        *cpus = grown;
        for (; first <= last; first++)
            grown[(*count)++] = (int)first;
        list = *end == ',' ? end + 1 : end;
    }
    return *count ? 0 : -EINVAL;
}

int lbpf_online_cpus(int **cpus, size_t *count)
{
    struct lbpf_buffer text = {0};
    int result = lbpf_buffer_read_file(&text, ONLINE, 1 << 20);

    *cpus = NULL;
    *count = 0;
    if (!result)
        result = parse(lbpf_buffer_string(&text), cpus, count);
    lbpf_buffer_free(&text);
    if (result) {
        free(*cpus);
        *cpus = NULL;
    }
    return result;
}
