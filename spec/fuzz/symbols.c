/* Whole ELF files as the address-to-name tables read them: headers, symbols, stubs, packed tables.
 */
#include "elf/function_table.h"
#include "elf/mini_debug_info.h"
#include "input.h"

#include <string.h>

static void ask(struct lbpf_function_table *table, const struct lbpf_elf_image *image)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        for (uint64_t at = 0; at < image->segments[i].size && at < 4096; at += 37) {
            uint64_t address = image->segments[i].address + at, start;
            const char *name = lbpf_function_table_find(table, address, &start);

            if (name && (start > address || strlen(name) + strlen(name + strlen(name) + 1) == 0))
                abort();
        }
    }
    lbpf_function_table_address(table, "main");
    if (lbpf_function_table_memory(table) == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct lbpf_elf_image image, mini;
    struct lbpf_function_table *table;
    struct lbpf_error error = {0};
    uint8_t id[20];
    bool has_mini;

    if (lbpf_elf_image_open(&image, open_input(bytes, size), "input", &error) < 0) {
        if (!error.message[0])
            abort();
        return 0;
    }
    lbpf_elf_image_build_id(&image, id, sizeof id);
    has_mini = lbpf_elf_open_mini_debug_info(&mini, &image) == 1;
    if (lbpf_function_table_open(&table, &image, has_mini ? &mini : NULL, "input", &error) == 0)
        ask(table, &image);
    lbpf_function_table_close(table);
    if (has_mini)
        lbpf_elf_image_close(&mini);
    lbpf_elf_image_close(&image);
    return 0;
}
