/* Which function an address belongs to: the code of a file in stretches that one function has. */
#ifndef LBPF_ELF_STRETCHES_H
#define LBPF_ELF_STRETCHES_H

#include "elf/image.h"

#define LBPF_NO_OWNER UINT32_MAX

/* Where a symbol says that a function lies: places count from the start of the code. The end is the
 * start for a symbol without size. */
struct lbpf_elf_span {
    uint32_t start, end;
    uint32_t name; /* the caller's */
};

struct lbpf_stretches {
    uint32_t *starts;
    uint32_t *owners; /* of each, or LBPF_NO_OWNER */
    size_t count;
};

/*
 * Sorts the spans of the code from base to end by their starts, which may move them to other memory
 * of malloc, and makes the stretches, empty before. An owner is the number of a span in that order,
 * the first of those of equal start. 0 or -ENOMEM.
 */
int lbpf_stretches_make(struct lbpf_stretches *stretches, const struct lbpf_elf_image *image,
                        uint64_t base, uint64_t end, struct lbpf_elf_span **spans, size_t count);

/* The owner of a place, or LBPF_NO_OWNER. */
uint32_t lbpf_stretches_owner(const struct lbpf_stretches *stretches, uint32_t place);

void lbpf_stretches_free(struct lbpf_stretches *stretches);

#endif
