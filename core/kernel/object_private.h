/* What object.c (open, maps, lookups) and program.c (load) share. */
#ifndef LBPF_KERNEL_OBJECT_PRIVATE_H
#define LBPF_KERNEL_OBJECT_PRIVATE_H

#include "base/buffer.h"
#include "base/strmap.h"
#include "kernel/map.h"
#include "kernel/object.h"

struct bpf_map;
struct bpf_object;
struct lbpf_sharing;

/* What to do when a network device refuses a map or a program. */
#define LBPF_DEVICE_HINT                                                                           \
    "device= is for network cards that run BPF programs themselves (bpftool feature probe dev "    \
    "NAME tells); leave it out, and the kernel runs them"

/* One function loaded one way. Its bpf_object stays open as long as the program lives. */
struct lbpf_loaded {
    struct lbpf_loaded *next;
    enum bpf_prog_type type;
    enum bpf_attach_type expected_attach_type;
    char *attach_target; /* or NULL */
    unsigned device;     /* or 0 */
    struct bpf_object *libbpf_object;
    struct bpf_program *program;
};

struct lbpf_function {
    const char *name, *section; /* lent by the first bpf_object */
    uint32_t instruction_count; /* without the functions that it calls */
    struct lbpf_loaded *loaded;
};

struct lbpf_object {
    void *elf;
    size_t elf_size;
    unsigned debug, device;
    struct bpf_object *libbpf_object; /* owns the maps; loads no program */
    struct lbpf_types *types;         /* or NULL */
    struct lbpf_map *maps;            /* visible ones first, each part in declaration order */
    struct bpf_map **libbpf_maps;     /* the same maps in the same order */
    size_t map_count, visible_count;
    struct lbpf_sharing *sharing; /* of maps with other objects; or NULL */
    struct lbpf_function *functions;
    size_t function_count;
    struct lbpf_strmap map_index, function_index; /* name → index */
    struct lbpf_strmap refused;                   /* fentry and fexit forms, see tracing_load.c */
    char *load_log;                               /* or NULL */
};

/* Opens the bytes once more with every program's autoload off. words collects libbpf's complaints.
 */
struct bpf_object *lbpf_object_reopen(const struct lbpf_object *object, struct lbpf_buffer *words);

/* Appends the bytes of the sections with this name; of a file that is none of ours, nothing. 0 or
 * -ENOMEM. */
int lbpf_object_copy_section(const struct lbpf_object *object, const char *wanted,
                             struct lbpf_buffer *text);

/* Frees a list of loaded programs. */
void lbpf_loaded_free(struct lbpf_loaded *loaded);

#endif
