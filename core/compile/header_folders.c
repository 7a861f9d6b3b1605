/*
 * A header that was read as SEARCHED/asm/page.h would be another one if an asm/page.h appeared in a
 * searched folder before that. So the part asm counts in all of them, there or not.
 */
#include "compile/header_folders.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The folder of the name, "" where it has none. */
static int add_part(struct lbpf_strmap *parts, const char *name)
{
    const char *slash = strrchr(name, '/');

    return lbpf_strmap_set(parts, name, slash ? (size_t)(slash - name) : 0, 0);
}

/* What follows the folder in the path; NULL if it isn't in it. */
static const char *below(const char *folder, const char *path)
{
    size_t size = strlen(folder);

    return !strncmp(path, folder, size) && path[size] == '/' ? path + size + 1 : NULL;
}

static int collect_parts(struct lbpf_strmap *parts, const struct lbpf_strmap *paths,
                         const struct lbpf_buffer *search, const struct lbpf_buffer *names)
{
    int result = 0;

    for (size_t i = 0; !result && i < paths->slot_count; i++)
        for (size_t at = 0; !result && paths->slots[i].key && at < search->size;
             at += strlen(search->data + at) + 1) {
            const char *name = below(search->data + at, paths->slots[i].key);

            result = name ? add_part(parts, name) : 0;
        }
    for (size_t at = 0; !result && at < names->size; at += strlen(names->data + at) + 1)
        result = add_part(parts, names->data + at);
    return result;
}

int lbpf_header_folders_add(struct lbpf_strmap *paths, const struct lbpf_buffer *search,
                            const struct lbpf_buffer *names)
{
    struct lbpf_strmap parts = {0};
    int result = collect_parts(&parts, paths, search, names);

    for (size_t i = 0; !result && i < parts.slot_count; i++)
        for (size_t at = 0; !result && parts.slots[i].key && at < search->size;
             at += strlen(search->data + at) + 1) {
            char folder[2 * PATH_MAX];
            int size =
                snprintf(folder, sizeof folder, "%s/%s", search->data + at, parts.slots[i].key);

            /* What is too long a path is none of a file. */
            if (size > 0 && (size_t)size < sizeof folder)
                result = lbpf_strmap_set(paths, folder, (size_t)size, 0);
        }
    lbpf_strmap_free(&parts);
    return result;
}
