/*
 * Reading an ELF file piece by piece. Counts and offsets come from the file: a count says nothing
 * until the bytes that it counts are known to be there. libelf is not used here because it brings
 * whole string tables into memory (25 MB for one name out of node).
 */
#include "elf/image.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTION_LIMIT = 65536, SEGMENT_LIMIT = 4096, NOTES_LIMIT = 64 * 1024 };

static const char op[] = "read symbols";

bool lbpf_elf_image_read(const struct lbpf_elf_image *image, uint64_t offset, void *bytes,
                         size_t size)
{
    char *at = bytes;

    if (offset > image->size || size > image->size - offset)
        return false;
    if (image->bytes) {
        memcpy(bytes, (char *)image->bytes + offset, size);
        return true;
    }
    while (size > 0) {
        ssize_t got = pread(image->fd, at, size, (off_t)(image->start + offset));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) /* it shrank since */
            return false;
        at += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

bool lbpf_elf_image_string(const struct lbpf_elf_image *image, uint64_t offset, char *string,
                           size_t size)
{
    size_t have = 0;

    if (offset >= image->size)
        return false;
    while (have < size) { /* most names are short: small steps first */
        size_t step = have ? size - have : (size < 256 ? size : 256);

        if (step > image->size - offset - have)
            step = (size_t)(image->size - offset - have);
        if (step == 0 || !lbpf_elf_image_read(image, offset + have, string + have, step))
            break;
        if (memchr(string + have, '\0', step))
            return true;
        have += step;
    }
    string[have < size ? have : size - 1] = '\0';
    return false;
}

/* --- headers ---------------------------------------------------------------------------------- */

struct header {
    uint64_t segment_offset, section_offset;
    size_t segment_size, segment_count, section_size, section_count, names;
};

static bool read_header(struct lbpf_elf_image *image, struct header *header)
{
    unsigned char ident[EI_NIDENT];
    Elf64_Ehdr wide;
    Elf32_Ehdr narrow;

    if (!lbpf_elf_image_read(image, 0, ident, sizeof ident) ||
        memcmp(ident, ELFMAG, SELFMAG) != 0 ||
        ident[EI_DATA] != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB))
        return false;
    image->is_64 = ident[EI_CLASS] == ELFCLASS64;
    if (image->is_64) {
        if (!lbpf_elf_image_read(image, 0, &wide, sizeof wide))
            return false;
        image->type = wide.e_type;
        image->machine = wide.e_machine;
        *header = (struct header){wide.e_phoff,     wide.e_shoff, wide.e_phentsize, wide.e_phnum,
                                  wide.e_shentsize, wide.e_shnum, wide.e_shstrndx};
        return true;
    }
    if (ident[EI_CLASS] != ELFCLASS32 || !lbpf_elf_image_read(image, 0, &narrow, sizeof narrow))
        return false;
    image->type = narrow.e_type;
    image->machine = narrow.e_machine;
    *header =
        (struct header){narrow.e_phoff,     narrow.e_shoff, narrow.e_phentsize, narrow.e_phnum,
                        narrow.e_shentsize, narrow.e_shnum, narrow.e_shstrndx};
    return true;
}

/* A section header as it stands in the file. */
static bool read_section(const struct lbpf_elf_image *image, size_t number,
                         struct lbpf_elf_section *section)
{
    Elf64_Shdr wide;
    Elf32_Shdr narrow;

    if (image->is_64) {
        if (!lbpf_elf_image_read(image, image->section_offset + number * sizeof wide, &wide,
                                 sizeof wide))
            return false;
        *section = (struct lbpf_elf_section){number,         wide.sh_name,  wide.sh_type,
                                             wide.sh_link,   wide.sh_flags, wide.sh_addr,
                                             wide.sh_offset, wide.sh_size,  wide.sh_entsize};
        return true;
    }
    if (!lbpf_elf_image_read(image, image->section_offset + number * sizeof narrow, &narrow,
                             sizeof narrow))
        return false;
    *section = (struct lbpf_elf_section){number,           narrow.sh_name,  narrow.sh_type,
                                         narrow.sh_link,   narrow.sh_flags, narrow.sh_addr,
                                         narrow.sh_offset, narrow.sh_size,  narrow.sh_entsize};
    return true;
}

