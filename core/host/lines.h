/* The lines of files that the kernel writes for whoever reads them, one at a time. */
#ifndef LBPF_HOST_LINES_H
#define LBPF_HOST_LINES_H

#include "base/error.h"

/*
 * Calls visit for each line, lent without its end and free to be cut, until it returns non-zero,
 * which is returned. ENOENT and what else opening or reading says, with op in the error.
 */
int lbpf_lines_each(const char *path, const char *op, int (*visit)(void *context, char *line),
                    void *context, struct lbpf_error *error);

#endif
