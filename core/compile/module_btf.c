/*
 * Types of modules, put behind the kernel's. Each module numbers its types and strings as if it
 * were the only one, so they move up. Modules that share a header have its structures each for
 * itself; of those only the first one is kept, and equal strings become one, since all else tells
 * names apart by where they lie.
 */
#include "compile/module_btf.h"

#include "base/buffer.h"
#include "compile/idmap.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODULE_LIMIT = 16 * 1024 * 1024 };

static const char folder[] = "/sys/kernel/btf";

/* By how much a module's own ids and string offsets move, and which of them mean what an earlier
 * module has already. */
struct shift {
    uint32_t first_id, id_by;
    uint32_t first_string, string_by;
    struct lbpf_idmap same_ids, same_strings;
};

static uint32_t moved(uint32_t value, uint32_t first, uint32_t by, const struct lbpf_idmap *same)
{
    const uint32_t *other = value < first ? NULL : lbpf_idmap_get(same, value);

    return other ? *other : value < first ? value : value + by;
}

static uint32_t moved_string(const struct shift *shift, uint32_t offset)
{
    return moved(offset, shift->first_string, shift->string_by, &shift->same_strings);
}

static void move_id(const struct shift *shift, __u32 *id)
{
    *id = moved(*id, shift->first_id, shift->id_by, &shift->same_ids);
}

static void move_string(const struct shift *shift, __u32 *offset)
{
    *offset = moved_string(shift, *offset);
}

static void move_parts(const struct shift *shift, struct btf_type *type)
{
    uint32_t vlen = lbpf_btf_vlen(type);
    void *after = type + 1;

    switch (lbpf_btf_kind(type)) {
    case BTF_KIND_ARRAY:
        move_id(shift, &((struct btf_array *)after)->type);
        move_id(shift, &((struct btf_array *)after)->index_type);
        break;
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        for (struct btf_member *member = after; vlen--; member++) {
            move_string(shift, &member->name_off);
            move_id(shift, &member->type);
        }
        break;
    case BTF_KIND_ENUM:
        for (struct btf_enum *value = after; vlen--; value++)
            move_string(shift, &value->name_off);
        break;
    case BTF_KIND_ENUM64:
        for (struct btf_enum64 *value = after; vlen--; value++)
            move_string(shift, &value->name_off);
        break;
    case BTF_KIND_FUNC_PROTO:
        for (struct btf_param *parameter = after; vlen--; parameter++) {
            move_string(shift, &parameter->name_off);
            move_id(shift, &parameter->type);
        }
        break;
    case BTF_KIND_DATASEC:
        for (struct btf_var_secinfo *place = after; vlen--; place++)
            move_id(shift, &place->type);
        break;
    }
}

/* Whether the word after the name is a type's id; for the other kinds it is a size. */
static bool refers(const struct btf_type *type)
{
    switch (lbpf_btf_kind(type)) {
    case BTF_KIND_PTR:
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_CONST:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_FUNC:
    case BTF_KIND_FUNC_PROTO:
    case BTF_KIND_VAR:
    case BTF_KIND_DECL_TAG:
    case BTF_KIND_TYPE_TAG:
        return true;
    default:
        return false;
    }
}

static bool defines_one(const struct lbpf_kernel_btf *module, uint32_t first_string,
                        const struct lbpf_strmap *names)
{
    for (uint32_t id = 1; id < module->count; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(module, id);

        /* A name that the kernel's strings have too is not stored again. */
        if ((lbpf_btf_is_aggregate(type) || lbpf_btf_is_enum(type)) && type->name_off) {
            const char *name = type->name_off >= first_string
                                   ? lbpf_kernel_btf_string(module, type->name_off - first_string)
                                   : module->base_strings + type->name_off;

            if (lbpf_strmap_has(names, name))
                return true;
        }
    }
    return false;
}

