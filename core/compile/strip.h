/*
 * Leaves an object without its DWARF. clang can't make BTF without it, and it holds the text of
 * every file that clang read: with kernel headers, 4 MB of an object of 40 KB.
 */
#ifndef LBPF_COMPILE_STRIP_H
#define LBPF_COMPILE_STRIP_H

#include "base/buffer.h"

/* Strips the object that starts at start and ends with the buffer. The lines of the program stay:
 * they are in .BTF.ext. An object in which something else could count on the numbers of sections
 * or symbols stays as it is. 0 or -ENOMEM. */
int lbpf_strip(struct lbpf_buffer *object, size_t start);

#endif
