/*
 * Looking at what was compiled: a function's instructions, the layout of a table. What becomes text
 * of them is bpf/disassemble.lua's work; the layout is written here, where the types are.
 */
#include "bpf.h"
#include "class.h"

#include "args.h"
#include "errors.h"
#include "scratch.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_LIMIT = 32 };

/* b:dump_func(fn_name): the instructions as a string, 8 bytes each. */
static int bpf_dump_func(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    const char *name = luaL_checkstring(L, 2);
    struct lbpf_error error = {0};
    struct lbpf_buffer *bytes = lbpf_scratch_push(L);

    if (lbpf_object_instructions(lbpf_session_object(bpf->session), name, bytes, &error) < 0)
        return lbpf_raise(L, &error);
    lua_pushlstring(L, lbpf_buffer_string(bytes), bytes->size);
    lbpf_buffer_free(bytes);
    return 1;
}

/* BPF.helper_name(number): "bpf_map_lookup_elem" for 1, or nil. */
static int bpf_helper_name(lua_State *L)
{
    lua_Integer number = luaL_checkinteger(L, 1);
    const char *name =
        number > 0 && number < UINT32_MAX ? lbpf_helper_name((uint32_t)number) : NULL;

    if (name)
        lua_pushfstring(L, "bpf_%s", name);
    else
        lua_pushnil(L);
    return 1;
}

/* ---- layouts -------------------------------------------------------------------------------- */

struct layout {
    struct lbpf_buffer *text;
    bool sizes; /* offsets and sizes in front of the members */
};

static void indent(const struct layout *layout, int depth)
{
    lbpf_buffer_printf(layout->text, "%*s", 2 * depth, "");
}

static void write_size(const struct layout *layout, const struct lbpf_member *member,
                       uint32_t bit_offset)
{
    if (!layout->sizes)
        return;
    if (member->bit_size)
        lbpf_buffer_printf(layout->text, "[%u,%u +%u bit] ", bit_offset / 8, bit_offset % 8,
                           member->bit_size);
    else
        lbpf_buffer_printf(layout->text, "[%u +%u] ", bit_offset / 8, member->type->size);
}

static const char *base_name(const struct lbpf_type *type)
{
    switch (type->kind) {
    case LBPF_TYPE_POINTER:
        return "void *";
    case LBPF_TYPE_VOID:
        return "void";
    default:
        return *type->name ? type->name : "int";
    }
}

static void write_members(const struct layout *layout, const struct lbpf_type *record,
                          uint32_t bit_offset, int depth);

/* "int a[4]", "struct { … } b" without what stands before and after. */
static void write_declaration(const struct layout *layout, const struct lbpf_type *type,
                              const char *name, uint32_t bit_offset, int depth)
{
    const struct lbpf_type *base = type;
    const char *blank = *name ? " " : "";

    while (base->kind == LBPF_TYPE_ARRAY)
        base = base->element;
    if (lbpf_type_is_record(base)) {
        lbpf_buffer_append_string(layout->text,
                                  base->kind == LBPF_TYPE_UNION ? "union {\n" : "struct {\n");
        write_members(layout, base, bit_offset, depth + 1);
        indent(layout, depth);
        lbpf_buffer_printf(layout->text, "}%s%s", blank, name);
    } else {
        if (base->kind == LBPF_TYPE_ENUM)
            lbpf_buffer_append_string(layout->text, "enum ");
        lbpf_buffer_printf(layout->text, "%s%s%s", base_name(base),
                           base->kind == LBPF_TYPE_POINTER ? "" : blank, name);
    }
    for (; type->kind == LBPF_TYPE_ARRAY; type = type->element)
        lbpf_buffer_printf(layout->text, "[%u]", type->count);
}

