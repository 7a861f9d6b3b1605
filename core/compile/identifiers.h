/*
 * What a C text names, found by its tokens alone (comments, strings and numbers skipped): enough to
 * choose which kernel types to declare. The scan follows #include into the prelude's own headers.
 */
#ifndef LBPF_COMPILE_IDENTIFIERS_H
#define LBPF_COMPILE_IDENTIFIERS_H

#include "base/error.h"
#include "base/strmap.h"

struct lbpf_identifiers {
    struct lbpf_strmap names;       /* every identifier */
    struct lbpf_strmap defined;     /* tags that the program defines: "struct x {", typedefs, tables */
    struct lbpf_strmap tracepoints; /* "category:event" of each tracepoint structure it needs */
    struct lbpf_strmap includes;    /* names between <> or "" of #include lines, as written */
};

/* Adds what text names. 0 or -ENOMEM. */
int lbpf_identifiers_scan(struct lbpf_identifiers *identifiers, const char *text, size_t size);
void lbpf_identifiers_free(struct lbpf_identifiers *identifiers);

#endif
