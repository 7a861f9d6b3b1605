/*
 * Whether files are still what they were, by their sizes, inodes and times: reading a thousand
 * kernel headers to compare them would take longer than all else of a start.
 */
#ifndef LBPF_COMPILE_FILE_STAMPS_H
#define LBPF_COMPILE_FILE_STAMPS_H

#include "base/buffer.h"
#include "base/strmap.h"

#include <time.h>

/* What the clock says that files' times are of. It moves by ticks of some milliseconds. */
struct timespec lbpf_file_stamps_now(void);

/* Appends the paths with their stamps to list; a path where nothing is has one, too. A folder's
 * stamp changes when something appears in it. False if one was changed at since or later, and so
 * may have been read as it was before; or without memory. */
bool lbpf_file_stamps_write(const struct lbpf_strmap *paths, struct timespec since,
                            struct lbpf_buffer *list);

/* Whether all that the list names is what it was. */
bool lbpf_file_stamps_hold(const char *list, size_t size);

#endif
