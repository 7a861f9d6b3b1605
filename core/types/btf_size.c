/* The one place that knows how long the descriptions of BTF types are: readers of foreign BTF walk
 * by it, and stop at a kind that is newer than it. */
#include "types/btf_size.h"

#include <linux/btf.h>
#include <stdint.h>

#ifndef BTF_KIND_ENUM64
#define BTF_KIND_ENUM64 19
#endif

size_t lbpf_btf_tail_size(const struct btf_type *type)
{
    size_t vlen = BTF_INFO_VLEN(type->info);

    switch (BTF_INFO_KIND(type->info)) {
    case BTF_KIND_INT:
    case BTF_KIND_VAR:
    case BTF_KIND_DECL_TAG:
        return 4;
    case BTF_KIND_ARRAY:
        return sizeof(struct btf_array);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        return vlen * sizeof(struct btf_member);
    case BTF_KIND_ENUM:
        return vlen * sizeof(struct btf_enum);
    case BTF_KIND_ENUM64:
        return vlen * 12;
    case BTF_KIND_FUNC_PROTO:
        return vlen * sizeof(struct btf_param);
    case BTF_KIND_DATASEC:
        return vlen * sizeof(struct btf_var_secinfo);
    case BTF_KIND_PTR:
    case BTF_KIND_FWD:
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_CONST:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_FUNC:
    case BTF_KIND_FLOAT:
    case BTF_KIND_TYPE_TAG:
        return 0;
    default:
        return SIZE_MAX;
    }
}
