/* Perf maps, read in two steps, as one that grows. */
#include "symbols/perf_map.h"

#include "input.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    int fd = open_input(bytes, size / 2), more = dup(fd);
    struct lbpf_perf_map *map = lbpf_perf_map_open_fd(fd, "input", NULL);
    uint64_t start;

    if (write(more, bytes + size / 2, size - size / 2) < 0 || !map)
        abort();
    close(more);
    lbpf_perf_map_refresh(map, NULL);
    for (uint64_t address = 0x7f0000; address < 0x7f0100; address += 7) {
        const char *name = lbpf_perf_map_find(map, address, &start);

        if (name && (start > address || !*name))
            abort();
    }
    lbpf_perf_map_find(map, UINT64_MAX, &start);
    lbpf_perf_map_close(map);
    return 0;
}
