/*
 * Opening ELF files. libelf reads through the descriptor instead of a mapping: another process may
 * cut a mapped file short, and touching the missing part would kill us with SIGBUS.
 */
#include "elf/file.h"

#include "elf/symtab.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char op[] = "read ELF file";

static int open_regular(struct lbpf_elf_file *file, const char *path, struct lbpf_error *error)
{
    struct stat status;

    file->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (file->fd < 0)
        return lbpf_error_set(error, errno, op, "%s can not be opened: %s", path, strerror(errno));
    if (fstat(file->fd, &status) != 0)
        return lbpf_error_set(error, errno, op, "%s can not be read: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return lbpf_error_set(error, EINVAL, op, "%s is not a regular file", path);
    file->size = (uint64_t)status.st_size;
    return 0;
}

static int read_header(struct lbpf_elf_file *file, const char *path, struct lbpf_error *error)
{
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
    return 0;
}

static int read_segments(struct lbpf_elf_file *file, const char *path, struct lbpf_error *error)
{
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

static int open_file(struct lbpf_elf_file *file, const char *path, bool with_segments,
                     struct lbpf_error *error)
{
    int result;

    memset(file, 0, sizeof *file);
    result = open_regular(file, path, error);
    if (result == 0)
        result = read_header(file, path, error);
    if (result == 0 && with_segments)
        result = read_segments(file, path, error);
    if (result < 0)
        lbpf_elf_close(file);
    return result;
}

int lbpf_elf_open(struct lbpf_elf_file *file, const char *path, struct lbpf_error *error)
{
    return open_file(file, path, true, error);
}

int lbpf_elf_open_debug(struct lbpf_elf_file *file, const char *path, struct lbpf_error *error)
{
    return open_file(file, path, false, error);
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

int lbpf_elf_file_offset(const char *path, uint64_t address, uint64_t *file_offset,
                         struct lbpf_error *error)
{
    struct lbpf_elf_file file;
    int result = lbpf_elf_open(&file, path, error);

    if (result < 0)
        return result;
    result = lbpf_elf_offset(&file, address, file_offset);
    lbpf_elf_close(&file);
    if (result < 0) {
        lbpf_error_set(error, ERANGE, op, "address 0x%llx is not in the code of %s",
                       (unsigned long long)address, path);
        lbpf_error_hint(
            error, "give the address that nm or objdump -d shows, not one of a running process");
    }
    return result;
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
