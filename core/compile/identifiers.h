/*
 * What a C text names, found by its tokens alone (comments, strings and numbers skipped): enough to
 * choose which kernel types to declare, without a C parser. The program's own text is scanned
 * first, then, with `prelude` set, every header of ours that it reaches.
 */
#ifndef LBPF_COMPILE_IDENTIFIERS_H
#define LBPF_COMPILE_IDENTIFIERS_H

#include "base/error.h"
#include "base/strmap.h"

#include <stdbool.h>

/* How a name is used: bits of its value in `names`. */
enum {
    LBPF_USED_PLAIN = 0x1,  /* a type, a constant, an argument of a macro, … */
    LBPF_USED_TAG = 0x2,    /* after struct, union or enum */
    LBPF_USED_MEMBER = 0x4, /* after . or -> */
    LBPF_USED_OWN = 0x8,    /* at least once in the program's own text, not only in the prelude */
};

/* What a name is defined as: bits of its value in `defined`. */
enum {
    LBPF_DEFINES_STRUCT = 0x1,
    LBPF_DEFINES_UNION = 0x2,
    LBPF_DEFINES_ENUM = 0x4,
    LBPF_DEFINES_TYPEDEF = 0x8,          /* in the program's own text */
    LBPF_DEFINES_PRELUDE_TYPEDEF = 0x10, /* in the prelude: then the same as the kernel's */
    LBPF_DEFINES_SYMBOL = 0x20,          /* table, function, variable or enumerator of file scope */
    LBPF_DEFINES_MACRO = 0x40,
    LBPF_DEFINES_FLAG_MACRO = 0x80, /* by -D, thus before the kernel's types are read */
    LBPF_DEFINES_TAG = LBPF_DEFINES_STRUCT | LBPF_DEFINES_UNION | LBPF_DEFINES_ENUM,
};

struct lbpf_identifiers {
    struct lbpf_strmap names;       /* every identifier; LBPF_USED_* */
    struct lbpf_strmap defined;     /* what the text defines itself; LBPF_DEFINES_* */
    struct lbpf_strmap tracepoints; /* of each tracepoint structure it needs: "category:event", or
                                     * "category__event" as a struct's name has it */
    struct lbpf_strmap includes; /* names of #include lines, as written; the value is '<' or '"' */
    bool computed_include;       /* there is an #include whose name is a macro */
    bool prelude;                /* set by the caller: what follows is not the program's own */
};

/* Adds what text names. 0 or -ENOMEM. */
int lbpf_identifiers_scan(struct lbpf_identifiers *identifiers, const char *text, size_t size);
/* Adds the macros that arguments of a compiler define: -DNAME, -DNAME=x, -D NAME. 0 or -ENOMEM. */
int lbpf_identifiers_scan_flags(struct lbpf_identifiers *identifiers, const char *const *flags,
                                size_t flag_count);
void lbpf_identifiers_free(struct lbpf_identifiers *identifiers);

#endif
