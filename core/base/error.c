#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void format_into(char *field, size_t size, const char *format, va_list arguments)
{
    if (vsnprintf(field, size, format, arguments) < 0)
        field[0] = '\0';
}

int lbpf_error_set(struct lbpf_error *error, int code, const char *op, const char *format, ...)
{
    if (error) {
        va_list arguments;

        lbpf_error_clear(error);
        error->code = code;
        snprintf(error->op, sizeof error->op, "%s", op);
        va_start(arguments, format);
        format_into(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return -code;
}

void lbpf_error_hint(struct lbpf_error *error, const char *format, ...)
{
    va_list arguments;

    if (!error)
        return;
    va_start(arguments, format);
    format_into(error->hint, sizeof error->hint, format, arguments);
    va_end(arguments);
}

void lbpf_error_where(struct lbpf_error *error, const char *format, ...)
{
    va_list arguments;

    if (!error)
        return;
    va_start(arguments, format);
    format_into(error->where, sizeof error->where, format, arguments);
    va_end(arguments);
}

void lbpf_error_take_log(struct lbpf_error *error, char *log)
{
    if (!error) {
        free(log);
        return;
    }
    free(error->log);
    error->log = log;
}

void lbpf_error_clear(struct lbpf_error *error)
{
    free(error->log);
    memset(error, 0, sizeof *error);
}

int lbpf_error_no_memory(struct lbpf_error *error, const char *op)
{
    return lbpf_error_set(error, ENOMEM, op, "out of memory");
}
