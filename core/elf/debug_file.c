/*
 * Where debug files lie, in the order in which gdb and BCC look: in the folder of $BCC_SYMFS, by
 * build id, then by the name in .gnu_debuglink beside the binary, in .debug/ there, and under the
 * debug root. A file of the right name is not enough: after an upgrade the old debug file may still
 * be there, and its addresses are wrong.
 */
#include "elf/debug_file.h"

#include "elf/build_id.h"
#include "host/root.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK = 64 * 1024, LINK_LIMIT = 1024, CHECKED_LIMIT = 256 * 1024 * 1024 };

/* --- by build id --------------------------------------------------------------------------- */

struct build_id {
    uint8_t bytes[LBPF_BUILD_ID_LIMIT];
    size_t size;
};

static void read_build_id(const struct lbpf_elf_file *file, struct build_id *id)
{
    id->size = lbpf_elf_build_id(file, id->bytes, sizeof id->bytes);
}

static bool has_build_id(const struct lbpf_elf_file *file, const struct build_id *id)
{
    struct build_id own;

    read_build_id(file, &own);
    return own.size == id->size && memcmp(own.bytes, id->bytes, id->size) == 0;
}

/* Opens what has the build id; a file of another build is as good as none. */
static bool open_checked(struct lbpf_elf_file *debug, int root, const char *path,
                         const struct build_id *id)
{
    if (lbpf_elf_open_description(debug, root, path, NULL) != 0)
        return false;
    if (has_build_id(debug, id))
        return true;
    lbpf_elf_close(debug);
    return false;
}

static bool open_by_build_id(struct lbpf_elf_file *debug, int root, const struct build_id *id)
{
    char path[PATH_MAX];

    for (size_t i = 0;
         lbpf_build_id_place(LBPF_DEBUG_FILE, i, id->bytes, id->size, path, sizeof path); i++) {
        if (path[0] && open_checked(debug, root, path, id))
            return true;
    }
    return false;
}

/* --- in a copy of the file system ----------------------------------------------------------- */

/* $BCC_SYMFS is a folder in which a file's path leads to the same build with its symbols. */
static bool open_in_symfs(struct lbpf_elf_file *debug, const char *file, const struct build_id *id)
{
    const char *folder = getenv("BCC_SYMFS");
    char path[PATH_MAX];
    int size;

    if (!folder || folder[0] != '/' || !file || file[0] != '/')
        return false;
    size = snprintf(path, sizeof path, "%s%s", folder, file);
    return size > 0 && (size_t)size < sizeof path && open_checked(debug, LBPF_OWN_ROOT, path, id);
}

/* --- by name ------------------------------------------------------------------------------- */

struct debug_link {
    char name[NAME_MAX + 1];
    uint32_t checksum;
};

/* Section .gnu_debuglink: a name, up to three zero bytes, a checksum. */
static bool parse_link(const struct lbpf_elf_file *file, const Elf_Data *data,
                       struct debug_link *link)
{
    const uint8_t *bytes = data->d_buf, *end;
    size_t size = strnlen(data->d_buf, data->d_size), at = (size + 4) & ~(size_t)3;

    if (size == 0 || size >= sizeof link->name || data->d_size < 4 || at > data->d_size - 4 ||
        memchr(bytes, '/', size))
        return false;
    memcpy(link->name, bytes, size);
    link->name[size] = '\0';
    end = bytes + at;
    if (file->header.e_ident[EI_DATA] == ELFDATA2MSB)
        link->checksum = (uint32_t)end[0] << 24 | (uint32_t)end[1] << 16 | (uint32_t)end[2] << 8 |
                         (uint32_t)end[3];
    else
        link->checksum = (uint32_t)end[3] << 24 | (uint32_t)end[2] << 16 | (uint32_t)end[1] << 8 |
                         (uint32_t)end[0];
    return true;
}