/* A file need not have sections. Section 0 says how many there are when the header has no room. */
static int read_sections(struct lbpf_elf_image *image, const struct header *header,
                         const char *path, struct lbpf_error *error)
{
    size_t size = image->is_64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
    uint64_t count = header->section_count, names = header->names;
    struct lbpf_elf_section section;

    if (header->section_offset == 0)
        return 0;
    image->section_offset = header->section_offset;
    if (header->section_size != size || !read_section(image, 0, &section))
        return lbpf_error_set(error, ENOEXEC, op, "%s has broken section headers", path);
    if (count == 0)
        count = section.size;
    if (names == SHN_XINDEX)
        names = section.link;
    if (count > SECTION_LIMIT)
        return lbpf_error_set(error, ENOEXEC, op, "%s claims to have %llu sections", path,
                              (unsigned long long)count);
    if (count * size > image->size - header->section_offset)
        return lbpf_error_set(error, ENOEXEC, op,
                              "%s is cut short: it has fewer than %llu sections", path,
                              (unsigned long long)count);
    image->section_count = (size_t)count;
    if (lbpf_elf_image_section(image, (size_t)names, &section) && section.type == SHT_STRTAB) {
        image->names_offset = section.offset;
        image->names_size = section.size;
    }
    return 0;
}

static void add_segment(struct lbpf_elf_image *image, uint32_t type, uint32_t flags,
                        struct lbpf_elf_image_segment segment)
{
    if (type != PT_LOAD || !(flags & PF_X) || segment.size == 0 ||
        image->segment_count == LBPF_ELF_IMAGE_SEGMENTS)
        return;
    if (segment.address + segment.size < segment.address)
        return;
    image->segments[image->segment_count++] = segment;
}

static int read_segments(struct lbpf_elf_image *image, const struct header *header,
                         const char *path, struct lbpf_error *error)
{
    size_t size = image->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

    if (header->segment_count > 0 && header->segment_size != size)
        return lbpf_error_set(error, ENOEXEC, op, "%s has broken program headers", path);
    for (size_t i = 0; i < header->segment_count && i < SEGMENT_LIMIT; i++) {
        uint64_t at = header->segment_offset + i * size;
        Elf64_Phdr wide;
        Elf32_Phdr narrow;

        if (!lbpf_elf_image_read(image, at, image->is_64 ? (void *)&wide : &narrow, size))
            return lbpf_error_set(error, ENOEXEC, op,
                                  "%s is cut short: program headers are missing", path);
        if (image->is_64)
            add_segment(
                image, wide.p_type, wide.p_flags,
                (struct lbpf_elf_image_segment){wide.p_vaddr, wide.p_offset, wide.p_filesz});
        else
            add_segment(
                image, narrow.p_type, narrow.p_flags,
                (struct lbpf_elf_image_segment){narrow.p_vaddr, narrow.p_offset, narrow.p_filesz});
    }
    return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int open_image(struct lbpf_elf_image *image, const char *path, struct lbpf_error *error)
{
    struct header header = {0};
    int result = 0;

    if (!read_header(image, &header))
        result = lbpf_error_set(error, ENOEXEC, op, "%s is not an ELF file of this machine", path);
    if (result == 0)
        result = read_segments(image, &header, path, error);
    if (result == 0)
        result = read_sections(image, &header, path, error);
    if (result < 0)
        lbpf_elf_image_close(image);
    return result;
}

int lbpf_elf_image_open_part(struct lbpf_elf_image *image, int fd, uint64_t start, uint64_t size,
                             const char *path, struct lbpf_error *error)
{
    struct stat status;
    uint64_t whole;

    *image = (struct lbpf_elf_image){.fd = fd, .start = start};
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        lbpf_elf_image_close(image);
        return lbpf_error_set(error, EINVAL, op, "%s is not a regular file", path);
    }
    whole = (uint64_t)status.st_size;
    if (start > whole)
        start = whole;
    image->size = size < whole - start ? size : whole - start;
    return open_image(image, path, error);
}

int lbpf_elf_image_open(struct lbpf_elf_image *image, int fd, const char *path,
                        struct lbpf_error *error)
{
    return lbpf_elf_image_open_part(image, fd, 0, UINT64_MAX, path, error);
}

int lbpf_elf_image_open_memory(struct lbpf_elf_image *image, void *bytes, size_t size,
                               const char *path, struct lbpf_error *error)
{
    *image = (struct lbpf_elf_image){.fd = -1, .bytes = bytes, .size = size};
    return open_image(image, path, error);
}