static void write_members(const struct layout *layout, const struct lbpf_type *record,
                          uint32_t bit_offset, int depth)
{
    for (uint32_t i = 0; depth < DEPTH_LIMIT && i < record->member_count; i++) {
        const struct lbpf_member *member = &record->members[i];
        uint32_t at = bit_offset + member->bit_offset;

        indent(layout, depth);
        write_size(layout, member, at);
        write_declaration(layout, member->type, member->name, at, depth);
        if (member->bit_size)
            lbpf_buffer_printf(layout->text, ":%u", member->bit_size);
        lbpf_buffer_append_string(layout->text, ";\n");
    }
}

static void write_part(const struct layout *layout, const struct lbpf_type *type, const char *name,
                       uint32_t size)
{
    if (!type && !size)
        return;
    indent(layout, 1);
    if (type)
        write_declaration(layout, type, name, 0, 1);
    else
        lbpf_buffer_printf(layout->text, "char %s[%u]", name, size);
    lbpf_buffer_append_string(layout->text, ";\n");
}

/* As in BCC: the kernel's names without their prefix. */
static const char *type_name(uint32_t type)
{
    static const char *const names[] = {
        "UNSPEC",
        "HASH",
        "ARRAY",
        "PROG_ARRAY",
        "PERF_EVENT_ARRAY",
        "PERCPU_HASH",
        "PERCPU_ARRAY",
        "STACK_TRACE",
        "CGROUP_ARRAY",
        "LRU_HASH",
        "LRU_PERCPU_HASH",
        "LPM_TRIE",
        "ARRAY_OF_MAPS",
        "HASH_OF_MAPS",
        "DEVMAP",
        "SOCKMAP",
        "CPUMAP",
        "XSKMAP",
        "SOCKHASH",
        "CGROUP_STORAGE",
        "REUSEPORT_SOCKARRAY",
        "PERCPU_CGROUP_STORAGE",
        "QUEUE",
        "STACK",
        "SK_STORAGE",
        "DEVMAP_HASH",
        "STRUCT_OPS",
        "RINGBUF",
        "INODE_STORAGE",
        "TASK_STORAGE",
        "BLOOM_FILTER",
        "USER_RINGBUF",
        "CGRP_STORAGE",
        "ARENA",
    };

    return type < sizeof names / sizeof *names ? names[type] : "<unknown>";
}

static const char *const decode_names[] = {"table_name", "sizeinfo", NULL};
static const struct lbpf_options decode_options = {"decode_table", decode_names};

/* b:decode_table(table_name[, {sizeinfo=}]): the layout of its key and value as C text. */
static int bpf_decode_table(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct layout layout = {0};
    const struct lbpf_map *map;
    const char *name;

    lbpf_args_collect(L, 2, &decode_options);
    name = lbpf_args_string(L, &decode_options, "table_name", "");
    layout.sizes = lbpf_args_boolean(L, &decode_options, "sizeinfo");
    map = lbpf_object_map(lbpf_session_object(bpf->session), name);
    if (!map || !strncmp(name, "__lbpf_", 7))
        return lbpf_misuse(L, "decode_table: the program has no table '%s'", name);
    layout.text = lbpf_scratch_push(L);
    lbpf_buffer_printf(layout.text, "Layout of BPF map %s (type %s, FD %d, ID %u):\n", map->name,
                       type_name(map->type), map->fd, lbpf_map_id(map));
    write_part(&layout, map->key_type, "key", map->key_size);
    write_part(&layout, map->value_type, "value", map->value_size);
    lbpf_scratch_check(L, layout.text);
    lua_pushlstring(L, layout.text->data, layout.text->size - 1); /* without the last newline */
    lbpf_buffer_free(layout.text);
    return 1;
}

void lbpf_inspect_methods(lua_State *L, int methods, int statics)
{
    static const luaL_Reg functions[] = {
        {"dump_func", bpf_dump_func},
        {"decode_table", bpf_decode_table},
        {NULL, NULL},
    };
    static const luaL_Reg class_functions[] = {{"helper_name", bpf_helper_name}, {NULL, NULL}};

    lbpf_class_add(L, methods, functions);
    lbpf_class_add(L, statics, class_functions);
}
