/*
 * Opening a compiled program and creating its maps.
 *
 * The surprising part: libbpf is asked to load an object without any program. With autoload off for
 * all of them, bpf_object__load() creates the maps and nothing else, and touches vmlinux BTF only
 * when the object has CO-RE relocations, so it takes well under a millisecond. Functions follow one
 * by one in program.c, each through a bpf_object of its own that reuses these maps by fd.
 */
#include "kernel/object.h"

#include "kernel/guard.h"
#include "kernel/object_private.h"
#include "kernel/portability.h"
#include "kernel/sharing.h"
#include "kernel/sys.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HIDDEN_PREFIX "__lbpf_"
#define LOST_PREFIX   "__lbpf_lost_"
#define LOST_SECTION  ".data." LOST_PREFIX
#define EVENT_PREFIX  "__lbpf_event_"
#define CPUS_SECTION  ".rodata.lbpf_cpus"

/* ---- opening -------------------------------------------------------------------------------- */

struct bpf_object *lbpf_object_reopen(const struct lbpf_object *object, struct lbpf_buffer *words)
{
    LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "luabpf");
    struct bpf_object *opened;
    struct bpf_program *program;

    lbpf_libbpf_listen(words);
    opened = bpf_object__open_mem(object->elf, object->elf_size, &options);
    if (opened) {
        bpf_object__for_each_program(program, opened) bpf_program__set_autoload(program, false);
    }
    lbpf_libbpf_listen(NULL);
    return opened;
}

