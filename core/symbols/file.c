/*
 * Opening and keeping mapped files. A file with references is never closed behind its user's back:
 * only its table goes, and is made again from the descriptor that stays.
 */
#include "symbols/file.h"

#include "elf/debug_file.h"
#include "elf/mini_debug_info.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include <unistd.h>

static const char op[] = "read symbols";

enum { VDSO_LIMIT = 1024 * 1024 };

/* --- tables ----------------------------------------------------------------------------------- */

/* A debug file that was found, as an image with a descriptor of its own. */
static bool take_debug_file(struct lbpf_symbol_file *file, struct lbpf_elf_file *debug,
                            const char *path)
{
    int fd = fcntl(debug->fd, F_DUPFD_CLOEXEC, 0);
    bool good = fd >= 0 && lbpf_elf_image_open(&file->extra, fd, path, NULL) == 0;

    lbpf_elf_close(debug);
    return good;
}

/* That of a member of an archive: only by build id, nothing is beside it. */
static bool open_member_debug_file(struct lbpf_symbol_file *file, int root, const char *path)
{
    uint8_t id[LBPF_BUILD_ID_LIMIT];
    size_t size = lbpf_elf_image_build_id(&file->image, id, sizeof id);
    struct lbpf_elf_file debug;

    return lbpf_elf_open_debug_id(&debug, root, id, size) && take_debug_file(file, &debug, path);
}

static bool open_debug_file(struct lbpf_symbol_file *file, int root, const char *path)
{
    int fd = fcntl(file->image.fd, F_DUPFD_CLOEXEC, 0);
    struct lbpf_elf_file elf, debug;
    bool found;

    if (fd < 0 || lbpf_elf_open_fd(&elf, fd, path, NULL) != 0)
        return false;
    elf.root = root;
    found = lbpf_elf_open_debug_file(&debug, &elf) && take_debug_file(file, &debug, path);
    lbpf_elf_close(&elf);
    return found;
}

/* A stripped file's other symbols: in a file of their own, or packed inside. */
static void open_extra(struct lbpf_symbol_file *file, int root, const char *path)
{
    struct lbpf_elf_section section;

    if (file->image.fd < 0 || lbpf_elf_image_find(&file->image, SHT_SYMTAB, NULL, &section))
        return;
    file->has_extra = (file->image.start > 0 ? open_member_debug_file(file, root, path)
                                             : open_debug_file(file, root, path)) ||
                      lbpf_elf_open_mini_debug_info(&file->extra, &file->image) == 1;
}

static void count_memory(struct lbpf_symbol_files *files, struct lbpf_symbol_file *file)
{
    size_t memory = file->table ? lbpf_function_table_memory(file->table) : 0;

    if (file->has_extra && file->extra.bytes)
        memory += (size_t)file->extra.size;
    files->memory += memory - file->memory;
    file->memory = memory;
}

static void drop_table(struct lbpf_symbol_files *files, struct lbpf_symbol_file *file)
{
    lbpf_function_table_close(file->table);
    file->table = NULL;
    count_memory(files, file);
}

/* Frees the tables that were not used for longest, but never that of `keep`. */
static void make_room(struct lbpf_symbol_files *files, const struct lbpf_symbol_file *keep)
{
    while (files->memory > files->memory_limit) {
        struct lbpf_symbol_file *oldest = NULL;

        for (struct lbpf_symbol_file *file = files->first; file; file = file->next) {
            if (file != keep && file->table && (!oldest || file->last_use < oldest->last_use))
                oldest = file;
        }
        if (!oldest)
            return;
        drop_table(files, oldest);
    }
}

static int make_table(struct lbpf_symbol_files *files, struct lbpf_symbol_file *file,
                      const char *path, struct lbpf_error *error)
{
    int result = lbpf_function_table_open(&file->table, &file->image,
                                          file->has_extra ? &file->extra : NULL, path, error);

    count_memory(files, file);
    make_room(files, file);
    return result;
}

