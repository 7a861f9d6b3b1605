/*
 * What an indirect function stands for in another process. Its dynamic linker has run the resolver
 * already; and where the library itself calls the function, a relocation tells the resolver's
 * address and the place that got its answer. So that place is read, and no foreign code runs.
 */
#include "elf/symtab.h"

#include "host/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t relocation_type(const struct lbpf_elf_file *file)
{
    switch (file->header.e_machine) {
    case EM_X86_64:
        return R_X86_64_IRELATIVE;
    case EM_AARCH64:
        return R_AARCH64_IRELATIVE;
    default:
        return UINT64_MAX;
    }
}

/* The address in the file of the place that gets the resolver's answer; false when there is none.
 */
static bool find_place(const struct lbpf_elf_file *file, uint64_t resolver, uint64_t *place)
{
    uint64_t type = relocation_type(file);
    Elf_Scn *section = NULL;

    while ((section = elf_nextscn(file->handle, section))) {
        GElf_Shdr header;
        Elf_Data *data;
        GElf_Rela entry;

        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_RELA)
            continue;
        data = elf_getdata(section, NULL);
        for (int i = 0; data && gelf_getrela(data, i, &entry); i++) {
            if (GELF_R_TYPE(entry.r_info) == type && (uint64_t)entry.r_addend == resolver) {
                *place = entry.r_offset;
                return true;
            }
        }
    }
    return false;
}

struct search {
    const struct lbpf_elf_file *file;
    struct stat status;
    pid_t pid;
    uint64_t bias; /* added to addresses of the file */
};

/* Paths and device numbers of mappings can mislead, what they lead to can't. */
static bool is_of_file(const struct search *search, const struct lbpf_mapping *mapping)
{
    char path[96];
    struct stat status;

    snprintf(path, sizeof path, "/proc/%d/map_files/%llx-%llx", (int)search->pid,
             (unsigned long long)mapping->start, (unsigned long long)mapping->end);
    return stat(path, &status) == 0 && status.st_dev == search->status.st_dev &&
           status.st_ino == search->status.st_ino;
}

static int visit_mapping(void *context, const struct lbpf_mapping *mapping)
{
    struct search *search = context;

    if (!mapping->is_executable || mapping->inode != search->status.st_ino ||
        !is_of_file(search, mapping))
        return 0;
    for (size_t i = 0; i < search->file->segment_count; i++) {
        const struct lbpf_elf_segment *segment = &search->file->segments[i];
        uint64_t size = mapping->end - mapping->start;

        if (segment->offset + segment->size > mapping->offset &&
            segment->offset < mapping->offset + size) {
            search->bias = mapping->start - mapping->offset + segment->offset - segment->address;
            return 1;
        }
    }
    return 0;
}

static bool find_bias(struct search *search)
{
    struct lbpf_buffer text = {0};
    bool found = fstat(search->file->fd, &search->status) == 0 &&
                 lbpf_maps_read(search->pid, &text) == 0 && text.data &&
                 lbpf_maps_scan(text.data, visit_mapping, search) == 1;

    lbpf_buffer_free(&text);
    return found;
}

static bool read_word(pid_t pid, uint64_t address, uint64_t *word)
{
    char path[32];
    bool is_read;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    is_read = pread(fd, word, sizeof *word, (off_t)address) == sizeof *word;
    close(fd);
    return is_read;
}

int lbpf_elf_read_ifunc(const struct lbpf_elf_file *file, pid_t pid, uint64_t resolver,
                        uint64_t *file_offset)
{
    struct search search = {.file = file, .pid = pid};
    uint64_t place, target;

    if (!find_place(file, resolver, &place) || !find_bias(&search) ||
        !read_word(pid, search.bias + place, &target) ||
        lbpf_elf_offset(file, target - search.bias, file_offset) != 0)
        return -ENOENT;
    return 0;
}
