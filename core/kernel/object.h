/*
 * A compiled program inside the kernel: an ELF object whose maps exist from the start and whose
 * functions are loaded one by one, when first attached, with the type that the attachment calls
 * for. Each load is a fresh libbpf object over the same bytes with the maps shared by fd and only
 * that function enabled, so public libbpf calls are all it takes.
 */
#ifndef LBPF_KERNEL_OBJECT_H
#define LBPF_KERNEL_OBJECT_H

#include "base/error.h"
#include "types/btf_types.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

struct bpf_program;
struct lbpf_map;
struct lbpf_object;

/*
 * Opens the ELF bytes (copied) and creates the maps. debug: LBPF_DEBUG_BPF and _REGISTER_STATE
 * choose the verifier's log level. device: the index of the network device that holds the maps, or
 * 0. Errors: EINVAL for bytes that are no BPF object; EPERM and others from map creation, naming
 * the map, with the missing capability as hint.
 */
int lbpf_object_open(struct lbpf_object **object, const void *elf, size_t size, unsigned debug,
                     unsigned device, struct lbpf_error *error);

/* Unloads programs and closes maps. Everything lent by the object ends. NULL is allowed. */
void lbpf_object_close(struct lbpf_object *object);

/* User-visible maps in declaration order (hidden ones, "__lbpf_…" and .rodata/.data/.bss, are not
 * counted). */
size_t lbpf_object_map_count(const struct lbpf_object *object);
struct lbpf_map *lbpf_object_map_at(struct lbpf_object *object, size_t index);
/* By name, hidden ones too; NULL if there is none. Lent. */
struct lbpf_map *lbpf_object_map(struct lbpf_object *object, const char *name);

/* Functions that can be attached, in definition order. */
size_t lbpf_object_function_count(const struct lbpf_object *object);
const char *lbpf_object_function_at(const struct lbpf_object *object, size_t index);
bool lbpf_object_has_function(const struct lbpf_object *object, const char *name);
struct lbpf_load_options;
/* What an existing function's section and name say about it: fills in what options leave open (see
 * program_kind.h). Targets are lent. */
void lbpf_object_function_kind(const struct lbpf_object *object, const char *name,
                               struct lbpf_load_options *options);
/* Whether it has program arrays. Kernels since 6.18 let programs call one another only when they
 * are loaded for the same kind of attachment, so links over many places are not for them. */
bool lbpf_object_has_tail_calls(const struct lbpf_object *object);

/* Types of the object's BTF; NULL when it has none. */
struct lbpf_types *lbpf_object_types(struct lbpf_object *object);

/* What is 0 or NULL is read off the function's section and name (see program_kind.h). */
struct lbpf_load_options {
    enum bpf_prog_type type;
    enum bpf_attach_type expected_attach_type;
    const char *attach_target; /* kernel function for TRACING and LSM, else NULL */
    unsigned device;           /* index of the network device that runs the program, or 0 */
};

/*
 * Loads function `name` as options say, or gives the program of an earlier equal load. Lent until
 * the object closes. Errors (op "load"): ENOENT "Unknown program <name>"; a verifier rejection with
 * where = the user's file:line, message = "Failed to load BPF program <name>: <cause>", hint = what
 * to write instead, log = the whole verifier text; EPERM with the missing capability; E2BIG "… too
 * large …".
 */
int lbpf_object_load(struct lbpf_object *object, const char *name,
                     const struct lbpf_load_options *options, struct bpf_program **program,
                     struct lbpf_error *error);

/* The descriptor of a loaded program; lent. */
int lbpf_program_fd(const struct bpf_program *program);

/* The verifier's text of the last load (debug flags), or NULL. Lent until the next load. */
const char *lbpf_object_load_log(const struct lbpf_object *object);

#endif