/* Room for everything of both, in memory of our own. */
static int make_room(struct lbpf_kernel_btf *btf, const struct lbpf_kernel_btf *module)
{
    unsigned char *types = malloc(btf->types_size + module->types_size);
    char *strings = malloc((size_t)btf->strings_size + module->strings_size);
    uint32_t *offsets =
        realloc(btf->offsets, ((size_t)btf->count + module->count) * sizeof *offsets);

    if (offsets)
        btf->offsets = offsets;
    if (!types || !strings || !offsets) {
        free(types);
        free(strings);
        return -ENOMEM;
    }
    memcpy(types, btf->types, btf->types_size);
    memcpy(strings, btf->strings, btf->strings_size);
    free(btf->own_types);
    free(btf->own_strings);
    btf->types = btf->own_types = types;
    btf->strings = btf->own_strings = strings;
    return 0;
}

static int append(struct lbpf_kernel_btf *btf, const struct lbpf_kernel_btf *module,
                  const struct shift *shift)
{
    if (make_room(btf, module))
        return -ENOMEM;
    memcpy(btf->own_types + btf->types_size, module->types, module->types_size);
    memcpy(btf->own_strings + btf->strings_size, module->strings, module->strings_size);
    for (uint32_t id = 1; id < module->count; id++) {
        struct btf_type *type = (void *)(btf->own_types + btf->types_size + module->offsets[id]);

        move_string(shift, &type->name_off);
        if (refers(type))
            move_id(shift, &type->type);
        move_parts(shift, type);
        btf->offsets[btf->count + id - 1] = (uint32_t)btf->types_size + module->offsets[id];
    }
    btf->count += module->count - 1;
    btf->types_size += module->types_size;
    btf->strings_size += module->strings_size;
    return 0;
}

/* --- what several modules have ---------------------------------------------------------------- */

/* All strings and tags of the modules so far. */
struct known {
    struct lbpf_strmap strings; /* → offset */
    struct lbpf_idmap tags;     /* string offset → id */
};

static void forget(struct known *known)
{
    lbpf_strmap_free(&known->strings);
    lbpf_idmap_free(&known->tags);
}

static int find_same_strings(struct known *known, const struct lbpf_kernel_btf *module,
                             struct shift *shift)
{
    const char *at = module->strings, *end = at + module->strings_size;

    for (size_t size; at < end; at += size + 1) {
        uint32_t own = shift->first_string + (uint32_t)(at - module->strings);
        const struct lbpf_strmap_entry *entry;

        size = strlen(at);
        if (!size)
            continue;
        entry = lbpf_strmap_get(&known->strings, at, size);
        if (entry ? lbpf_idmap_set(&shift->same_strings, own, (uint32_t)entry->value)
                  : lbpf_strmap_set(&known->strings, at, size, own + shift->string_by))
            return -ENOMEM;
    }
    return 0;
}

/* Whether a module's type has the members, or the values, that an earlier one of its name has. */
static bool is_same(const struct shift *shift, const struct btf_type *type,
                    const struct btf_type *other)
{
    const struct btf_member *members = lbpf_btf_members(type), *others = lbpf_btf_members(other);
    const struct btf_enum *values = (const void *)members, *other_values = (const void *)others;

    if (type->info != other->info || type->size != other->size ||
        lbpf_btf_kind(type) == BTF_KIND_ENUM64)
        return false;
    for (uint32_t i = 0; i < lbpf_btf_vlen(type); i++)
        if (lbpf_btf_is_aggregate(type)
                ? moved_string(shift, members[i].name_off) != others[i].name_off ||
                      members[i].offset != others[i].offset
                : moved_string(shift, values[i].name_off) != other_values[i].name_off ||
                      values[i].val != other_values[i].val)
            return false;
    return true;
}

static int find_same_types(struct known *known, const struct lbpf_kernel_btf *btf,
                           const struct lbpf_kernel_btf *module, struct shift *shift)
{
    for (uint32_t id = 1; id < module->count; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(module, id);
        uint32_t own = shift->first_id + id - 1, name = moved_string(shift, type->name_off);
        const uint32_t *other;

        if (!name || !(lbpf_btf_is_aggregate(type) || lbpf_btf_is_enum(type)))
            continue;
        other = lbpf_idmap_get(&known->tags, name);
        if (!other ? lbpf_idmap_set(&known->tags, name, own + shift->id_by)
                   : is_same(shift, type, lbpf_kernel_btf_type(btf, *other)) &&
                         lbpf_idmap_set(&shift->same_ids, own, *other))
            return -ENOMEM;
    }
    return 0;
}

