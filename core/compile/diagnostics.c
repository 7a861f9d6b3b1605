/*
 * clang speaks well; its text is kept, with the names replaced that only we understand: memory
 * files by the user's file, a struct of methods by the table that it is.
 */
#include "compile/diagnostics.h"

#include "compile/child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct finding {
    char where[256]; /* file:line */
    char message[512];
};

/* --- clean text ------------------------------------------------------------------------------- */

static void replace_all(struct lbpf_buffer *text, const char *from, const char *to)
{
    struct lbpf_buffer out = {0};
    const char *at = lbpf_buffer_string(text), *next;

    if (!strstr(at, from))
        return;
    for (; (next = strstr(at, from)); at = next + strlen(from)) {
        lbpf_buffer_append(&out, at, (size_t)(next - at));
        lbpf_buffer_append_string(&out, to);
    }
    lbpf_buffer_append_string(&out, at);
    if (out.failed) {
        lbpf_buffer_free(&out);
        return;
    }
    lbpf_buffer_free(text);
    *text = out;
}

void lbpf_diagnostics_clean(struct lbpf_buffer *text, const char *file_name)
{
    /* In the order in which the compiler gets them. */
    const char *const names[] = {file_name,        "kernel types", "tracepoint types",
                                 "kernel headers", "USDT readers", "kernel facts",
                                 "kernel types"};
    char path[64];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "/proc/self/fd/%zu", LBPF_CHILD_FIRST_FD + i);
        replace_all(text, path, names[i]);
    }
    replace_all(text, "/virtual/include/", "");
    replace_all(text, "__lbpf_map_", "");
    replace_all(text, "error: luabpf: ", "error: ");
}

/* --- the first error -------------------------------------------------------------------------- */

static void copy_field(char *field, size_t size, const char *from, size_t length)
{
    snprintf(field, size, "%.*s", (int)(length < size ? length : size - 1), from);
}

/* Takes file:line out of "file:line:column". */
static void copy_where(char *field, size_t size, const char *from, size_t length)
{
    size_t colon = length;

    while (colon && from[colon - 1] != ':')
        colon--;
    copy_field(field, size, from, colon ? colon - 1 : length);
}

static bool find_error(const struct lbpf_buffer *text, struct finding *finding)
{
    static const char mark[] = "error: ", fatal[] = "fatal error: ";
    static const char elsewhere[] = "could not determine the original source location for ";
    const char *at, *end, *place, *start, *found = strstr(lbpf_buffer_string(text), mark);

    if (!found)
        return false;
    for (at = found; at > text->data && at[-1] != '\n'; at--)
        continue;
    end = found + strcspn(found, "\n");
    start = found - at >= 6 && !strncmp(found - 6, fatal, 6) ? found - 6 : found;
    if (start - at > 2)
        copy_where(finding->where, sizeof finding->where, at, (size_t)(start - at) - 2);
    found += sizeof mark - 1;
    copy_field(finding->message, sizeof finding->message, found, (size_t)(end - found));
    if (!strchr(finding->where, ':'))
        finding->where[0] = '\0'; /* the program's name, not a place */
    place = strstr(end, elsewhere);
    if (!finding->where[0] && place) {
        place += sizeof elsewhere - 1;
        copy_where(finding->where, sizeof finding->where, place, strcspn(place, "\n"));
    }
    return true;
}

/* What clang says about the flag, the standard and our types behind its error helps nobody here. */
static void drop_tail(char *message)
{
    static const char *const tails[] = {" [-W", "; ISO C99 and later do not support",
                                        " with a different type: 'struct (unnamed"};

    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char *tail = strstr(message, tails[i]);

        if (tail)
            *tail = '\0';
    }
}

/* "'struct counts_keyed_methods'" is the table counts. */
static void name_tables(char *message, size_t size)
{
    static const char before[] = "'struct ";
    char *start = strstr(message, before), *name, rest[512];
    const char *kind;
    size_t tag_size, name_size;

    if (!start)
        return;
    name = start + sizeof before - 1;
    tag_size = strcspn(name, "'");
    if (!name[tag_size] || !lbpf_diagnostics_split_table(name, tag_size, &name_size, &kind))
        return;
    snprintf(rest, sizeof rest, "table '%.*s'%s", (int)name_size, name, name + tag_size + 1);
    snprintf(start, size - (size_t)(start - message), "%s", rest);
}

/* What the prelude asserts is said in words; the condition behind it helps nobody. */
static void drop_requirement(char *message)
{
    static const char before[] = "static assertion failed due to requirement '", after[] = "': ";
    char *end = strstr(message, after);

    if (strncmp(message, before, sizeof before - 1) != 0 || !strstr(message, "__lbpf_") || !end)
        return;
    end += sizeof after - 1;
    memmove(message, end, strlen(end) + 1);
}

int lbpf_diagnostics_error(const struct lbpf_diagnostics *diagnostics,
                           const struct lbpf_buffer *text, struct lbpf_error *error)
{
    struct finding finding = {{0}, {0}};
    char message[sizeof finding.message];
    const char *log = lbpf_buffer_string(text);

    if (!find_error(text, &finding))
        snprintf(finding.message, sizeof finding.message,
                 *log ? "clang failed; see the log" : "clang failed without a word");
    drop_tail(finding.message);
    drop_requirement(finding.message);
    memcpy(message, finding.message, sizeof message);
    name_tables(message, sizeof message);
    lbpf_error_set(error, EINVAL, "compile", "%s", message);
    if (finding.where[0])
        lbpf_error_where(error, "%s", finding.where);
    if (strstr(finding.message, "unable to load plugin"))
        lbpf_error_hint(error, "clang must have the LLVM version that luabpf was built with; unset "
                               "LUABPF_CLANG, or build luabpf anew");
    else if (!finding.where[0] && getenv("LUABPF_CLANG"))
        lbpf_error_hint(error,
                        "LUABPF_CLANG names another clang than luabpf was built for; unset it");
    else
        lbpf_diagnostics_hint(diagnostics, finding.message, error);
    lbpf_error_take_log(error, strdup(log));
    return -EINVAL;
}
