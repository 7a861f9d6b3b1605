/* /proc/kallsyms: addresses to names and back. */
#include "host/kallsyms.h"

#include "input.h"

#include <stdio.h>
#include <string.h>

static int check(void *context, const struct lbpf_ksym *symbol)
{
    const struct lbpf_kallsyms *table = context;
    struct lbpf_ksym found;

    if (lbpf_kallsyms_resolve(table, symbol->address, &found) < 0 ||
        found.address != symbol->address || lbpf_kallsyms_lookup(table, symbol->name, &found) < 0 ||
        strcmp(found.name, symbol->name) != 0)
        return -1;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    int fd = open_input(bytes, size);
    struct lbpf_kallsyms *table;
    char path[48];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (lbpf_kallsyms_open(&table, path, NULL) == 0 && lbpf_kallsyms_each(table, check, table) != 0)
        abort();
    lbpf_kallsyms_close(table);
    close(fd);
    return 0;
}
