/*
 * Address to function, for one ELF file: a compact table that lives as long as somebody asks. It
 * takes 8 bytes for each symbol and 8 for each stretch of code; names stay in the file until they
 * are asked for.
 */
#ifndef LBPF_ELF_FUNCTION_TABLE_H
#define LBPF_ELF_FUNCTION_TABLE_H

#include "base/error.h"
#include "elf/image.h"

struct lbpf_function_table;

/*
 * Indexes the functions of .symtab and .dynsym of image; those of extra too, when it is not NULL: a
 * debug file of it. Both images belong to the caller, who keeps them open as long as the table.
 */
int lbpf_function_table_open(struct lbpf_function_table **table, const struct lbpf_elf_image *image,
                             const struct lbpf_elf_image *extra, const char *path,
                             struct lbpf_error *error);
void lbpf_function_table_close(struct lbpf_function_table *table);

/*
 * The innermost function around an address of the file, and where it starts. A symbol without size
 * reaches to the next one. Of several names for one place: the one with fewest leading underscores,
 * then the shortest. Linkage stubs are "NAME@plt". NULL when nothing is there. The name is lent
 * until the next call; behind its NUL stands the demangled name, "" when there is none.
 */
const char *lbpf_function_table_find(struct lbpf_function_table *table, uint64_t address,
                                     uint64_t *start);

/* The address of a function by any of its names; a slow search. 0 when there is none. */
uint64_t lbpf_function_table_address(struct lbpf_function_table *table, const char *name);

/* Heap bytes that it takes now. */
size_t lbpf_function_table_memory(const struct lbpf_function_table *table);
size_t lbpf_function_table_count(const struct lbpf_function_table *table);

#endif
