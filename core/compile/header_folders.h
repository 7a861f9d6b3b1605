/*
 * In which folders a header could appear that would be read in place of another.
 */
#ifndef LBPF_COMPILE_HEADER_FOLDERS_H
#define LBPF_COMPILE_HEADER_FOLDERS_H

#include "base/buffer.h"
#include "base/strmap.h"

/* Adds these folders to paths, which holds the headers that were read. search are the folders of
 * the include path, names what was included, each ended by a NUL. Not among them is a folder beside
 * a header in which #include "folder/name" did not find what the include path has. 0 or -ENOMEM. */
int lbpf_header_folders_add(struct lbpf_strmap *paths, const struct lbpf_buffer *search,
                            const struct lbpf_buffer *names);

#endif
