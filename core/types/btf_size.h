/* Sizes of BTF type descriptions. */
#ifndef LBPF_TYPES_BTF_SIZE_H
#define LBPF_TYPES_BTF_SIZE_H

#include <stddef.h>

struct btf_type;

/* Bytes behind struct btf_type; SIZE_MAX for an unknown kind. */
size_t lbpf_btf_tail_size(const struct btf_type *type);

#endif
