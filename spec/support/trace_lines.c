/*
 * trace_lines FOLDER: what trace_fields makes of FOLDER/trace_pipe, a recorded text. A line for
 * each event: task|pid|cpu|flags|timestamp|message, the line ends in messages written as '\'.
 */
#include "host/tracefs.h"
#include "kernel/sys.h"
#include "stream/trace_pipe.h"

#include <stdio.h>

static const char *folder;

/* In place of the real ones. */
const char *lbpf_tracefs(struct lbpf_error *error)
{
    (void)error;
    return folder;
}

void lbpf_permission_hint(struct lbpf_error *error)
{
    (void)error;
}

int main(int argc, char **argv)
{
    struct lbpf_trace_pipe *pipe;
    struct lbpf_error error = {0};
    const char *line;
    int size;

    folder = argc > 1 ? argv[1] : ".";
    if (lbpf_trace_pipe_open(&pipe, &error))
        return 1;
    while ((size = lbpf_trace_pipe_readline(pipe, 0, &line, &error)) >= 0) {
        struct lbpf_trace_fields fields;

        if (!lbpf_trace_parse(line, (size_t)size, &fields))
            continue;
        lbpf_trace_pipe_join(pipe, &fields);
        printf("%s|%d|%d|%s|%.6f|", fields.task, fields.pid, fields.cpu, fields.flags,
               fields.timestamp);
        for (size_t i = 0; i < fields.message_size; i++)
            putchar(fields.message[i] == '\n' ? '\\' : fields.message[i]);
        putchar('\n');
    }
    lbpf_trace_pipe_close(pipe);
    return 0;
}