void lbpf_elf_image_close(struct lbpf_elf_image *image)
{
    if (image->fd >= 0)
        close(image->fd);
    free(image->bytes);
    *image = (struct lbpf_elf_image){.fd = -1};
}

/* --- parts ------------------------------------------------------------------------------------ */

bool lbpf_elf_image_section(const struct lbpf_elf_image *image, size_t number,
                            struct lbpf_elf_section *section)
{
    if (number >= image->section_count || !read_section(image, number, section))
        return false;
    return section->type == SHT_NOBITS ||
           (section->offset <= image->size && section->size <= image->size - section->offset);
}

static bool has_name(const struct lbpf_elf_image *image, const struct lbpf_elf_section *section,
                     const char *name)
{
    char found[32];

    return section->name < image->names_size &&
           lbpf_elf_image_string(image, image->names_offset + section->name, found, sizeof found) &&
           strcmp(found, name) == 0;
}

bool lbpf_elf_image_find(const struct lbpf_elf_image *image, uint32_t type, const char *name,
                         struct lbpf_elf_section *section)
{
    for (size_t i = 1; i < image->section_count; i++) {
        if (lbpf_elf_image_section(image, i, section) && (type == 0 || section->type == type) &&
            section->type != SHT_NOBITS && (!name || has_name(image, section, name)))
            return true;
    }
    return false;
}

size_t lbpf_elf_image_entry_size(const struct lbpf_elf_image *image)
{
    return image->is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

void lbpf_elf_image_entry(const struct lbpf_elf_image *image, const void *bytes,
                          struct lbpf_elf_entry *entry)
{
    Elf64_Sym wide;
    Elf32_Sym narrow;

    if (image->is_64) {
        memcpy(&wide, bytes, sizeof wide);
        *entry = (struct lbpf_elf_entry){wide.st_name, wide.st_info, wide.st_shndx, wide.st_value,
                                         wide.st_size};
        return;
    }
    memcpy(&narrow, bytes, sizeof narrow);
    *entry = (struct lbpf_elf_entry){narrow.st_name, narrow.st_info, narrow.st_shndx,
                                     narrow.st_value, narrow.st_size};
}

bool lbpf_elf_image_address(const struct lbpf_elf_image *image, uint64_t offset, uint64_t *address)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct lbpf_elf_image_segment *segment = &image->segments[i];

        if (offset >= segment->offset && offset - segment->offset < segment->size) {
            *address = offset - segment->offset + segment->address;
            return true;
        }
    }
    return false;
}

/* The build id out of one section of notes; 0 when it is not there. */
static size_t find_build_id(const char *notes, size_t size, uint8_t *id, size_t capacity)
{
    size_t at = 0;

    while (size - at >= sizeof(Elf32_Nhdr)) {
        Elf32_Nhdr note; /* the same in both word sizes */
        size_t name = at + sizeof note, bytes;

        memcpy(&note, notes + at, sizeof note);
        if (note.n_namesz > size - name)
            return 0;
        bytes = name + (((size_t)note.n_namesz + 3) & ~(size_t)3);
        if (bytes > size || note.n_descsz > size - bytes)
            return 0;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof ELF_NOTE_GNU &&
            memcmp(notes + name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0) {
            if (note.n_descsz > capacity)
                return 0;
            memcpy(id, notes + bytes, note.n_descsz);
            return note.n_descsz;
        }
        at = bytes + (((size_t)note.n_descsz + 3) & ~(size_t)3);
        if (at > size)
            return 0;
    }
    return 0;
}

size_t lbpf_elf_image_build_id(const struct lbpf_elf_image *image, uint8_t *id, size_t capacity)
{
    struct lbpf_elf_section section;
    size_t size = 0;

    for (size_t i = 1; size == 0 && i < image->section_count; i++) {
        char *notes;

        if (!lbpf_elf_image_section(image, i, &section) || section.type != SHT_NOTE ||
            section.size > NOTES_LIMIT)
            continue;
        notes = malloc((size_t)section.size + 1);
        if (notes && lbpf_elf_image_read(image, section.offset, notes, (size_t)section.size))
            size = find_build_id(notes, (size_t)section.size, id, capacity);
        free(notes);
    }
    return size;
}
