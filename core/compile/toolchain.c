/*
 * The folder is found through the address of a function of ours, so it is right for a build tree
 * and an installation alike and no path is compiled in. clang must have the LLVM version that the
 * plugin was built with; $LUABPF_CLANG names another binary of that version.
 */
#include "compile/toolchain.h"

#include "compile/compile.h"
#include "prelude_names.h" /* made by the build */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef LUABPF_LLVM_MAJOR
#define LUABPF_LLVM_MAJOR 0
#endif

static bool is_executable(const char *path)
{
    struct stat status;

    return !stat(path, &status) && S_ISREG(status.st_mode) && !access(path, X_OK);
}

int lbpf_compile_folder(char *path, size_t size, struct lbpf_error *error)
{
    static const char here; /* any object of ours: its address lies in the module */
    char resolved[PATH_MAX];
    Dl_info info;
    char *slash;

    if (!dladdr(&here, &info) || !info.dli_fname || !realpath(info.dli_fname, resolved))
        return lbpf_error_set(error, ENOENT, "compile",
                              "the folder of luabpf's module is not known");
    slash = strrchr(resolved, '/');
    if (slash)
        *slash = '\0';
    if (strlen(resolved) >= size)
        return lbpf_error_set(error, ENAMETOOLONG, "compile", "%s is too long a path", resolved);
    memcpy(path, resolved, strlen(resolved) + 1);
    return 0;
}

/* Looks name up in $PATH; a name with a '/' stands for itself. */
static bool search_path(const char *name, char *path, size_t size)
{
    const char *at = getenv("PATH");

    if (strchr(name, '/'))
        return (size_t)snprintf(path, size, "%s", name) < size && is_executable(path);
    if (!at || !*at)
        at = "/usr/local/bin:/usr/bin:/bin";
    while (*at) {
        size_t length = strcspn(at, ":");

        if (length && (size_t)snprintf(path, size, "%.*s/%s", (int)length, at, name) < size &&
            is_executable(path))
            return true;
        at += length;
        if (*at)
            at++;
    }
    return false;
}

int lbpf_toolchain_tool(const char *name, char *path, size_t size)
{
    char versioned[64];

    snprintf(versioned, sizeof versioned, "%s-%d", name, LUABPF_LLVM_MAJOR);
    if (search_path(versioned, path, size))
        return 0;
    if ((size_t)snprintf(path, size, "/usr/lib/llvm-%d/bin/%s", LUABPF_LLVM_MAJOR, name) < size &&
        is_executable(path))
        return 0;
    return -ENOENT;
}

/* $LUABPF_CLANG, or the one that was built with luabpf and starts fastest, or the system's. */
static int find_clang(const char *folder, char *path, size_t size, struct lbpf_error *error)
{
    const char *wanted = getenv("LUABPF_CLANG");

    if (wanted && *wanted) {
        if (search_path(wanted, path, size))
            return 0;
        lbpf_error_set(error, ENOENT, "compile", "LUABPF_CLANG is %s, which cannot be run", wanted);
        lbpf_error_hint(error, "set it to a clang of version %d, or unset it", LUABPF_LLVM_MAJOR);
        return -ENOENT;
    }
    if ((size_t)snprintf(path, size, "%s/clang", folder) < size && is_executable(path))
        return 0;
    if (!lbpf_toolchain_tool("clang", path, size))
        return 0;
    lbpf_error_set(error, ENOENT, "compile", "clang-%d was not found", LUABPF_LLVM_MAJOR);
    lbpf_error_hint(error,
                    "install the package clang-%d, or set LUABPF_CLANG to a clang of that version; "
                    "ready objects (obj =) need no compiler",
                    LUABPF_LLVM_MAJOR);
    return -ENOENT;
}

int lbpf_toolchain_find(struct lbpf_toolchain *toolchain, struct lbpf_error *error)
{
    int result = lbpf_compile_folder(toolchain->folder, sizeof toolchain->folder, error);

    if (result)
        return result;
    if (!LUABPF_LLVM_MAJOR) {
        lbpf_error_set(error, ENOENT, "compile",
                       "this luabpf was built without its compiler plugin");
        lbpf_error_hint(error, "give a ready object (obj =), or build with LUABPF_PLUGIN=ON");
        return -ENOENT;
    }
    if ((size_t)snprintf(toolchain->plugin, sizeof toolchain->plugin, "%s/lower.so",
                         toolchain->folder) >= sizeof toolchain->plugin ||
        access(toolchain->plugin, R_OK)) {
        lbpf_error_set(error, ENOENT, "compile", "the compiler plugin %.300s is missing",
                       toolchain->plugin);
        lbpf_error_hint(error, "install luabpf whole: core.so, lower.so and include/ lie together");
        return -ENOENT;
    }
    return find_clang(toolchain->folder, toolchain->clang, sizeof toolchain->clang, error);
}

/* --- identity --------------------------------------------------------------------------------- */

static void append_file(struct lbpf_buffer *identity, int folder, const char *path)
{
    struct stat status;

    if (fstatat(folder, path, &status, 0))
        return;
    lbpf_buffer_append(identity, &status.st_size, sizeof status.st_size);
    lbpf_buffer_append(identity, &status.st_mtim, sizeof status.st_mtim);
    lbpf_buffer_append(identity, &status.st_ino, sizeof status.st_ino);
    lbpf_buffer_append(identity, path, strlen(path) + 1);
}

/* A folder's time tells of headers that were added to it. */
void lbpf_toolchain_identity(const struct lbpf_toolchain *toolchain, struct lbpf_buffer *identity)
{
    static const char here;
    int folder = open(toolchain->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    Dl_info info;

    append_file(identity, AT_FDCWD, toolchain->clang);
    append_file(identity, AT_FDCWD, toolchain->plugin);
    if (dladdr(&here, &info) && info.dli_fname)
        append_file(identity, AT_FDCWD, info.dli_fname);
    for (size_t i = 0; i < sizeof prelude_names / sizeof *prelude_names; i++)
        append_file(identity, folder, prelude_names[i]);
    if (folder >= 0)
        close(folder);
}
