#include "compile/module_btf.h"

#include "base/buffer.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODULE_LIMIT = 16 * 1024 * 1024 };

static const char folder[] = "/sys/kernel/btf";

/* By how much a module's own ids and string offsets move. */
struct shift {
    uint32_t first_id, id_by;
    uint32_t first_string, string_by;
};

static void move_id(const struct shift *shift, __u32 *id)
{
    if (*id >= shift->first_id)
        *id += shift->id_by;
}

static void move_string(const struct shift *shift, __u32 *offset)
{
    if (*offset >= shift->first_string)
        *offset += shift->string_by;
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
    struct dirent *entry;
    int added = 0;

    while (modules && added >= 0 && (entry = readdir(modules))) {
        struct lbpf_kernel_btf module;
        struct shift shift = base;

        if (!open_module(btf, entry->d_name, &module))
            continue;
        shift.id_by = btf->count - base.first_id;
        shift.string_by = btf->strings_size - base.first_string;
        if (defines_one(&module, base.first_string, names))
            added = append(btf, &module, &shift) ? -ENOMEM : added + 1;
        lbpf_kernel_btf_close(&module);
    }
    if (modules)
        closedir(modules);
    btf->module_count = added > 0 ? added : 0;
    return added;
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
