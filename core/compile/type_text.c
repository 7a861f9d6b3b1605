/*
 * The order of definitions. What a type needs is written before it: by-value parts
 * in full, structures behind pointers as "struct x;". The program reads the text before its own
 * first line, so macros of the program cannot change it.
 */
#include "compile/type_text.h"

#include "base/array.h"
#include "compile/portable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_LIMIT = 256 };

int lbpf_type_text_init(struct lbpf_type_text *text, const struct lbpf_kernel_btf *btf,
                        const struct lbpf_identifiers *identifiers, struct lbpf_buffer *out)
{
    memset(text, 0, sizeof *text);
    text->btf = btf;
    text->identifiers = identifiers;
    text->out = out;
    text->infos = calloc(btf->count ? btf->count : 1, sizeof *text->infos);
    return text->infos ? 0 : -ENOMEM;
}

void lbpf_type_text_free(struct lbpf_type_text *text)
{
    free(text->infos);
    free(text->aggregates);
    lbpf_idmap_free(&text->tags);
    lbpf_idmap_free(&text->names);
    memset(text, 0, sizeof *text);
}

static const struct btf_array *array_of(const struct btf_type *type)
{
    return (const struct btf_array *)(type + 1);
}

static void require_members(struct lbpf_type_text *text, const struct btf_type *type)
{
    const struct btf_member *members = lbpf_btf_members(type);

    for (uint32_t i = 0; i < lbpf_btf_vlen(type); i++)
        lbpf_type_text_require(text, members[i].type, true);
}

static void note_aggregate(struct lbpf_type_text *text, uint32_t id)
{
    uint32_t *grown = lbpf_array_grow(text->aggregates, text->aggregate_count,
                                      &text->aggregate_capacity, sizeof *grown);

    if (!grown) {
        text->failed = true;
        return;
    }
    text->aggregates = grown;
    text->aggregates[text->aggregate_count++] = id;
}

static void declare_forward(struct lbpf_type_text *text, uint32_t id)
{
    struct lbpf_type_info *info = &text->infos[id];

    if (info->forward || info->state == LBPF_STATE_DONE)
        return;
    info->forward = 1;
    lbpf_type_text_tag(text, text->out, id, true);
    lbpf_buffer_append_string(text->out, ";\n");
}

void lbpf_type_text_define(struct lbpf_type_text *text, uint32_t id)
{
    const struct btf_type *type = lbpf_kernel_btf_type(text->btf, id);
    struct lbpf_type_info *info = &text->infos[id];

    if (info->state != LBPF_STATE_NEW || lbpf_type_text_is_va_list(text, type))
        return;
    info->state = LBPF_STATE_BUSY;
    if (lbpf_btf_kind(type) == BTF_KIND_TYPEDEF) {
        struct lbpf_buffer name = {0};

        lbpf_type_text_require(text, type->type, false);
        lbpf_type_text_typedef_name(text, &name, id);
        lbpf_buffer_append_string(text->out, "typedef ");
        text->whole = true;
        lbpf_type_text_print(text, text->out, type->type, lbpf_buffer_string(&name));
        text->whole = false;
        lbpf_buffer_free(&name);
    } else if (lbpf_btf_is_aggregate(type)) {
        require_members(text, type);
        if (type->name_off)
            lbpf_type_text_tag(text, text->out, id, false);
        else
            lbpf_buffer_append_string(text->out, "struct");
        lbpf_buffer_append_string(text->out, " ");
        lbpf_type_text_print_body(text, text->out, id);
        if (text->relocated && type->name_off &&
            !lbpf_portable_is_fixed(lbpf_kernel_btf_string(text->btf, type->name_off)))
            lbpf_buffer_append_string(text->out, " __attribute__((preserve_access_index))");
        note_aggregate(text, id);
    } else if (lbpf_btf_is_enum(type)) {
        if (type->name_off)
            lbpf_type_text_tag(text, text->out, id, false);
        else
            lbpf_buffer_append_string(text->out, "enum");
        lbpf_buffer_append_string(text->out, " ");
        lbpf_type_text_print_body(text, text->out, id);
    }
    lbpf_buffer_append_string(text->out, ";\n");
    info->state = LBPF_STATE_DONE;
}

static void require_step(struct lbpf_type_text *text, uint32_t id, bool whole)
{
    const struct btf_type *type = lbpf_kernel_btf_type(text->btf, id);
    const struct btf_param *parameters = (const void *)(type + 1);

    switch (lbpf_btf_kind(type)) {
    case BTF_KIND_CONST:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_TYPE_TAG:
        lbpf_type_text_require(text, type->type, whole);
        break;
    case BTF_KIND_PTR:
        lbpf_type_text_require(text, type->type, false);
        break;
    case BTF_KIND_ARRAY:
        lbpf_type_text_require(text, array_of(type)->type, true);
        break;
    case BTF_KIND_FUNC_PROTO:
        lbpf_type_text_require(text, type->type, false);
        for (uint32_t i = 0; i < lbpf_btf_vlen(type); i++)
            lbpf_type_text_require(text, parameters[i].type, false);
        break;
    case BTF_KIND_TYPEDEF:
        if (!lbpf_type_text_is_va_list(text, type))
            lbpf_type_text_define(text, id);
        if (whole || lbpf_type_text_is_va_list(text, type))
            lbpf_type_text_require(text, type->type, whole);
        break;
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        if (!type->name_off)
            require_members(text, type);
        else if (whole)
            lbpf_type_text_define(text, id);
        else
            declare_forward(text, id);
        break;
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
        if (type->name_off)
            lbpf_type_text_define(text, id);
        break;
    case BTF_KIND_FWD:
        declare_forward(text, id);
        break;
    }
}

void lbpf_type_text_require(struct lbpf_type_text *text, uint32_t id, bool whole)
{
    if (!id || id >= text->btf->count)
        return;
    if (text->depth > DEPTH_LIMIT) {
        text->failed = true;
        return;
    }
    text->depth++;
    require_step(text, id, whole);
    text->depth--;
}
