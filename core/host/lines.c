/*
 * Some lists of the kernel have 200,000 lines, of which somebody wants a few. They are read in
 * chunks and cut in place: nothing is allocated per line, and no list is ever whole in memory.
 */
#include "host/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 }; /* no line is longer; a kernel symbol has at most 512 bytes */

typedef int line_visit(void *context, char *line);

/* Visits the whole lines of text; *used is where the unfinished last one starts. */
static int visit_lines(char *text, size_t size, size_t *used, line_visit *visit, void *context)
{
    char *line = text, *end;
    int result = 0;

    while (result == 0 && (end = memchr(line, '\n', (size_t)(text + size - line)))) {
        *end = '\0';
        result = visit(context, line);
        line = end + 1;
    }
    *used = (size_t)(line - text);
    return result;
}

static int visit_fd(int fd, char *chunk, line_visit *visit, void *context, int *read_error)
{
    size_t size = 0, used;
    int result = 0;

    for (;;) {
        ssize_t got = read(fd, chunk + size, CHUNK - 1 - size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            *read_error = errno;
        if (got <= 0)
            break;
        size += (size_t)got;
        result = visit_lines(chunk, size, &used, visit, context);
        if (result != 0)
            return result;
        size -= used;
        memmove(chunk, chunk + used, size);
        if (size == CHUNK - 1)
            size = 0; /* no line of such a list: drop it */
    }
    if (size > 0 && !*read_error) { /* a file may lack the last line's end */
        chunk[size] = '\n';
        result = visit_lines(chunk, size + 1, &used, visit, context);
    }
    return result;
}

int lbpf_lines_each(const char *path, const char *op, line_visit *visit, void *context,
                    struct lbpf_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), result, read_error = 0;
    char *chunk;

    if (fd < 0)
        return lbpf_error_set(error, errno, op, "%s can not be opened: %s", path, strerror(errno));
    chunk = malloc(CHUNK);
    if (!chunk) {
        close(fd);
        return lbpf_error_no_memory(error, op);
    }
    result = visit_fd(fd, chunk, visit, context, &read_error);
    free(chunk);
    close(fd);
    if (read_error)
        return lbpf_error_set(error, read_error, op, "%s can not be read: %s", path,
                              strerror(read_error));
    return result;
}
