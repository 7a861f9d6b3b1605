/*
 * The folders are those of gdb, of Fedora's packages (/usr/lib/.build-id leads to executables), and
 * of debuginfod's client, whose environment variables count as they do for it.
 */
#include "elf/build_id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] == '/' ? value : NULL;
}

const char *lbpf_debug_root(void)
{
    const char *root = environment("BCC_DEBUGINFO_ROOT");

    return root ? root : "/usr/lib/debug";
}

/* The folder of debuginfod's client: before is that, between stands behind it. */
static const char *fetched_folder(const char **between)
{
    const char *folder = environment("DEBUGINFOD_CACHE_PATH");

    *between = "";
    if (folder)
        return folder;
    *between = "/debuginfod_client";
    if ((folder = environment("XDG_CACHE_HOME")))
        return folder;
    *between = "/.cache/debuginfod_client";
    return environment("HOME");
}

static void write_hex(const uint8_t *bytes, size_t count, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        *text++ = digits[bytes[i] >> 4];
        *text++ = digits[bytes[i] & 15];
    }
    *text = '\0';
}

bool lbpf_build_id_place(enum lbpf_build_id_kind kind, size_t number, const uint8_t *id,
                         size_t id_size, char *path, size_t size)
{
    enum { ROOT, FETCHED, DISTRIBUTION };
    bool is_debug = kind == LBPF_DEBUG_FILE;
    const char *folder = lbpf_debug_root(), *between = "";
    char hex[2 * 64 + 1];
    int written = 0;

    path[0] = '\0';
    if (number > (is_debug ? FETCHED : DISTRIBUTION))
        return false;
    if (id_size < 2 || id_size > sizeof hex / 2)
        return true;
    write_hex(id, id_size, hex);
    if (number == DISTRIBUTION)
        folder = "/usr/lib";
    if (number == FETCHED && (folder = fetched_folder(&between)))
        written = snprintf(path, size, "%s%s/%s/%s", folder, between, hex,
                           is_debug ? "debuginfo" : "executable");
    else if (number != FETCHED)
        written = snprintf(path, size, "%s/.build-id/%.2s/%s%s", folder, hex, hex + 2,
                           is_debug ? ".debug" : "");
    if (written < 0 || (size_t)written >= size)
        path[0] = '\0';
    return true;
}
