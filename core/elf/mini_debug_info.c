/*
 * .gnu_debugdata is an ELF file with nothing but a symbol table, compressed with xz. A hostile
 * one can unpack to anything: output and the decoder's memory are limited. Few systems have such
 * files, so liblzma is loaded when one is met, and no start pays for it.
 */
#include "elf/mini_debug_info.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <lzma.h>
#include <stdlib.h>

enum { UNPACKED_LIMIT = 64 * 1024 * 1024, MEMORY_LIMIT = 64 * 1024 * 1024, CHUNK = 16 * 1024 };

/* Makes room for more output: doubles it. */
static bool grow(lzma_stream *stream, uint8_t **bytes, size_t *capacity)
{
    size_t used = *bytes ? (size_t)(stream->next_out - *bytes) : 0;
    size_t wanted = *capacity ? *capacity * 2 : 128 * 1024;
    uint8_t *grown;

    if (wanted > UNPACKED_LIMIT || !(grown = realloc(*bytes, wanted)))
        return false;
    *bytes = grown;
    *capacity = wanted;
    stream->next_out = grown + used;
    stream->avail_out = wanted - used;
    return true;
}

/* Of liblzma, while it is loaded. */
struct lzma {
    void *library;
    __typeof__(lzma_stream_decoder) *begin;
    __typeof__(lzma_code) *run;
    __typeof__(lzma_end) *end;
};

static bool load(struct lzma *lzma)
{
    lzma->library = dlopen("liblzma.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!lzma->library)
        return false;
    *(void **)&lzma->begin = dlsym(lzma->library, "lzma_stream_decoder");
    *(void **)&lzma->run = dlsym(lzma->library, "lzma_code");
    *(void **)&lzma->end = dlsym(lzma->library, "lzma_end");
    if (lzma->begin && lzma->run && lzma->end)
        return true;
    dlclose(lzma->library);
    return false;
}

/* The whole section unpacked, from malloc; NULL when it is not sound. */
static uint8_t *unpack(const struct lzma *lzma, const struct lbpf_elf_image *image,
                       const struct lbpf_elf_section *section, size_t *size)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    uint8_t chunk[CHUNK], *bytes = NULL;
    uint64_t at = 0;
    size_t capacity = 0;
    lzma_ret state = lzma->begin(&stream, MEMORY_LIMIT, 0);

    while (state == LZMA_OK) {
        if (stream.avail_in == 0) {
            size_t step = section->size - at < CHUNK ? (size_t)(section->size - at) : CHUNK;

            if (step == 0 || !lbpf_elf_image_read(image, section->offset + at, chunk, step))
                break;
            stream.next_in = chunk;
            stream.avail_in = step;
            at += step;
        }
        if (stream.avail_out == 0 && !grow(&stream, &bytes, &capacity))
            break;
        state = lzma->run(&stream, LZMA_RUN);
    }
    *size = (size_t)stream.total_out;
    lzma->end(&stream);
    if (state == LZMA_STREAM_END)
        return bytes;
    free(bytes);
    return NULL;
}

int lbpf_elf_open_mini_debug_info(struct lbpf_elf_image *mini, const struct lbpf_elf_image *image)
{
    struct lbpf_elf_section section;
    struct lzma lzma;
    uint8_t *bytes;
    size_t size;

    if (!lbpf_elf_image_find(image, SHT_PROGBITS, ".gnu_debugdata", &section) || section.size == 0)
        return 0;
    if (!load(&lzma))
        return -ENOEXEC;
    bytes = unpack(&lzma, image, &section, &size);
    dlclose(lzma.library);
    if (!bytes)
        return -ENOEXEC;
    return lbpf_elf_image_open_memory(mini, bytes, size, ".gnu_debugdata", NULL) < 0 ? -ENOEXEC : 1;
}
