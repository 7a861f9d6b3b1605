/*
 * Growable bytes. A failed allocation is remembered in the buffer and every later append is a
 * no-op, so that a caller checks `failed` once at the end. The bytes are always followed by a NUL
 * that does not count. Whoever declares a buffer (struct lbpf_buffer b = {0}) frees it.
 */
#ifndef LBPF_BASE_BUFFER_H
#define LBPF_BASE_BUFFER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct lbpf_buffer {
    char *data; /* NULL while nothing was appended */
    size_t size;
    size_t capacity;
    bool failed;
};

void lbpf_buffer_free(struct lbpf_buffer *buffer);

/* Makes room for size more bytes and returns where they start, or NULL (failed is then set). The
 * caller adds what it wrote to buffer->size. */
char *lbpf_buffer_reserve(struct lbpf_buffer *buffer, size_t size);

void lbpf_buffer_append(struct lbpf_buffer *buffer, const void *bytes, size_t size);
void lbpf_buffer_append_string(struct lbpf_buffer *buffer, const char *string);
void lbpf_buffer_printf(struct lbpf_buffer *buffer, const char *format, ...) LBPF_PRINTF(2, 3);

/* The content as a C string; "" when empty. Lent until the next append. */
const char *lbpf_buffer_string(const struct lbpf_buffer *buffer);

/* Gives the bytes to the caller, who frees them; the buffer is empty afterwards. NULL if failed. */
char *lbpf_buffer_take(struct lbpf_buffer *buffer);

/* Appends everything that fd has up to its end. 0 or -errno; -EFBIG beyond limit bytes. */
int lbpf_buffer_read_fd(struct lbpf_buffer *buffer, int fd, size_t limit);

/* Appends a whole regular, proc or sysfs file. 0 or -errno; -EFBIG beyond limit bytes. */
int lbpf_buffer_read_file(struct lbpf_buffer *buffer, const char *path, size_t limit);

#endif