/* The first line of what libbpf said, without its "libbpf: ". */
static void first_words(const struct lbpf_buffer *words, char *out, size_t size)
{
    const char *text = lbpf_buffer_string(words);

    if (!strncmp(text, "libbpf: ", 8))
        text += 8;
    snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

static int refuse_bytes(const char *reason, struct lbpf_error *error)
{
    lbpf_error_set(error, EINVAL, "open", "The bytes are no BPF object%s%s", reason[0] ? ": " : "",
                   reason);
    lbpf_error_hint(error, "give an ELF object that clang -target bpf -g made on a machine of the "
                           "same byte order");
    return -EINVAL;
}

/* Which map libbpf complained about: its warnings read "map 'NAME': failed to create: …". */
static struct bpf_map *map_blamed(const struct lbpf_object *object, const struct lbpf_buffer *words)
{
    const char *text = lbpf_buffer_string(words), *name = NULL, *next = text;
    char copy[256];

    while ((next = strstr(next, "map '")) != NULL) {
        next += 5;
        const char *end = strchr(next, '\'');

        if (end && !strncmp(end, "': failed", 9))
            name = next;
    }
    if (!name)
        return NULL;
    snprintf(copy, sizeof copy, "%.*s", (int)strcspn(name, "'"), name);
    return bpf_object__find_map_by_name(object->libbpf_object, copy);
}

static void hint_for_map(const struct bpf_map *map, int code, struct lbpf_error *error)
{
    enum bpf_map_type type = bpf_map__type(map);

    if (code == EPERM)
        lbpf_permission_hint(error);
    else if (bpf_map__ifindex(map))
        lbpf_error_hint(error, LBPF_DEVICE_HINT "; of tables they take hashes and arrays");
    else if (code == ENOMEM || code == E2BIG)
        lbpf_error_hint(error, "declare the table with fewer entries than %u or smaller values",
                        bpf_map__max_entries(map));
    else if (lbpf_map_type_since(type))
        lbpf_error_hint(error,
                        "this type (%s) came with Linux %s; if the kernel has it, check the sizes "
                        "and flags: key %u bytes, value %u bytes, %u entries, flags 0x%x",
                        lbpf_map_type_name(type), lbpf_map_type_since(type), bpf_map__key_size(map),
                        bpf_map__value_size(map), bpf_map__max_entries(map),
                        bpf_map__map_flags(map));
}

static int refuse_maps(const struct lbpf_object *object, const struct lbpf_buffer *words, int code,
                       struct lbpf_error *error)
{
    struct bpf_map *map = map_blamed(object, words);
    char reason[256];

    if (map) {
        lbpf_error_set(error, code, "create map", "Could not create table %s: %s",
                       bpf_map__name(map), strerror(code));
        hint_for_map(map, code, error);
        return -code;
    }
    if (code == EPERM) {
        lbpf_error_set(error, code, "create map",
                       "The kernel does not let this process use BPF: %s", strerror(code));
        lbpf_permission_hint(error);
        return -code;
    }
    first_words(words, reason, sizeof reason);
    return lbpf_error_set(error, code, "create map", "Could not create the tables: %s (%s)",
                          reason[0] ? reason : "no reason given", strerror(code));
}

/* ---- types ---------------------------------------------------------------------------------- */

/* A copy of the object's own BTF, so that types do not depend on libbpf's object. None is no error.
 */
static int read_types(struct lbpf_object *object, struct lbpf_error *error)
{
    const struct btf *own = bpf_object__btf(object->libbpf_object);
    uint32_t size = 0;
    const void *bytes = own ? btf__raw_data(own, &size) : NULL;
    struct btf *copy;

    if (!bytes)
        return 0;
    copy = btf__new(bytes, size);
    if (!copy)
        return lbpf_error_set(error, errno ? errno : EINVAL, "open",
                              "The type information (BTF) of the program is damaged");
    return lbpf_types_new(&object->types, copy, error);
}

/* A type whose size is not the map's own is of no use for reading it: then there is none. */
static const struct lbpf_type *type_of(struct lbpf_object *object, uint32_t id, uint32_t size)
{
    struct lbpf_error ignored = {0};
    const struct lbpf_type *type;

    if (!object->types || !id)
        return NULL;
    type = lbpf_types_get(object->types, id, &ignored);
    lbpf_error_clear(&ignored);
    return type && (!size || type->size == size) ? type : NULL;
}

/* The pointee of the BTF variable "__lbpf_event_<map>". */
static const struct lbpf_type *event_type_of(struct lbpf_object *object, const char *map_name)
{
    const struct btf *btf = object->types ? lbpf_types_btf(object->types) : NULL;
    const struct btf_type *variable, *pointer;
    char name[256];
    int id;

    if (!btf || (size_t)snprintf(name, sizeof name, EVENT_PREFIX "%s", map_name) >= sizeof name)
        return NULL;
    id = btf__find_by_name_kind(btf, name, BTF_KIND_VAR);
    variable = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
    pointer = variable ? btf__type_by_id(btf, variable->type) : NULL;
    while (pointer && (btf_is_mod(pointer) || btf_is_typedef(pointer)))
        pointer = btf__type_by_id(btf, pointer->type);
    return pointer && btf_is_ptr(pointer) ? type_of(object, pointer->type, 0) : NULL;
}

/* ---- maps ----------------------------------------------------------------------------------- */

static bool is_per_cpu(enum bpf_map_type type)
{
    return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
           type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

static bool is_hidden(const struct bpf_map *map)
{
    return bpf_map__is_internal(map) ||
           !strncmp(bpf_map__name(map), HIDDEN_PREFIX, strlen(HIDDEN_PREFIX));
}

/* libbpf forgets the BTF ids of some types when it creates the map, and the name when it is given
 * an existing one; so this runs before. */
static int describe_map(struct lbpf_object *object, struct bpf_map *from, size_t index,
                        uint32_t cpu_count)
{
    struct lbpf_map *map = &object->maps[index];

    object->libbpf_maps[index] = from;
    map->name = strdup(bpf_map__name(from));
    if (!map->name)
        return -ENOMEM;
    map->type = bpf_map__type(from);
    map->key_size = bpf_map__key_size(from);
    map->value_size = bpf_map__value_size(from);
    map->per_cpu = is_per_cpu(map->type);
    map->cpu_count = map->per_cpu ? cpu_count : 1;
    map->key_type = type_of(object, bpf_map__btf_key_type_id(from), map->key_size);
    map->value_type = type_of(object, bpf_map__btf_value_type_id(from), map->value_size);
    map->event_type = event_type_of(object, map->name);
    return lbpf_strmap_set(&object->map_index, map->name, strlen(map->name), index);
}

static int describe_maps(struct lbpf_object *object, struct lbpf_error *error)
{
    struct bpf_map *from;
    int cpu_count = libbpf_num_possible_cpus(), result = 0;
    size_t count = 0, next = 0;

    bpf_object__for_each_map(from, object->libbpf_object) count++;
    object->maps = calloc(count + 1, sizeof object->maps[0]);
    object->libbpf_maps = calloc(count + 1, sizeof object->libbpf_maps[0]);
    if (!object->maps || !object->libbpf_maps)
        return lbpf_error_no_memory(error, "open");
    if (cpu_count <= 0)
        return lbpf_error_set(error, cpu_count ? -cpu_count : EINVAL, "open",
                              "Could not read how many CPUs there are from "
                              "/sys/devices/system/cpu/possible");
    for (int hidden = 0; hidden < 2; hidden++) {
        bpf_object__for_each_map(from, object->libbpf_object)
        {
            if (!result && is_hidden(from) == (hidden != 0))
                result = describe_map(object, from, next++, (uint32_t)cpu_count);
        }
        if (!hidden)
            object->visible_count = next;
    }
    object->map_count = next;
    return result ? lbpf_error_no_memory(error, "open") : 0;
}

static struct lbpf_map *find_hidden(struct lbpf_object *object, const char *prefix,
                                    const char *name)
{
    char text[256];
    int length = snprintf(text, sizeof text, "%s%s", prefix, name);

    return (size_t)length < sizeof text ? lbpf_object_map(object, text) : NULL;
}

/* Finds what counts events that found no room: for a perf output on rings a variable, for a ring
 * buffer a map. A counter of another kind is of an object that was not made by our compiler. */
static void find_lost(struct lbpf_object *object, struct lbpf_map *map)
{
    struct lbpf_map *lost;

    if (map->type == BPF_MAP_TYPE_ARRAY_OF_MAPS) {
        map->lost = lost = find_hidden(object, LOST_SECTION, map->name);
        map->on_rings = lost && lost->value_size == 8 && (lost->flags & BPF_F_MMAPABLE);
        if (map->on_rings)
            map->type = BPF_MAP_TYPE_PERF_EVENT_ARRAY; /* what it is to the user */
        else
            map->lost = NULL;
        return;
    }
    map->lost = lost = find_hidden(object, LOST_PREFIX, map->name);
    if (lost &&
        (lost->type != BPF_MAP_TYPE_PERCPU_ARRAY || lost->key_size != 4 || lost->value_size != 8))
        map->lost = NULL;
}

/* What is known only once the maps exist: fds, and the numbers libbpf fills in or rounds. */
static void finish_maps(struct lbpf_object *object)
{
    uint32_t cpu_count = (uint32_t)libbpf_num_possible_cpus();

    for (size_t i = object->map_count; i-- > 0;) { /* the hidden ones first */
        struct lbpf_map *map = &object->maps[i];
        const struct bpf_map *from = object->libbpf_maps[i];

        map->fd = bpf_map__fd(from);
        map->type = bpf_map__type(from); /* an extern table has that of the other program */
        map->per_cpu = is_per_cpu(map->type);
        map->cpu_count = map->per_cpu ? cpu_count : 1;
        map->max_entries = bpf_map__max_entries(from);
        map->flags = bpf_map__map_flags(from);
        find_lost(object, map);
    }
}

/* What bpf_num_cpus() gives: the CPUs online now, which the compiler's cache must not remember. */
static void count_cpus(const struct lbpf_object *object)
{
    struct bpf_map *map = bpf_object__find_map_by_name(object->libbpf_object, CPUS_SECTION);
    int count;

    if (!map)
        return;
    count = (int)sysconf(_SC_NPROCESSORS_ONLN);
    bpf_map__set_initial_value(map, &count, sizeof count); /* refuses another size */
}

/* A perf output on rings has one for each CPU that there can be. */
static void count_rings(struct lbpf_object *object)
{
    __u32 count = (__u32)libbpf_num_possible_cpus();

    for (size_t i = 0; i < object->visible_count; i++) {
        struct bpf_map *map = object->libbpf_maps[i];

        if (bpf_map__type(map) == BPF_MAP_TYPE_ARRAY_OF_MAPS &&
            find_hidden(object, LOST_SECTION, object->maps[i].name))
            bpf_map__set_max_entries(map, count);
    }
}

static void place_on_device(struct lbpf_object *object)
{
    struct bpf_map *map;

    bpf_object__for_each_map(map, object->libbpf_object) bpf_map__set_ifindex(map, object->device);
}

static int create_maps(struct lbpf_object *object, struct lbpf_error *error)
{
    struct lbpf_buffer words = {0};
    int result = lbpf_sharing_prepare(object, error);

    if (result)
        return result;
    count_cpus(object);
    count_rings(object);
    if (object->device)
        place_on_device(object);
    lbpf_libbpf_listen(&words);
    result = bpf_object__load(object->libbpf_object);
    lbpf_libbpf_listen(NULL);
    if (result)
        result = refuse_maps(object, &words, lbpf_libbpf_code(result), error);
    else
        finish_maps(object);
    lbpf_buffer_free(&words);
    return result ? result : lbpf_sharing_finish(object, error);
}

/* ---- functions ------------------------------------------------------------------------------ */

static int list_functions(struct lbpf_object *object, struct lbpf_error *error)
{
    struct bpf_program *program;
    size_t count = 0;

    bpf_object__for_each_program(program, object->libbpf_object) count++;
    object->functions = calloc(count + 1, sizeof object->functions[0]);
    if (!object->functions)
        return lbpf_error_no_memory(error, "open");
    bpf_object__for_each_program(program, object->libbpf_object)
    {
        struct lbpf_function *function = &object->functions[object->function_count];

        function->name = bpf_program__name(program);
        function->section = bpf_program__section_name(program);
        function->instruction_count = (uint32_t)bpf_program__insn_cnt(program);
        if (lbpf_strmap_set(&object->function_index, function->name, strlen(function->name),
                            object->function_count))
            return lbpf_error_no_memory(error, "open");
        object->function_count++;
    }
    return 0;
}

/* ---- public --------------------------------------------------------------------------------- */

static int copy_bytes(struct lbpf_object *object, const void *elf, size_t size,
                      struct lbpf_error *error)
{
    object->elf = malloc(size ? size : 1);
    if (!object->elf)
        return lbpf_error_no_memory(error, "open");
    if (size)
        memcpy(object->elf, elf, size);
    object->elf_size = size;
    return 0;
}

static int open_bytes(struct lbpf_object *object, struct lbpf_error *error)
{
    const char *problem = lbpf_guard_object(object->elf, object->elf_size);
    struct lbpf_buffer words = {0};
    char reason[256];
    int code;

    if (problem)
        return refuse_bytes(problem, error);
    object->libbpf_object = lbpf_object_reopen(object, &words);
    code = object->libbpf_object ? 0 : errno;
    first_words(&words, reason, sizeof reason);
    lbpf_buffer_free(&words);
    if (code == ENOMEM)
        return lbpf_error_no_memory(error, "open");
    return code ? refuse_bytes(reason, error) : 0;
}

int lbpf_object_open(struct lbpf_object **object, const void *elf, size_t size, unsigned debug,
                     unsigned device, struct lbpf_error *error)
{
    struct lbpf_object *made = calloc(1, sizeof *made);
    int result;

    *object = NULL;
    if (!made)
        return lbpf_error_no_memory(error, "open");
    made->debug = debug;
    made->device = device;
    result = copy_bytes(made, elf, size, error);
    if (!result)
        result = open_bytes(made, error);
    if (!result)
        result = lbpf_portability_check(made, error);
    if (!result)
        result = read_types(made, error);
    if (!result)
        result = list_functions(made, error);
    if (!result)
        result = describe_maps(made, error);
    if (!result)
        result = create_maps(made, error);
    if (result) {
        lbpf_object_close(made);
        return result;
    }
    *object = made;
    return 0;
}

void lbpf_object_close(struct lbpf_object *object)
{
    if (!object)
        return;
    for (size_t i = 0; i < object->function_count; i++)
        lbpf_loaded_free(object->functions[i].loaded);
    free(object->functions);
    lbpf_sharing_free(object->sharing);
    for (size_t i = 0; i < object->map_count; i++)
        free((char *)object->maps[i].name);
    free(object->maps);
    free(object->libbpf_maps);
    lbpf_strmap_free(&object->map_index);
    lbpf_strmap_free(&object->function_index);
    lbpf_strmap_free(&object->refused);
    lbpf_types_free(object->types);
    bpf_object__close(object->libbpf_object);
    free(object->load_log);
    free(object->elf);
    free(object);
}

size_t lbpf_object_map_count(const struct lbpf_object *object)
{
    return object->visible_count;
}

struct lbpf_map *lbpf_object_map_at(struct lbpf_object *object, size_t index)
{
    return index < object->visible_count ? &object->maps[index] : NULL;
}

struct lbpf_map *lbpf_object_map(struct lbpf_object *object, const char *name)
{
    const struct lbpf_strmap_entry *entry = lbpf_strmap_get(&object->map_index, name, strlen(name));

    return entry ? &object->maps[entry->value] : NULL;
}

size_t lbpf_object_function_count(const struct lbpf_object *object)
{
    return object->function_count;
}

const char *lbpf_object_function_at(const struct lbpf_object *object, size_t index)
{
    return index < object->function_count ? object->functions[index].name : NULL;
}

bool lbpf_object_has_function(const struct lbpf_object *object, const char *name)
{
    return lbpf_strmap_has(&object->function_index, name);
}

bool lbpf_object_has_tail_calls(const struct lbpf_object *object)
{
    for (size_t i = 0; i < object->map_count; i++)
        if (object->maps[i].type == BPF_MAP_TYPE_PROG_ARRAY)
            return true;
    return false;
}

struct lbpf_types *lbpf_object_types(struct lbpf_object *object)
{
    return object->types;
}

const char *lbpf_object_load_log(const struct lbpf_object *object)
{
    return object->load_log;
}
