/*
 * What to do about a method that a table does not have. The lists of methods are read from the
 * prelude's own headers, where they are declared, so that there is only one of each.
 */
#include "compile/diagnostics.h"

#include "compile/toolchain.h"
#include "host/nearest.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 128, HEADER_LIMIT = 1 << 20 };

/* Appends the members of `struct name##_KIND_methods { … }` in a header: each is a pointer to a
 * function, and so its name stands after "(*". */
static bool list_members(const char *text, const char *kind, struct lbpf_buffer *methods)
{
    char mark[NAME_SIZE];
    const char *at, *end;

    snprintf(mark, sizeof mark, "##_%s_methods {", kind);
    at = strstr(text, mark);
    end = at ? strchr(at, '}') : NULL;
    while (end && (at = strstr(at, "(*")) && at < end) {
        at += 2;
        if (methods->size)
            lbpf_buffer_append_string(methods, " ");
        lbpf_buffer_append(methods, at, strcspn(at, ")"));
    }
    return end != NULL;
}

static void list_methods(const char *kind, struct lbpf_buffer *methods)
{
    struct lbpf_toolchain toolchain;
    struct lbpf_error ignored = {0};
    char folder[PATH_MAX + 32], path[2 * PATH_MAX];
    struct dirent *item;
    DIR *headers;
    bool found = false;

    if (lbpf_toolchain_find(&toolchain, &ignored)) {
        lbpf_error_clear(&ignored);
        return;
    }
    snprintf(folder, sizeof folder, "%s/include/lbpf/maps", toolchain.folder);
    headers = opendir(folder);
    while (headers && !found && (item = readdir(headers))) {
        struct lbpf_buffer text = {0};

        snprintf(path, sizeof path, "%s/%s", folder, item->d_name);
        if (item->d_name[0] != '.' && !lbpf_buffer_read_file(&text, path, HEADER_LIMIT))
            found = list_members(lbpf_buffer_string(&text), kind, methods);
        lbpf_buffer_free(&text);
    }
    if (headers)
        closedir(headers);
}

bool lbpf_diagnostics_split_table(const char *tag, size_t size, size_t *table_size,
                                  const char **kind)
{
    static const char suffix[] = "_methods";
    size_t end = size - (sizeof suffix - 1), middle = end;

    if (size < sizeof suffix || memcmp(tag + end, suffix, sizeof suffix - 1) != 0)
        return false;
    while (middle && tag[middle - 1] != '_')
        middle--;
    if (middle < 2)
        return false;
    *table_size = middle - 1;
    *kind = tag + middle;
    return true;
}

bool lbpf_diagnostics_hint_method(const char *method, const char *tag, struct lbpf_error *error)
{
    struct lbpf_buffer methods = {0};
    struct lbpf_nearest nearest;
    char word[NAME_SIZE];
    const char *kind, *list;
    size_t size, length;

    if (!lbpf_diagnostics_split_table(tag, strlen(tag), &size, &kind))
        return false;
    snprintf(word, sizeof word, "%.*s", (int)strcspn(kind, "_"), kind);
    /* A perf output is made of rings unless the program calls what rings do not have. */
    list_methods(strcmp(word, "rings") ? word : "output", &methods);
    list = lbpf_buffer_string(&methods);
    lbpf_nearest_start(&nearest, method);
    for (const char *at = list; *at; at += length + strspn(at + length, " ")) {
        length = strcspn(at, " ");
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        lbpf_nearest_offer(&nearest, word);
    }
    if (lbpf_nearest_name(&nearest) && !strstr(error->message, "did you mean"))
        lbpf_error_hint(error, "did you mean '%s'? '%.*s' has: %s", lbpf_nearest_name(&nearest),
                        (int)size, tag, list);
    else
        lbpf_error_hint(error, "'%.*s' has: %s", (int)size, tag, list);
    lbpf_buffer_free(&methods);
    return true;
}
