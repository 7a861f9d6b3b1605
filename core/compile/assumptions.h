/*
 * What a portable program takes for granted of the kernel that it is compiled on, and that no
 * relocation sets right: sizes, constants, layouts of what it copies, the width of what it reads.
 * The object carries these facts (kernel_facts.h), and the loader compares them with its kernel.
 */
#ifndef LBPF_COMPILE_ASSUMPTIONS_H
#define LBPF_COMPILE_ASSUMPTIONS_H

#include "base/buffer.h"
#include "base/strmap.h"
#include "compile/compile.h"
#include "compile/identifiers.h"
#include "compile/kernel_btf.h"

/* Starts as {.identifiers = …}. */
struct lbpf_assumptions {
    const struct lbpf_identifiers *identifiers; /* lent */
    struct lbpf_strmap facts;                   /* the questions */
    struct lbpf_strmap records;                 /* of the kernel's, as types are written in C */
    struct lbpf_strmap fields;      /* of these: clang's number → where its name starts */
    struct lbpf_buffer field_names; /* "RECORD.FIELD", each ended by a NUL */
    struct lbpf_buffer pointers;    /* variables and the record that each points to, likewise */
    bool failed;                    /* out of memory */
};

void lbpf_assumptions_free(struct lbpf_assumptions *assumptions);
void lbpf_assumptions_add(struct lbpf_assumptions *assumptions, const char *format, ...)
    LBPF_PRINTF(2, 3);
void lbpf_assumptions_add_constant(struct lbpf_assumptions *assumptions, const char *name,
                                   size_t size);

/* Takes what the syntax tree shows, as clang -ast-dump writes it. */
void lbpf_assumptions_scan_tree(struct lbpf_assumptions *assumptions,
                                const struct lbpf_buffer *tree);

/* Takes what only the text shows: array dimensions, which the tree has as numbers. To be called
 * behind the tree. */
void lbpf_assumptions_scan_text(struct lbpf_assumptions *assumptions, const char *text,
                                size_t size);

/* Appends C that puts the facts, with this kernel's answers, into the object's section
 * .lbpf.kernel: lines "FACT<tab>ANSWER<tab>FILE:LINE". 0 or -ENOMEM. */
int lbpf_assumptions_write(const struct lbpf_assumptions *assumptions,
                           const struct lbpf_source *source, struct lbpf_kernel_btf *btf,
                           struct lbpf_buffer *text);

#endif