const char *lbpf_symbol_file_find(struct lbpf_symbol_files *files, struct lbpf_symbol_file *file,
                                  uint64_t offset, uint64_t *function_offset)
{
    uint64_t address, start;
    const char *name;

    file->last_use = ++files->uses;
    if (offset < file->start ||
        !lbpf_elf_image_address(&file->image, offset - file->start, &address) ||
        (!file->table && make_table(files, file, "", NULL) < 0))
        return NULL;
    name = lbpf_function_table_find(file->table, address, &start);
    if (lbpf_function_table_memory(file->table) + file->extra.size * (file->extra.bytes != NULL) !=
        file->memory) {
        count_memory(files, file);
        make_room(files, file);
    }
    if (name)
        *function_offset = offset - (address - start);
    return name;
}

uint64_t lbpf_symbol_file_address(struct lbpf_symbol_files *files, struct lbpf_symbol_file *file,
                                  const char *name)
{
    file->last_use = ++files->uses;
    if (!file->table && make_table(files, file, "", NULL) < 0)
        return 0;
    return lbpf_function_table_address(file->table, name);
}

/* --- files ------------------------------------------------------------------------------------ */

static void free_file(struct lbpf_symbol_files *files, struct lbpf_symbol_file *file)
{
    struct lbpf_symbol_file **link = &files->first;

    while (*link && *link != file)
        link = &(*link)->next;
    if (*link) {
        *link = file->next;
        files->count--;
    }
    drop_table(files, file);
    files->memory -= file->memory;
    if (file->has_extra)
        lbpf_elf_image_close(&file->extra);
    lbpf_elf_image_close(&file->image);
    free(file);
}

/* Files that nobody uses any more go first when there are too many. */
static void forget_unused(struct lbpf_symbol_files *files)
{
    while (files->count > LBPF_SYMBOL_FILES) {
        struct lbpf_symbol_file *oldest = NULL;

        for (struct lbpf_symbol_file *file = files->first; file; file = file->next) {
            if (file->references == 0 && (!oldest || file->last_use < oldest->last_use))
                oldest = file;
        }
        if (!oldest)
            return;
        free_file(files, oldest);
    }
}

static struct lbpf_symbol_file *find_file(const struct lbpf_symbol_files *files,
                                          const struct lbpf_symbol_file *like)
{
    for (struct lbpf_symbol_file *file = files->first; file; file = file->next) {
        if (file->device == like->device && file->inode == like->inode &&
            file->changed_ns == like->changed_ns && file->size == like->size &&
            file->start == like->start)
            return file;
    }
    return NULL;
}

/* Indexes a file that was opened, and keeps it. */
static struct lbpf_symbol_file *keep_file(struct lbpf_symbol_files *files,
                                          struct lbpf_symbol_file *opened, const char *path,
                                          struct lbpf_error *error)
{
    uint8_t id[LBPF_BUILD_ID_LIMIT];
    size_t size = lbpf_elf_image_build_id(&opened->image, id, sizeof id);

    opened->has_build_id = size > 0;
    memcpy(opened->build_id, id, size < sizeof opened->build_id ? size : sizeof opened->build_id);
    opened->references = 1;
    opened->last_use = ++files->uses;
    opened->next = files->first;
    files->first = opened;
    files->count++;
    if (make_table(files, opened, path, error) < 0) {
        free_file(files, opened);
        return NULL;
    }
    forget_unused(files);
    return opened;
}

struct lbpf_symbol_file *lbpf_symbol_files_get(struct lbpf_symbol_files *files, int fd, int root,
                                               const char *path,
                                               const struct lbpf_archive_member *part,
                                               struct lbpf_error *error)
{
    struct lbpf_symbol_file like = {.start = part ? part->offset : 0}, *file;
    struct stat status;

