#include "compile/kernel_query.h"

#include "compile/kernel_btf.h"
#include "compile/module_btf.h"

#include <string.h>

enum { DEPTH_LIMIT = 16 };

typedef int (*lbpf_query)(const struct lbpf_kernel_btf *btf, const char *name, const char *part);

static bool has_name(const struct lbpf_kernel_btf *btf, uint32_t offset, const char *name)
{
    return !strcmp(lbpf_kernel_btf_string(btf, offset), name);
}

static bool has_member(const struct lbpf_kernel_btf *btf, uint32_t id, const char *field, int depth)
{
    const struct btf_type *type = lbpf_kernel_btf_type(btf, lbpf_kernel_btf_strip(btf, id));
    const struct btf_member *members = lbpf_btf_members(type);

    if (!lbpf_btf_is_aggregate(type) || depth == DEPTH_LIMIT)
        return false;
    for (uint32_t i = 0; i < lbpf_btf_vlen(type); i++)
        if (members[i].name_off ? has_name(btf, members[i].name_off, field)
                                : has_member(btf, members[i].type, field, depth + 1))
            return true;
    return false;
}

/* Names are not unique: drivers have structures of their own. One that has the member will do. */
static int ask_struct(const struct lbpf_kernel_btf *btf, const char *name, const char *field)
{
    int answer = -1;

    for (uint32_t id = 1; id < btf->count && answer != 1; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(btf, id);

        if (lbpf_btf_is_aggregate(type) && type->name_off && has_name(btf, type->name_off, name))
            answer = has_member(btf, id, field, 0);
    }
    return answer;
}

static bool has_enumerator(const struct lbpf_kernel_btf *btf, const struct btf_type *type,
                           const char *enumerator)
{
    const struct btf_enum *small = (const void *)(type + 1);
    const struct btf_enum64 *large = (const void *)(type + 1);
    bool wide = lbpf_btf_kind(type) == BTF_KIND_ENUM64;

    for (uint32_t i = 0; i < lbpf_btf_vlen(type); i++)
        if (has_name(btf, wide ? large[i].name_off : small[i].name_off, enumerator))
            return true;
    return false;
}

static int ask_enum(const struct lbpf_kernel_btf *btf, const char *name, const char *enumerator)
{
    int answer = -1;

    for (uint32_t id = 1; id < btf->count && answer != 1; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(btf, id);

        if (lbpf_btf_is_enum(type) && has_name(btf, type->name_off, name))
            answer = has_enumerator(btf, type, enumerator);
    }
    return answer;
}

/* The kernel's own types first; the modules' only when these know no such name. */
static int ask(lbpf_query query, const char *name, const char *part)
{
    struct lbpf_strmap tags = {0};
    struct lbpf_error error = {0};
    struct lbpf_kernel_btf btf;
    int answer = -1;

    if (!lbpf_kernel_btf_open(&btf, NULL, &error)) {
        answer = query(&btf, name, part);
        if (answer < 0 && *name && !lbpf_strmap_set(&tags, name, strlen(name), 0) &&
            lbpf_module_btf_add(&btf, &tags) > 0)
            answer = query(&btf, name, part);
        lbpf_kernel_btf_close(&btf);
    }
    lbpf_strmap_free(&tags);
    lbpf_error_clear(&error);
    return answer;
}

int lbpf_kernel_struct_has_field(const char *name, const char *field)
{
    return ask(ask_struct, name, field);
}

int lbpf_kernel_enum_has_value(const char *name, const char *enumerator)
{
    return ask(ask_enum, name, enumerator);
}
