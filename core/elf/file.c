/*
 * Opening ELF files. libelf reads through the descriptor instead of a mapping: another process may
 * cut a mapped file short, and touching the missing part would kill us with SIGBUS.
 */
#include "elf/file.h"

#include "host/root.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char op[] = "read ELF file";

/* libelf takes memory for all sections at once, and whole symbol tables with their strings: a
 * sparse file of some GB costs its owner nothing. */
enum { SECTION_LIMIT = 65536, TABLE_LIMIT = 512 * 1024 * 1024 };

static int refuse_open(const char *path, int code, struct lbpf_error *error)
{
    if (code == EINVAL)
        return lbpf_error_set(error, code, op, "%s is not a regular file", path);
    lbpf_error_set(error, code, op, "%s can not be opened: %s", path, strerror(code));
    if (code == ENOSYS)
        lbpf_error_hint(error, "files of other processes need openat2, which Linux has since 5.6");
    return -code;
}

static int read_size(struct lbpf_elf_file *file, struct lbpf_error *error)
{
    struct stat status;

    if (fstat(file->fd, &status) != 0)
        return lbpf_error_set(error, errno, op, "%s can not be read: %s", file->path,
                              strerror(errno));
    if (!S_ISREG(status.st_mode))
        return refuse_open(file->path, EINVAL, error);
    file->size = (uint64_t)status.st_size;
    return 0;
}

/* How many sections there are where the header has no room for that: section 0 tells. Else 0;
 * far too many for a file of the other byte order, which nothing here runs. */
static uint64_t count_sections(const struct lbpf_elf_file *file)
{
    union {
        unsigned char ident[EI_NIDENT];
        Elf64_Ehdr wide;
        Elf32_Ehdr narrow;
    } header;
    union {
        Elf64_Shdr wide;
        Elf32_Shdr narrow;
    } first;
    bool is_64;

    if (pread(file->fd, &header, sizeof header, 0) < (ssize_t)sizeof header.narrow)
        return 0;
    is_64 = header.ident[EI_CLASS] == ELFCLASS64;
    if (is_64 ? header.wide.e_shnum : header.narrow.e_shnum)
        return 0;
    if (pread(file->fd, &first, sizeof first,
              (off_t)(is_64 ? header.wide.e_shoff : header.narrow.e_shoff)) <
        (ssize_t)sizeof first.narrow)
        return 0;
    return is_64 ? first.wide.sh_size : first.narrow.sh_size;
}

static bool is_read_whole(uint32_t type)
{
    return type == SHT_SYMTAB || type == SHT_DYNSYM || type == SHT_STRTAB || type == SHT_NOTE ||
           type == SHT_RELA || type == SHT_GNU_versym || type == SHT_GNU_verdef;
}

static int check_sections(const struct lbpf_elf_file *file, struct lbpf_error *error)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(file->handle, section));) {
        GElf_Shdr header;

        if (gelf_getshdr(section, &header) && is_read_whole(header.sh_type) &&
            header.sh_size > TABLE_LIMIT && header.sh_size <= file->size)
            return lbpf_error_set(error, EFBIG, op, "%s has a table of %llu MB, more than %d",
                                  file->path, (unsigned long long)header.sh_size >> 20,
                                  TABLE_LIMIT >> 20);
    }
    return 0;
}

static int read_header(struct lbpf_elf_file *file, struct lbpf_error *error)
{
    const char *path = file->path;
    uint64_t sections = count_sections(file);

    if (sections > SECTION_LIMIT)
        return lbpf_error_set(error, EFBIG, op, "%s claims to have %llu sections", path,
                              (unsigned long long)sections);
    if (elf_version(EV_CURRENT) == EV_NONE)
        return lbpf_error_set(error, ENOTSUP, op, "libelf is too old");
    file->handle = elf_begin(file->fd, ELF_C_READ, NULL);
    if (!file->handle)
        return lbpf_error_set(error, ENOEXEC, op, "%s can not be read as ELF: %s", path,
                              elf_errmsg(-1));
    if (elf_kind(file->handle) != ELF_K_ELF || !gelf_getehdr(file->handle, &file->header))
        return lbpf_error_set(error, ENOEXEC, op, "%s is not an ELF file", path);
    if (file->header.e_type != ET_EXEC && file->header.e_type != ET_DYN) {
        lbpf_error_set(error, ENOEXEC, op, "%s is neither an executable nor a shared object", path);
        lbpf_error_hint(error, "only files that a process can map have places for probes");
        return -ENOEXEC;
    }
    return check_sections(file, error);
}

