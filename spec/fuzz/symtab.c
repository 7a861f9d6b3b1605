/* Whole ELF files as probes read them, through libelf: function symbols, versions, debug links,
 * notes of static probes. */
#include "elf/symtab.h"
#include "elf/debug_file.h"
#include "elf/stapsdt.h"
#include "input.h"

#include <string.h>

static int count(void *context, const struct lbpf_elf_symbol *symbol)
{
    *(size_t *)context += strlen(symbol->name);
    return 0;
}

struct notes {
    const struct lbpf_elf_file *file;
    size_t sum;
};

static int count_note(void *context, const struct lbpf_stapsdt_note *note)
{
    struct notes *notes = context;
    uint64_t offset;

    notes->sum += strlen(note->provider) + strlen(note->name) + strlen(note->arguments);
    lbpf_stapsdt_offset(notes->file, note->location, &offset);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct lbpf_elf_file file, debug;
    struct lbpf_error error = {0};
    struct notes notes = {.file = &file};
    size_t sum = 0;

    if (lbpf_elf_open_fd(&file, open_input(bytes, size), "/nowhere/input", &error) < 0)
        return error.message[0] ? 0 : (abort(), 0);
    lbpf_elf_each_function(&file, count, &sum);
    if (lbpf_stapsdt_each(&file, count_note, &notes, &error) < 0 && !error.message[0])
        abort();
    if (lbpf_elf_open_debug_file(&debug, &file))
        lbpf_elf_close(&debug);
    lbpf_elf_close(&file);
    return 0;
}
