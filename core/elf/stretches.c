/*
 * Symbols may overlap, lie in one another, and lack a size. All that is settled once: they become
 * stretches, each with the innermost function that covers it, and a look-up is one binary search
 * however the file was made.
 */
#include "elf/stretches.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>

enum { CODE_SECTIONS = 32 };

/* By start, stable. Radix: a comparing sort of node's symbols takes longer than all the rest. */
static int sort(struct lbpf_elf_span **spans, size_t count)
{
    struct lbpf_elf_span *from = *spans, *to = malloc((count ? count : 1) * sizeof *to), *swap;

    if (!to)
        return -ENOMEM;
    for (unsigned shift = 0; shift < 33; shift += 11) {
        size_t places[2049] = {0};

        for (size_t i = 0; i < count; i++)
            places[(from[i].start >> shift & 0x7ff) + 1]++;
        for (size_t i = 1; i < 2048; i++)
            places[i] += places[i - 1];
        for (size_t i = 0; i < count; i++)
            to[places[from[i].start >> shift & 0x7ff]++] = from[i];
        swap = from;
        from = to;
        to = swap;
    }
    free(to);
    *spans = from;
    return 0;
}

struct open_span {
    uint32_t end, owner;
};

struct flatten {
    struct lbpf_stretches *stretches;
    const struct lbpf_elf_image *image;
    uint64_t base, end;     /* addresses of the code */
    struct open_span *open; /* those around the current place, the innermost last */
    size_t depth;
    struct lbpf_elf_section sections[CODE_SECTIONS]; /* those with code */
    size_t section_count;
};

static void add_stretch(struct lbpf_stretches *stretches, uint32_t start, uint32_t owner)
{
    size_t last = stretches->count;

    if (last > 0 && stretches->starts[last - 1] == start)
        last = --stretches->count;
    if (last > 0 && stretches->owners[last - 1] == owner)
        return;
    stretches->starts[stretches->count] = start;
    stretches->owners[stretches->count++] = owner;
}

/* Ends what ends at or before place. */
static void close_until(struct flatten *flatten, uint32_t place)
{
    while (flatten->depth > 0 && flatten->open[flatten->depth - 1].end <= place) {
        uint32_t end = flatten->open[--flatten->depth].end;

        while (flatten->depth > 0 && flatten->open[flatten->depth - 1].end <= end)
            flatten->depth--;
        add_stretch(flatten->stretches, end,
                    flatten->depth > 0 ? flatten->open[flatten->depth - 1].owner : LBPF_NO_OWNER);
    }
}

/* The end of the section (without sections: segment) of code around place, which a function without
 * size does not leave: _init would reach into the stubs behind it. */
static uint32_t code_end(const struct flatten *flatten, uint32_t place)
{
    uint64_t address = flatten->base + place, end = address;

    for (size_t i = 0; i < flatten->image->segment_count; i++) {
        const struct lbpf_elf_image_segment *segment = &flatten->image->segments[i];

        if (address >= segment->address && address - segment->address < segment->size)
            end = segment->address + segment->size;
    }
    for (size_t i = 0; i < flatten->section_count; i++) {
        const struct lbpf_elf_section *section = &flatten->sections[i];

        if (address >= section->address && address - section->address < section->size &&
            section->address + section->size < end)
            end = section->address + section->size;
    }
    return (uint32_t)((end < flatten->end ? end : flatten->end) - flatten->base);
}

static void find_code_sections(struct flatten *flatten)
{
    const struct lbpf_elf_image *image = flatten->image;

    for (size_t i = 1; i < image->section_count && flatten->section_count < CODE_SECTIONS; i++) {
        struct lbpf_elf_section section;

        if (lbpf_elf_image_section(image, i, &section) && section.flags & SHF_EXECINSTR)
            flatten->sections[flatten->section_count++] = section;
    }
}

static void flatten_all(struct flatten *flatten, const struct lbpf_elf_span *spans, size_t count)
{
    for (size_t i = 0, next; i < count; i = next) {
        uint32_t start = spans[i].start, end = spans[i].end;

        for (next = i + 1; next < count && spans[next].start == start; next++) {
            if (spans[next].end > end)
                end = spans[next].end;
        }
        close_until(flatten, start);
        if (end == start) { /* no size: up to the next one, unless a sized one is around it */
            if (flatten->depth > 0)
                continue;
            end = code_end(flatten, start);
            if (next < count && spans[next].start < end)
                end = spans[next].start;
            if (end <= start)
                continue;
        }
        add_stretch(flatten->stretches, start, (uint32_t)i);
        flatten->open[flatten->depth++] = (struct open_span){end, (uint32_t)i};
    }
    close_until(flatten, UINT32_MAX);
}

/* Gives unused memory at the end back. */
static void *trim(void *memory, size_t size)
{
    void *trimmed = realloc(memory, size ? size : 1);

    return trimmed ? trimmed : memory;
}

int lbpf_stretches_make(struct lbpf_stretches *stretches, const struct lbpf_elf_image *image,
                        uint64_t base, uint64_t end, struct lbpf_elf_span **spans, size_t count)
{
    struct flatten flatten = {.stretches = stretches, .image = image, .base = base, .end = end};
    int result = sort(spans, count);

    if (result < 0)
        return result;
    stretches->starts = malloc((2 * count + 1) * sizeof *stretches->starts);
    stretches->owners = malloc((2 * count + 1) * sizeof *stretches->owners);
    flatten.open = malloc((count + 1) * sizeof *flatten.open);
    if (!stretches->starts || !stretches->owners || !flatten.open) {
        free(flatten.open);
        return -ENOMEM;
    }
    find_code_sections(&flatten);
    flatten_all(&flatten, *spans, count);
    free(flatten.open);
    stretches->starts = trim(stretches->starts, stretches->count * sizeof *stretches->starts);
    stretches->owners = trim(stretches->owners, stretches->count * sizeof *stretches->owners);
    return 0;
}

uint32_t lbpf_stretches_owner(const struct lbpf_stretches *stretches, uint32_t place)
{
    size_t low = 0, high = stretches->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (stretches->starts[middle] <= place)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? LBPF_NO_OWNER : stretches->owners[low - 1];
}

void lbpf_stretches_free(struct lbpf_stretches *stretches)
{
    free(stretches->starts);
    free(stretches->owners);
    *stretches = (struct lbpf_stretches){0};
}