static int read_segments(struct lbpf_elf_file *file, struct lbpf_error *error)
{
    const char *path = file->path;
    size_t count;

    if (elf_getphdrnum(file->handle, &count) != 0)
        return lbpf_error_set(error, ENOEXEC, op, "%s has broken program headers", path);
    for (size_t i = 0; i < count && i <= INT_MAX; i++) {
        struct lbpf_elf_segment *segment = &file->segments[file->segment_count];
        GElf_Phdr header;

        if (!gelf_getphdr(file->handle, (int)i, &header))
            return lbpf_error_set(error, ENOEXEC, op, "%s has broken program headers", path);
        if (header.p_type != PT_LOAD || !(header.p_flags & PF_X) || header.p_filesz == 0)
            continue;
        if (file->segment_count == LBPF_ELF_SEGMENTS)
            return lbpf_error_set(error, ENOEXEC, op, "%s has more than %d executable segments",
                                  path, LBPF_ELF_SEGMENTS);
        if (header.p_offset > file->size || header.p_filesz > file->size - header.p_offset)
            return lbpf_error_set(error, ENOEXEC, op, "%s is cut short: a segment ends beyond it",
                                  path);
        segment->address = header.p_vaddr;
        segment->size = header.p_filesz;
        segment->offset = header.p_offset;
        file->segment_count++;
    }
    if (file->segment_count == 0) {
        lbpf_error_set(error, ENOEXEC, op, "%s has no code to execute", path);
        lbpf_error_hint(error, "is it a separate file of debug symbols?");
        return -ENOEXEC;
    }
    return 0;
}

/* Takes fd, which may be -errno. */
static int open_file(struct lbpf_elf_file *file, int fd, int root, const char *path,
                     bool with_segments, struct lbpf_error *error)
{
    int result;

    memset(file, 0, sizeof *file);
    file->fd = fd;
    file->root = root;
    file->path = path;
    if (fd < 0)
        return refuse_open(path, -fd, error);
    result = read_size(file, error);
    if (result == 0)
        result = read_header(file, error);
    if (result == 0 && with_segments)
        result = read_segments(file, error);
    if (result < 0)
        lbpf_elf_close(file);
    return result;
}

int lbpf_elf_open_in(struct lbpf_elf_file *file, int root, const char *path,
                     struct lbpf_error *error)
{
    return open_file(file, lbpf_root_open_file(root, path), root, path, true, error);
}

int lbpf_elf_open(struct lbpf_elf_file *file, const char *path, struct lbpf_error *error)
{
    return lbpf_elf_open_in(file, LBPF_OWN_ROOT, path, error);
}

int lbpf_elf_open_fd(struct lbpf_elf_file *file, int fd, const char *path, struct lbpf_error *error)
{
    return open_file(file, fd, LBPF_OWN_ROOT, path, true, error);
}

int lbpf_elf_open_description(struct lbpf_elf_file *file, int root, const char *path,
                              struct lbpf_error *error)
{
    return open_file(file, lbpf_root_open_file(root, path), root, path, false, error);
}

void lbpf_elf_close(struct lbpf_elf_file *file)
{
    if (file->handle)
        elf_end(file->handle);
    if (file->fd >= 0)
        close(file->fd);
    file->handle = NULL;
    file->fd = -1;
}

int lbpf_elf_offset(const struct lbpf_elf_file *file, uint64_t address, uint64_t *offset)
{
    for (size_t i = 0; i < file->segment_count; i++) {
        const struct lbpf_elf_segment *segment = &file->segments[i];

        if (address >= segment->address && address - segment->address < segment->size) {
            *offset = address - segment->address + segment->offset;
            return 0;
        }
    }
    return -ERANGE;
}

/* Copies the build id out of one section of notes; 0 when it is not there. */
static size_t find_build_id(Elf_Data *notes, uint8_t *id, size_t capacity)
{
    size_t at = 0, name, bytes;
    GElf_Nhdr note;

    while ((at = gelf_getnote(notes, at, &note, &name, &bytes)) > 0) {
        if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof ELF_NOTE_GNU ||
            memcmp((char *)notes->d_buf + name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) != 0)
            continue;
        if (note.n_descsz > capacity)
            return 0;
        memcpy(id, (char *)notes->d_buf + bytes, note.n_descsz);
        return note.n_descsz;
    }
    return 0;
}

size_t lbpf_elf_build_id(const struct lbpf_elf_file *file, uint8_t *id, size_t capacity)
{
    size_t size = 0;

    for (Elf_Scn *section = NULL; size == 0 && (section = elf_nextscn(file->handle, section));) {
        GElf_Shdr header;
        Elf_Data *notes;

        if (gelf_getshdr(section, &header) && header.sh_type == SHT_NOTE &&
            header.sh_size <= file->size && (notes = elf_getdata(section, NULL)) && notes->d_buf)
            size = find_build_id(notes, id, capacity);
    }
    return size;
}
