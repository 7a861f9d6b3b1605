/*
 * What a program consists of besides its text: the headers that it includes, resolved before the
 * compiler runs. An unknown kernel header is no error: it stands for the prelude's lbpf/kernel.h,
 * for types come from BTF.
 */
#ifndef LBPF_COMPILE_INPUTS_H
#define LBPF_COMPILE_INPUTS_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/strmap.h"
#include "compile/compile.h"
#include "compile/identifiers.h"

/* Where the compiler finds the headers that stand for the kernel's. */
#define LBPF_VIRTUAL_INCLUDE "/virtual/include"

struct lbpf_inputs {
    struct lbpf_identifiers identifiers;
    struct lbpf_strmap visited; /* includes that were looked up */
    struct lbpf_strmap ours;    /* the prelude's headers among them, by name under include/ */
    struct lbpf_buffer kernel;  /* names of the kernel's headers among them, each ended by a NUL */
    struct lbpf_buffer
        files;          /* the program's own headers: names and contents, for the cache's key */
    char refused[512];  /* an include that is a pipe or a device: nobody should read it; else "" */
    const char *folder; /* lent: what holds include/ */
};

/* Scans the program's text and its own headers, and sorts its includes. */
int lbpf_inputs_scan(struct lbpf_inputs *inputs, const struct lbpf_source *source,
                     const char *folder);
/* Adds to the identifiers what the prelude and its headers that the program includes name. */
int lbpf_inputs_scan_prelude(struct lbpf_inputs *inputs);
/* Adds what our kernel headers define, for guesses after an error. */
int lbpf_inputs_scan_kernel(struct lbpf_inputs *inputs);
/* Appends the description of a file system overlay that holds the kernel's headers. */
void lbpf_inputs_overlay(const struct lbpf_inputs *inputs, struct lbpf_buffer *overlay);
void lbpf_inputs_free(struct lbpf_inputs *inputs);

#endif