/* Appends a module beside others that stay. */
static int add_module(struct lbpf_kernel_btf *btf, const struct lbpf_kernel_btf *module,
                      struct known *known, struct shift shift)
{
    int result;

    shift.id_by = btf->count - shift.first_id;
    shift.string_by = btf->strings_size - shift.first_string;
    result = find_same_strings(known, module, &shift);
    if (!result)
        result = find_same_types(known, btf, module, &shift);
    if (!result)
        result = append(btf, module, &shift);
    lbpf_idmap_free(&shift.same_ids);
    lbpf_idmap_free(&shift.same_strings);
    return result;
}

/* --- the folder ------------------------------------------------------------------------------- */

/* Opens the BTF of a module that lies in the folder. Whether there is one. */
static bool open_module(const struct lbpf_kernel_btf *btf, const char *name,
                        struct lbpf_kernel_btf *module)
{
    struct lbpf_error ignored = {0};
    char path[sizeof folder + 256];

    if (name[0] == '.' || !strcmp(name, "vmlinux"))
        return false;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (lbpf_kernel_btf_open(module, path, &ignored)) {
        lbpf_error_clear(&ignored);
        return false;
    }
    module->base_strings = btf->strings;
    if (module->types_size < MODULE_LIMIT && module->complete)
        return true;
    lbpf_kernel_btf_close(module);
    return false;
}

int lbpf_module_btf_add(struct lbpf_kernel_btf *btf, const struct lbpf_strmap *names)
{
    const struct shift base = {.first_id = btf->count, .first_string = btf->strings_size};
    DIR *modules = btf->complete ? opendir(folder) : NULL;
    struct known known = {0};
    struct dirent *entry;
    int added = 0;

    while (modules && added >= 0 && (entry = readdir(modules))) {
        struct lbpf_kernel_btf module;

        if (!open_module(btf, entry->d_name, &module))
            continue;
        if (defines_one(&module, base.first_string, names))
            added = add_module(btf, &module, &known, base) ? -ENOMEM : added + 1;
        lbpf_kernel_btf_close(&module);
    }
    forget(&known);
    if (modules)
        closedir(modules);
    btf->module_count = added > 0 ? added : 0;
    return added;
}

int64_t lbpf_module_btf_add_one(struct lbpf_kernel_btf *btf, const char *name)
{
    const struct shift unmoved = {.first_id = btf->count, .first_string = btf->strings_size};
    struct lbpf_kernel_btf module;
    int result;

    if (!btf->complete || strchr(name, '/') || !open_module(btf, name, &module))
        return 0;
    result = append(btf, &module, &unmoved);
    lbpf_kernel_btf_close(&module);
    return result ? result : (int64_t)unmoved.first_id;
}

int lbpf_module_btf_each(struct lbpf_kernel_btf *btf,
                         int (*visit)(void *context, const char *name, uint32_t first_id),
                         void *context)
{
    const struct shift base = {.first_id = btf->count, .first_string = btf->strings_size};
    const size_t types_size = btf->types_size;
    DIR *modules = btf->complete ? opendir(folder) : NULL;
    struct dirent *entry;
    int result = 0;

    while (modules && !result && (entry = readdir(modules))) {
        struct lbpf_kernel_btf module;

        if (!open_module(btf, entry->d_name, &module))
            continue;
        result = append(btf, &module, &base);
        lbpf_kernel_btf_close(&module);
        if (!result)
            result = visit(context, entry->d_name, base.first_id);
        btf->count = base.first_id;
        btf->types_size = types_size;
        btf->strings_size = base.first_string;
    }
    if (modules)
        closedir(modules);
    return result;
}
