/* /proc/PID/maps, whose file names are the process's choice. */
#include "host/maps.h"

#include "input.h"

#include <string.h>

static int check(void *context, const struct lbpf_mapping *mapping)
{
    (void)context;
    if (mapping->start >= mapping->end || strlen(mapping->path) > 65536)
        abort();
    return lbpf_mapping_is_file(mapping) && mapping->inode == 99;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        abort();
    memcpy(text, bytes, size);
    text[size] = '\0';
    lbpf_maps_scan(text, check, NULL);
    free(text);
    return 0;
}
