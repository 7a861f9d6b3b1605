/* The notes of static probe points, as bytes of a section in all four layouts. */
#include "elf/stapsdt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int visit(void *context, const struct lbpf_stapsdt_note *note)
{
    size_t *total = context;

    /* Every string must end inside the section. */
    *total += strlen(note->provider) + strlen(note->name) + strlen(note->arguments);
    return note->location == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of its own, so that reading behind its end is seen. */
    uint8_t *section = malloc(size ? size : 1);
    size_t total = 0;

    if (!section)
        return 0;
    if (size)
        memcpy(section, data, size);
    for (int i = 0; i < 4; i++) {
        struct lbpf_stapsdt_layout layout = {.is_64 = i & 1, .is_big_endian = i & 2};
        struct lbpf_error error = {0};

        lbpf_stapsdt_parse(section, size, &layout, visit, &total, &error);
        lbpf_error_clear(&error);
    }
    free(section);
    return 0;
}
