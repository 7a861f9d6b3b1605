/*
 * Reading lists of mappings. Their file names are the process's own choice: a name can hold
 * blanks, and a line's end in it is written as \012.
 */
#include "host/maps.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MAPS_LIMIT = 256 * 1024 * 1024 };

/* A hexadecimal or decimal number; false when there is none or it does not fit. */
static bool parse_number(char **at, unsigned base, uint64_t *number)
{
    char *start = *at;

    *number = 0;
    for (;; (*at)++) {
        unsigned char c = (unsigned char)**at;
        unsigned digit;

        if (isdigit(c))
            digit = c - '0';
        else if (base == 16 && isxdigit(c))
            digit = (unsigned)tolower(c) - 'a' + 10;
        else
            return *at > start;
        if (*number > (UINT64_MAX - digit) / base)
            return false;
        *number = *number * base + digit;
    }
}

static bool skip(char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static void unescape(char *path)
{
    char *to = path;

    for (; *path; path++, to++) {
        *to = *path;
        if (strncmp(path, "\\012", 4) == 0) {
            *to = '\n';
            path += 3;
        }
    }
    *to = '\0';
}

/* "7f01-7f02 r-xp 00001000 08:01 1234      /lib/x.so" */
static bool parse_line(char *line, struct lbpf_mapping *mapping)
{
    uint64_t major, minor;

    if (!parse_number(&line, 16, &mapping->start) || !skip(&line, '-') ||
        !parse_number(&line, 16, &mapping->end) || !skip(&line, ' ') ||
        mapping->end <= mapping->start || strnlen(line, 5) < 5)
        return false;
    mapping->is_executable = line[2] == 'x';
    line += 4;
    if (!skip(&line, ' ') || !parse_number(&line, 16, &mapping->offset) || !skip(&line, ' ') ||
        !parse_number(&line, 16, &major) || !skip(&line, ':') || !parse_number(&line, 16, &minor) ||
        !skip(&line, ' ') || !parse_number(&line, 10, &mapping->inode) || (*line && *line != ' '))
        return false;
    mapping->major = (unsigned)major;
    mapping->minor = (unsigned)minor;
    mapping->path = line + strspn(line, " ");
    unescape(mapping->path);
    return true;
}

int lbpf_maps_scan(char *text, int (*visit)(void *context, const struct lbpf_mapping *mapping),
                   void *context)
{
    int result = 0;

    while (result == 0 && *text) {
        char *end = text + strcspn(text, "\n");
        bool is_last = !*end;
        struct lbpf_mapping mapping;

        *end = '\0';
        if (parse_line(text, &mapping))
            result = visit(context, &mapping);
        text = is_last ? end : end + 1;
    }
    return result;
}

int lbpf_maps_read(pid_t pid, struct lbpf_buffer *text)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    return lbpf_buffer_read_file(text, path, MAPS_LIMIT);
}

bool lbpf_mapping_is_file(const struct lbpf_mapping *mapping)
{
    static const char *const others[] = {"//anon", "/dev/zero", "/anon_hugepage", "/SYSV"};

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strncmp(mapping->path, others[i], strlen(others[i])) == 0)
            return false;
    }
    return mapping->path[0] == '/';
}
