/* Names out of foreign files, through the library that demangles them. */
#include "elf/demangle.h"

#include "input.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct lbpf_buffer text = {0};
    char *name = malloc(size + 1);

    if (!name)
        abort();
    memcpy(name, bytes, size);
    name[size] = '\0';
    lbpf_buffer_append_string(&text, "before ");
    if (lbpf_is_mangled(name))
        lbpf_demangle(name, &text);
    if (text.size > 17 * 1024 || strncmp(lbpf_buffer_string(&text), "before ", 7) != 0)
        abort();
    lbpf_buffer_free(&text);
    free(name);
    return 0;
}