    if (fstat(fd, &status) != 0) {
        lbpf_error_set(error, errno, op, "%s: %s", path, strerror(errno));
        close(fd);
        return NULL;
    }
    like.device = status.st_dev;
    like.inode = status.st_ino;
    like.size = (uint64_t)status.st_size;
    like.changed_ns =
        (uint64_t)status.st_mtim.tv_sec * 1000000000U + (uint64_t)status.st_mtim.tv_nsec;
    file = find_file(files, &like);
    if (file) {
        close(fd);
        file->references++;
        return file;
    }
    file = malloc(sizeof *file);
    if (!file) {
        close(fd);
        lbpf_error_no_memory(error, op);
        return NULL;
    }
    *file = like;
    if (lbpf_elf_image_open_part(&file->image, fd, like.start, part ? part->size : UINT64_MAX, path,
                                 error) < 0) {
        free(file);
        return NULL;
    }
    open_extra(file, root, path);
    return keep_file(files, file, path, error);
}

/* Our own: the kernel maps the same pages into every process of our word size. Its size is not
 * known, but its section headers stand last in it. */
static size_t vdso_size(const unsigned char *bytes)
{
    Elf64_Ehdr header;

    memcpy(&header, bytes, sizeof header);
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_shoff > 1024 * 1024)
        return 0;
    return (size_t)header.e_shoff + (size_t)header.e_shnum * header.e_shentsize;
}

/* Takes the bytes. */
static struct lbpf_symbol_file *keep_vdso(struct lbpf_symbol_files *files,
                                          const struct lbpf_symbol_file *like, void *bytes,
                                          size_t size, struct lbpf_error *error)
{
    struct lbpf_symbol_file *file = malloc(sizeof *file);

    if (!file) {
        free(bytes);
        lbpf_error_no_memory(error, op);
        return NULL;
    }
    *file = *like;
    if (lbpf_elf_image_open_memory(&file->image, bytes, size, "[vdso]", error) < 0) {
        free(file);
        return NULL;
    }
    return keep_file(files, file, "[vdso]", error);
}

struct lbpf_symbol_file *lbpf_symbol_files_get_vdso(struct lbpf_symbol_files *files,
                                                    struct lbpf_error *error)
{
    const unsigned char *mapped = (const unsigned char *)getauxval(AT_SYSINFO_EHDR);
    struct lbpf_symbol_file like = {0}, *file = find_file(files, &like);
    size_t size = mapped ? vdso_size(mapped) : 0;
    void *bytes;

    if (file) {
        file->references++;
        return file;
    }
    bytes = malloc(size + 1);
    if (!bytes || size == 0) {
        free(bytes);
        lbpf_error_set(error, ENOENT, op, "there is no vDSO");
        return NULL;
    }
    memcpy(bytes, mapped, size);
    return keep_vdso(files, &like, bytes, size, error);
}

struct lbpf_symbol_file *lbpf_symbol_files_read_vdso(struct lbpf_symbol_files *files, pid_t pid,
                                                     const struct lbpf_mapping *mapping,
                                                     struct lbpf_error *error)
{
    struct lbpf_symbol_file like = {.inode = (uint64_t)pid, .changed_ns = ++files->uses};
    size_t size = (size_t)(mapping->end - mapping->start);
    struct iovec from = {.iov_base = (void *)(uintptr_t)mapping->start, .iov_len = size}, to = from;

    if (size > VDSO_LIMIT || !(to.iov_base = malloc(size))) {
        lbpf_error_no_memory(error, op);
        return NULL;
    }
    if (process_vm_readv(pid, &to, 1, &from, 1, 0) != (ssize_t)size) {
        lbpf_error_set(error, errno, op, "the vDSO of process %d can not be read: %s", (int)pid,
                       strerror(errno));
        free(to.iov_base);
        return NULL;
    }
    return keep_vdso(files, &like, to.iov_base, size, error);
}

void lbpf_symbol_files_put(struct lbpf_symbol_files *files, struct lbpf_symbol_file *file)
{
    if (!file)
        return;
    file->references--;
    forget_unused(files);
}

void lbpf_symbol_files_close(struct lbpf_symbol_files *files)
{
    while (files->first)
        free_file(files, files->first);
}
