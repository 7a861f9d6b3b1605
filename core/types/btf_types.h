/*
 * Types out of BTF. A set owns every type that it gave out and the BTF under them; types live until
 * the set's last holder frees it. BTF comes from our own compiler, but also from object files that
 * users hand in: cycles, depths over 64 and sizes that do not fit are refused, never followed.
 */
#ifndef LBPF_TYPES_BTF_TYPES_H
#define LBPF_TYPES_BTF_TYPES_H

#include "base/error.h"
#include "types/type.h"

struct btf;
struct lbpf_types;

/* Takes btf (freed with the set, and also when this fails). */
int lbpf_types_new(struct lbpf_types **types, struct btf *btf, struct lbpf_error *error);
/* Gives the set back; it ends with its last holder. NULL is allowed. */
void lbpf_types_free(struct lbpf_types *types);
/* One more holder, for values that outlive the session they came from. Not thread-safe. */
struct lbpf_types *lbpf_types_ref(struct lbpf_types *types);

/* The BTF under the set; lent. */
const struct btf *lbpf_types_btf(const struct lbpf_types *types);

/* The type with this BTF id, typedefs and qualifiers looked through. Given once, the same pointer
 * is given again. NULL on failure, with the reason in error. */
const struct lbpf_type *lbpf_types_get(struct lbpf_types *types, uint32_t btf_id,
                                       struct lbpf_error *error);

/* The type with this name as C writes it: "struct pair", "enum color", "u64", "unsigned int". NULL
 * when the program uses no such type. */
const struct lbpf_type *lbpf_types_find(struct lbpf_types *types, const char *name,
                                        struct lbpf_error *error);

#endif
