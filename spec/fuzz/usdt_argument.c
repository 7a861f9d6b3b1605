/* Argument strings of static probe points, as every machine reads them. */
#include "elf/usdt_argument.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, unsigned machine)
{
    struct lbpf_usdt_argument argument;
    const char *at = text, *before = text;

    while (lbpf_usdt_argument_next(&at, machine, &argument)) {
        if (at <= before || argument.text + argument.text_size != at)
            abort(); /* each step takes something, and says what */
        before = at;
        if (argument.refused[0])
            continue;
        if (!*lbpf_usdt_argument_type(&argument))
            abort();
        if (argument.symbol &&
            (argument.symbol < argument.text ||
             argument.symbol + argument.symbol_size > argument.text + argument.text_size))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned machines[] = {EM_X86_64, EM_386, EM_AARCH64, EM_RISCV};
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        check(text, machines[i]);
    free(text);
    return 0;
}
