#include "base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEP = 4096 }; /* what a read asks for at least; the buffer, and so the reads, double */

void lbpf_buffer_free(struct lbpf_buffer *buffer)
{
    free(buffer->data);
    memset(buffer, 0, sizeof *buffer);
}

char *lbpf_buffer_reserve(struct lbpf_buffer *buffer, size_t size)
{
    size_t needed, capacity;
    char *data;

    if (buffer->failed || size > SIZE_MAX / 2 - buffer->size) {
        buffer->failed = true;
        return NULL;
    }
    needed = buffer->size + size + 1;
    if (needed <= buffer->capacity)
        return buffer->data + buffer->size;
    capacity = buffer->capacity < 128 ? 256 : buffer->capacity * 2;
    if (capacity < needed)
        capacity = needed;
    data = realloc(buffer->data, capacity);
    if (!data) {
        buffer->failed = true;
        return NULL;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return data + buffer->size;
}

void lbpf_buffer_append(struct lbpf_buffer *buffer, const void *bytes, size_t size)
{
    char *end = lbpf_buffer_reserve(buffer, size);

    if (!end)
        return;
    if (size)
        memcpy(end, bytes, size);
    end[size] = '\0';
    buffer->size += size;
}

void lbpf_buffer_append_string(struct lbpf_buffer *buffer, const char *string)
{
    lbpf_buffer_append(buffer, string, strlen(string));
}

void lbpf_buffer_printf(struct lbpf_buffer *buffer, const char *format, ...)
{
    size_t room = buffer->capacity - buffer->size;
    va_list arguments;
    int length;
    char *end;

    va_start(arguments, format);
    length = vsnprintf(room ? buffer->data + buffer->size : NULL, room, format, arguments);
    va_end(arguments);
    if (length < 0)
        buffer->failed = true;
    end = lbpf_buffer_reserve(buffer, length < 0 ? 0 : (size_t)length);
    if (!end)
        return;
    if ((size_t)length >= room) {
        va_start(arguments, format);
        vsnprintf(end, (size_t)length + 1, format, arguments);
        va_end(arguments);
    }
    buffer->size += (size_t)length;
}

const char *lbpf_buffer_string(const struct lbpf_buffer *buffer)
{
    return buffer->data ? buffer->data : "";
}

char *lbpf_buffer_take(struct lbpf_buffer *buffer)
{
    char *data;

    lbpf_buffer_append(buffer, "", 0);
    data = buffer->failed ? NULL : buffer->data;
    if (data)
        memset(buffer, 0, sizeof *buffer);
    return data;
}

int lbpf_buffer_read_fd(struct lbpf_buffer *buffer, int fd, size_t limit)
{
    size_t start = buffer->size;

    for (;;) {
        char *end = lbpf_buffer_reserve(buffer, STEP);
        ssize_t got;

        if (!end)
            return -ENOMEM;
        got = read(fd, end, buffer->capacity - buffer->size - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        buffer->size += (size_t)got;
        buffer->data[buffer->size] = '\0';
        if (got == 0)
            return 0;
        if (buffer->size - start > limit)
            return -EFBIG;
    }
}

int lbpf_buffer_read_file(struct lbpf_buffer *buffer, const char *path, size_t limit)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int result;

    if (fd < 0)
        return -errno;
    result = lbpf_buffer_read_fd(buffer, fd, limit);
    close(fd);
    return result;
}
