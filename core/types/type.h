/*
 * A C type, as the compiled program's BTF describes it, flattened to what reading and writing
 * values needs: typedefs and qualifiers are looked through, sizes and offsets are the compiler's
 * own.
 */
#ifndef LBPF_TYPES_TYPE_H
#define LBPF_TYPES_TYPE_H

#include <stdbool.h>
#include <stdint.h>

enum lbpf_type_kind {
    LBPF_TYPE_VOID,
    LBPF_TYPE_INT,  /* any integer up to 16 bytes; is_signed tells */
    LBPF_TYPE_CHAR, /* char, so that char arrays become strings */
    LBPF_TYPE_BOOL,
    LBPF_TYPE_FLOAT, /* float, double, long double by size */
    LBPF_TYPE_ENUM,
    LBPF_TYPE_POINTER, /* read as an unsigned integer */
    LBPF_TYPE_ARRAY,
    LBPF_TYPE_STRUCT,
    LBPF_TYPE_UNION,
};

struct lbpf_type;

struct lbpf_member {
    const char *name; /* "" for an anonymous struct or union member */
    const struct lbpf_type *type;
    uint32_t bit_offset; /* from the start of the struct */
    uint32_t bit_size;   /* 0 unless the member is a bit field */
};

struct lbpf_enumerator {
    const char *name;
    int64_t value;
};

struct lbpf_type {
    enum lbpf_type_kind kind;
    uint32_t size;    /* bytes; 0 for void and flexible arrays */
    uint32_t btf_id;  /* in the BTF that it came from */
    bool is_signed;   /* INT, ENUM */
    const char *name; /* tag or base-type name; "" when anonymous. Lent by the set */
    /* ARRAY */
    const struct lbpf_type *element;
    uint32_t count;
    /* STRUCT, UNION: in declaration order */
    const struct lbpf_member *members;
    uint32_t member_count;
    /* ENUM */
    const struct lbpf_enumerator *enumerators;
    uint32_t enumerator_count;
};

/* Whether values of the type become Lua strings: an array of char. */
static inline bool lbpf_type_is_string(const struct lbpf_type *type)
{
    return type->kind == LBPF_TYPE_ARRAY && type->element->kind == LBPF_TYPE_CHAR;
}

static inline bool lbpf_type_is_record(const struct lbpf_type *type)
{
    return type->kind == LBPF_TYPE_STRUCT || type->kind == LBPF_TYPE_UNION;
}

/* The name of the enumerator with this value, or NULL. */
const char *lbpf_type_enumerator(const struct lbpf_type *type, int64_t value);

/* Whether members of the record share bytes: a union, or one that holds a union without a name. */
bool lbpf_type_has_overlap(const struct lbpf_type *record);

/*
 * Finds a member by name, also inside anonymous members. Fills found with the member's type, its
 * bit offset from the start of `record` and its bit size. Returns whether there is one.
 */
bool lbpf_type_find_member(const struct lbpf_type *record, const char *name,
                           struct lbpf_member *found);

#endif
