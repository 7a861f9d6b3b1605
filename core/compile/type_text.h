/*
 * BTF types as C text. The compiler must lay every structure out exactly as the kernel did, so the
 * layout that the text would get is computed member by member, and padding or `packed` is written
 * where it would differ (type_layout.c). Names that the program or an earlier type already took get
 * a suffix ___ID.
 */
#ifndef LBPF_COMPILE_TYPE_TEXT_H
#define LBPF_COMPILE_TYPE_TEXT_H

#include "base/buffer.h"
#include "compile/identifiers.h"
#include "compile/idmap.h"
#include "compile/kernel_btf.h"

struct lbpf_type_info {
    unsigned char state;   /* LBPF_STATE_* of the definition */
    unsigned char forward; /* "struct x;" was written */
    unsigned char align;   /* in bytes, at most 128; 0 while unknown */
    unsigned char layout;  /* LBPF_LAYOUT_* */
};

enum { LBPF_STATE_NEW, LBPF_STATE_BUSY, LBPF_STATE_DONE };

enum {
    LBPF_LAYOUT_NATURAL, /* the compiler's own, with padding members where needed */
    LBPF_LAYOUT_PACKED,  /* needs __attribute__((packed)) */
    LBPF_LAYOUT_OPAQUE,  /* C cannot say it: an array of bytes */
    LBPF_LAYOUT_BUSY,    /* being computed */
};

struct lbpf_type_text {
    const struct lbpf_kernel_btf *btf;
    const struct lbpf_identifiers *identifiers;
    struct lbpf_buffer *out;
    struct lbpf_type_info *infos; /* by id */
    struct lbpf_idmap tags;       /* string offset of a tag → id that has the plain name */
    struct lbpf_idmap names;      /* the same for typedefs and enumerators (the enum's id) */
    uint32_t *aggregates;         /* struct and union definitions, in the order written */
    size_t aggregate_count, aggregate_capacity;
    int depth;
    bool relocated; /* accesses are noted in the object, but for types that are an interface */
    bool whole;     /* what is printed next is all of a typedef, with its attributes */
    bool failed;    /* out of memory, or types nested beyond reason */
};

int lbpf_type_text_init(struct lbpf_type_text *text, const struct lbpf_kernel_btf *btf,
                        const struct lbpf_identifiers *identifiers, struct lbpf_buffer *out);
void lbpf_type_text_free(struct lbpf_type_text *text);

/* Writes the definition of id after everything that it needs, once. */
void lbpf_type_text_define(struct lbpf_type_text *text, uint32_t id);

/* Writes the definitions that id needs: of id itself too when whole, else as for a pointer to it.
 */
void lbpf_type_text_require(struct lbpf_type_text *text, uint32_t id, bool whole);

/* type_print.c */

/* Appends a declaration of name (may be "") with type id, without its semicolon. */
void lbpf_type_text_print(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id,
                          const char *name);
/* Appends what stands between the tag and the semicolon of a struct, union or enum. */
void lbpf_type_text_print_body(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id);

/* The compiler has a typedef of this name built in, laid out as its target likes; the kernel's is
 * an array of a structure. So it is looked through. */
bool lbpf_type_text_is_va_list(const struct lbpf_type_text *text, const struct btf_type *type);

/* type_names.c: which name a type has in the text */

/* Appends "struct name", "union name" or "enum name". pointed: only a pointer to it is meant, so
 * that the program's own structure of that name will do. */
void lbpf_type_text_tag(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id,
                        bool pointed);
/* Appends the name of a typedef. */
void lbpf_type_text_typedef_name(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id);
/* Appends an enumerator of enum id. */
void lbpf_type_text_enumerator(struct lbpf_type_text *text, struct lbpf_buffer *out, uint32_t id,
                               uint32_t name_offset);

/* type_layout.c */

/* In bytes; 0 for what has no size. */
uint64_t lbpf_type_size(const struct lbpf_type_text *text, uint32_t id);
unsigned lbpf_type_align(struct lbpf_type_text *text, uint32_t id);
/* LBPF_LAYOUT_* of a struct or union. */
unsigned lbpf_type_layout(struct lbpf_type_text *text, uint32_t id);

/* A member as the text will declare it. */
struct lbpf_member_place {
    uint64_t offset, size; /* in bits, as BTF has them */
    unsigned width;        /* of a bit field; 0 for others */
    bool padded;           /* padding from the end of the member before is needed to get there */
    bool possible;         /* whether the member can stand there at all */
};

/* Where the member goes when everything before it ends at bit `position`. */
struct lbpf_member_place lbpf_member_place(struct lbpf_type_text *text, const struct btf_type *type,
                                           const struct btf_member *member, uint64_t position,
                                           bool packed);

#endif
