/* Looking at what lies in the kernel: a function's instructions, a map's number. */
#ifndef LBPF_KERNEL_INSPECT_H
#define LBPF_KERNEL_INSPECT_H

#include "base/buffer.h"
#include "kernel/map.h"
#include "kernel/object.h"

/*
 * Appends the instructions of a function, 8 bytes each: as loaded, when it was loaded; else as
 * compiled, with the fds of the maps put in, and without the functions that it calls. -ENOENT
 * "Unknown program <name>".
 */
int lbpf_object_instructions(struct lbpf_object *object, const char *name,
                             struct lbpf_buffer *instructions, struct lbpf_error *error);

/* The number by which the kernel knows the map, as bpftool shows it; 0 when it does not tell. */
uint32_t lbpf_map_id(const struct lbpf_map *map);

#endif
