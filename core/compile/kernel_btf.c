#include "compile/kernel_btf.h"

#include "base/array.h"
#include "base/buffer.h"
#include "types/btf_size.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BTF_LIMIT = 256 * 1024 * 1024, MEAN_TYPE_SIZE = 20 };

static const struct btf_type no_type;

const struct btf_type *lbpf_kernel_btf_type(const struct lbpf_kernel_btf *btf, uint32_t id)
{
    if (!id || id >= btf->count)
        return &no_type;
    return (const struct btf_type *)(const void *)(btf->types + btf->offsets[id]);
}

const char *lbpf_kernel_btf_string(const struct lbpf_kernel_btf *btf, uint32_t offset)
{
    return offset < btf->strings_size ? btf->strings + offset : "";
}

uint32_t lbpf_kernel_btf_strip(const struct lbpf_kernel_btf *btf, uint32_t id)
{
    /* Longer chains than this are cycles. */
    for (int step = 0; step < 64; step++) {
        const struct btf_type *type = lbpf_kernel_btf_type(btf, id);

        switch (lbpf_btf_kind(type)) {
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_CONST:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_RESTRICT:
        case BTF_KIND_TYPE_TAG:
            id = type->type;
            break;
        default:
            return id;
        }
    }
    return 0;
}

/* Fills offsets. A kind that is newer than we are ends the walk: its size is not known, so what
 * follows cannot be read; the types before it stay usable. */
static int index_types(struct lbpf_kernel_btf *btf, size_t types_size)
{
    size_t capacity = types_size / MEAN_TYPE_SIZE + 16;
    uint32_t *grown;
    size_t at = 0;

    btf->offsets = malloc(capacity * sizeof *btf->offsets);
    if (!btf->offsets)
        return -ENOMEM;
    btf->offsets[0] = 0;
    for (btf->count = 1; types_size - at >= sizeof(struct btf_type); btf->count++) {
        const struct btf_type *type = (const struct btf_type *)(const void *)(btf->types + at);
        size_t extra = lbpf_btf_tail_size(type), left = types_size - at - sizeof *type;

        if (extra > left)
            break;
        grown = lbpf_array_grow(btf->offsets, btf->count, &capacity, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        btf->offsets = grown;
        btf->offsets[btf->count] = (uint32_t)at;
        at += sizeof *type + extra;
    }
    btf->complete = at == types_size;
    return 0;
}

static int parse_header(struct lbpf_kernel_btf *btf)
{
    const struct btf_header *header = (const void *)btf->data;
    size_t body;

    if (btf->size < sizeof *header || header->magic != BTF_MAGIC || header->hdr_len > btf->size)
        return -EINVAL;
    body = btf->size - header->hdr_len;
    if (header->type_off > body || header->type_len > body - header->type_off ||
        header->str_off > body || header->str_len > body - header->str_off || !header->str_len ||
        (header->hdr_len + header->type_off) % 4)
        return -EINVAL;
    btf->types = btf->data + header->hdr_len + header->type_off;
    btf->types_size = header->type_len;
    btf->strings = (const char *)btf->data + header->hdr_len + header->str_off;
    btf->strings_size = header->str_len;
    if (btf->strings[btf->strings_size - 1])
        return -EINVAL;
    return index_types(btf, header->type_len);
}

/* Maps the file (kernels from 6.16 on allow it), else reads it. */
static int load(struct lbpf_kernel_btf *btf, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct lbpf_buffer buffer = {0};
    struct stat status;
    void *map = MAP_FAILED;
    int result = 0;

    if (fd < 0)
        return -errno;
    if (!fstat(fd, &status) && status.st_size > 0 && status.st_size < BTF_LIMIT)
        map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map != MAP_FAILED) {
        btf->data = map;
        btf->size = (size_t)status.st_size;
        btf->mapped = true;
    } else {
        result = lbpf_buffer_read_fd(&buffer, fd, BTF_LIMIT);
        btf->size = buffer.size;
        btf->data = (unsigned char *)lbpf_buffer_take(&buffer);
        lbpf_buffer_free(&buffer);
        if (!result && !btf->data)
            result = -ENOMEM;
    }
    close(fd);
    return result;
}

int lbpf_kernel_btf_open(struct lbpf_kernel_btf *btf, const char *path, struct lbpf_error *error)
{
    int result;

    if (!path)
        path = "/sys/kernel/btf/vmlinux";
    memset(btf, 0, sizeof *btf);
    result = load(btf, path);
    if (!result)
        result = parse_header(btf);
    if (!result)
        return 0;
    lbpf_kernel_btf_close(btf);
    if (result == -ENOMEM)
        return lbpf_error_no_memory(error, "compile");
    lbpf_error_set(error, ENODATA, "compile", "the kernel's types cannot be read from %s: %s", path,
                   result == -EINVAL ? "not BTF" : strerror(-result));
    lbpf_error_hint(
        error, result == -ENOENT
                   ? "run a kernel that is built with CONFIG_DEBUG_INFO_BTF=y, with "
                     "sysfs mounted on /sys"
                   : "the types of kernel structures come from this file; it must be readable");
    return -ENODATA;
}

void lbpf_kernel_btf_close(struct lbpf_kernel_btf *btf)
{
    if (btf->mapped)
        munmap(btf->data, btf->size);
    else
        free(btf->data);
    free(btf->own_types);
    free(btf->own_strings);
    free(btf->offsets);
    memset(btf, 0, sizeof *btf);
}
