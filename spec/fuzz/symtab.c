/* Whole ELF files as probes read them, through libelf: function symbols, versions, debug links. */
#include "elf/symtab.h"
#include "elf/debug_file.h"
#include "input.h"

#include <string.h>

static int count(void *context, const struct lbpf_elf_symbol *symbol)
{
    *(size_t *)context += strlen(symbol->name);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct lbpf_elf_file file, debug;
    struct lbpf_error error = {0};
    size_t sum = 0;

    if (lbpf_elf_open_fd(&file, open_input(bytes, size), "/nowhere/input", &error) < 0)
        return error.message[0] ? 0 : (abort(), 0);
    lbpf_elf_each_function(&file, count, &sum);
    if (lbpf_elf_open_debug_file(&debug, &file))
        lbpf_elf_close(&debug);
    lbpf_elf_close(&file);
    return 0;
}