static bool read_link(const struct lbpf_elf_file *file, struct debug_link *link)
{
    size_t names;

    if (elf_getshdrstrndx(file->handle, &names) != 0)
        return false;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(file->handle, section));) {
        const char *name;
        GElf_Shdr header;
        Elf_Data *data;

        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_PROGBITS ||
            header.sh_size > LINK_LIMIT || header.sh_size > file->size ||
            !(name = elf_strptr(file->handle, names, header.sh_name)) ||
            strcmp(name, ".gnu_debuglink") != 0)
            continue;
        data = elf_rawdata(section, NULL);
        return data && data->d_buf && parse_link(file, data, link);
    }
    return false;
}

static bool has_checksum(const struct lbpf_elf_file *file, uint32_t wanted)
{
    uint8_t *chunk = malloc(CHUNK);
    uLong sum = crc32(0, NULL, 0);
    off_t at = 0;
    ssize_t got = -1;

    while (chunk && (got = pread(file->fd, chunk, CHUNK, at)) > 0) {
        sum = crc32(sum, chunk, (uInt)got);
        at += got;
    }
    free(chunk);
    return got == 0 && sum == wanted;
}

/* Build ids tell without reading all of the file, whose size its owner chose. */
static bool is_of_build(const struct lbpf_elf_file *debug, const struct lbpf_elf_file *file,
                        uint32_t checksum)
{
    struct build_id wanted, found;

    read_build_id(file, &wanted);
    read_build_id(debug, &found);
    if (wanted.size > 0 && found.size > 0)
        return has_build_id(debug, &wanted);
    return debug->size <= CHECKED_LIMIT && has_checksum(debug, checksum);
}

static bool open_named(struct lbpf_elf_file *debug, const struct lbpf_elf_file *file,
                       const struct debug_link *link, const char *before, const char *folder,
                       const char *between)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%s%s%s/%s", before, folder, between, link->name);

    if (size < 0 || (size_t)size >= sizeof path ||
        lbpf_elf_open_description(debug, file->root, path, NULL) != 0)
        return false;
    if (is_of_build(debug, file, link->checksum))
        return true;
    lbpf_elf_close(debug);
    return false;
}

/* In the places that belong to the folder of a path of the binary. */
static bool open_beside(struct lbpf_elf_file *debug, const struct lbpf_elf_file *file,
                        const struct debug_link *link, const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];

    if (!slash || (size_t)(slash - path) >= sizeof folder)
        return false;
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    return open_named(debug, file, link, "", folder, "") ||
           open_named(debug, file, link, "", folder, "/.debug") ||
           open_named(debug, file, link, lbpf_debug_root(), folder, "");
}

/* The path may be one through symbolic links (/lib for /usr/lib); the debug file lies under the
 * real one. */
static bool open_by_link(struct lbpf_elf_file *debug, const struct lbpf_elf_file *file)
{
    char link_path[40], real[PATH_MAX];
    struct debug_link link;
    ssize_t size;

    if (!read_link(file, &link))
        return false;
    if (file->path && open_beside(debug, file, &link, file->path))
        return true;
    snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", file->fd);
    size = readlink(link_path, real, sizeof real - 1);
    if (size <= 0)
        return false;
    real[size] = '\0';
    return open_beside(debug, file, &link, real);
}

bool lbpf_elf_open_debug_id(struct lbpf_elf_file *debug, int root, const uint8_t *bytes,
                            size_t size)
{
    struct build_id id = {.size = size};

    if (size < 2 || size > sizeof id.bytes)
        return false;
    memcpy(id.bytes, bytes, size);
    if (!open_by_build_id(debug, root, &id) &&
        (root == LBPF_OWN_ROOT || !open_by_build_id(debug, LBPF_OWN_ROOT, &id)))
        return false;
    debug->path = NULL; /* was lent */
    return true;
}

static bool find_debug_file(struct lbpf_elf_file *debug, const struct lbpf_elf_file *file)
{
    struct build_id id;

    read_build_id(file, &id);
    return (id.size > 1 && open_in_symfs(debug, file->path, &id)) ||
           lbpf_elf_open_debug_id(debug, file->root, id.bytes, id.size) ||
           open_by_link(debug, file);
}

bool lbpf_elf_open_debug_file(struct lbpf_elf_file *debug, const struct lbpf_elf_file *file)
{
    if (!find_debug_file(debug, file))
        return false;
    debug->path = file->path; /* its own was lent by those who looked for it */
    return true;
}
