/*
 * Keys and leaves that stand for something that the kernel keeps. They are written as a file
 * descriptor; leaves are read as another number: the id of the program or map. The descriptor of a
 * process, file or cgroup is opened for one operation only, by table_element.c.
 */
#include "errors.h"
#include "table.h"

#include <lauxlib.h>
#include <stdint.h>
#include <string.h>

/* ---- keys ----------------------------------------------------------------------------------- */

enum lbpf_key_object lbpf_table_key_object(const struct lbpf_map *map)
{
    if (map->key_size != sizeof(int))
        return LBPF_KEY_ITSELF;
    switch ((int)map->type) {
    case BPF_MAP_TYPE_TASK_STORAGE:
        return LBPF_KEY_PROCESS;
    case BPF_MAP_TYPE_INODE_STORAGE:
        return LBPF_KEY_FILE;
    case LBPF_MAP_TYPE_CGRP_STORAGE:
        return LBPF_KEY_CGROUP;
    default:
        return LBPF_KEY_ITSELF;
    }
}

bool lbpf_table_read_key_object(lua_State *L, const struct lbpf_table *table, int index)
{
    static const char *const wanted[] = {
        [LBPF_KEY_PROCESS] = "the id of a process",
        [LBPF_KEY_FILE] = "the path of a file or a file descriptor",
        [LBPF_KEY_CGROUP] = "the path of a cgroup or a file descriptor",
    };
    bool takes_path = table->key_object == LBPF_KEY_FILE || table->key_object == LBPF_KEY_CGROUP;
    int is_integer = 0;
    lua_Integer number = -1;

    if (table->key_object == LBPF_KEY_ITSELF)
        return false;
    memset(table->objects, 0, sizeof *table->objects);
    if (takes_path && lua_type(L, index) == LUA_TSTRING) {
        table->objects->key_path = lua_tostring(L, index);
        return true;
    }
    if (lua_type(L, index) == LUA_TNUMBER)
        number = lua_tointegerx(L, index, &is_integer);
    if (!is_integer || number < 0 || number > INT32_MAX)
        lbpf_misuse(L, "%s: %s expected, got %s", table->key.what, wanted[table->key_object],
                    luaL_tolstring(L, index, NULL));
    table->objects->process = number;
    memcpy(table->key_bytes, &(int){(int)number}, sizeof(int));
    return true;
}

/* ---- leaves --------------------------------------------------------------------------------- */

/* What a leaf stands for, in words; NULL when it is just a value. */
static const char *leaf_object(enum bpf_map_type type)
{
    switch (type) {
    case BPF_MAP_TYPE_PROG_ARRAY:
        return "a function that b:load_func gives";
    case BPF_MAP_TYPE_ARRAY_OF_MAPS:
    case BPF_MAP_TYPE_HASH_OF_MAPS:
        return "a table of a BPF object";
    case BPF_MAP_TYPE_CGROUP_ARRAY:
        return "the path of a cgroup";
    default:
        return NULL;
    }
}

bool lbpf_table_read_leaf_object(lua_State *L, const struct lbpf_table *table, int index)
{
    const char *wanted = leaf_object(table->map->type);
    bool takes_program = table->map->type == BPF_MAP_TYPE_PROG_ARRAY;
    bool takes_path = table->map->type == BPF_MAP_TYPE_CGROUP_ARRAY;
    const struct lbpf_table *inner = lbpf_table_test(L, index);
    int is_integer = 0;
    lua_Integer fd = -1;

    if (!wanted || table->map->value_size != sizeof(uint32_t))
        return false;
    table->objects->leaf_path = NULL;
    if (takes_path && lua_type(L, index) == LUA_TSTRING) {
        table->objects->leaf_path = lua_tostring(L, index);
        return true;
    }
    if (inner && !takes_program && !takes_path) {
        fd = lbpf_table_check(L, index)->map->fd;
        is_integer = 1;
    } else if (lua_istable(L, index) && takes_program) {
        lua_getfield(L, index, "fd");
        fd = lua_tointegerx(L, -1, &is_integer);
        lua_pop(L, 1);
    } else if (lua_type(L, index) == LUA_TNUMBER) {
        fd = lua_tointegerx(L, index, &is_integer);
    }
    if (!is_integer || fd < 0 || fd > INT32_MAX)
        lbpf_misuse(L, "%s: %s or a file descriptor expected, got %s", table->leaf.what, wanted,
                    luaL_typename(L, index));
    memcpy(table->leaf_bytes, &(uint32_t){(uint32_t)fd}, sizeof(uint32_t));
    return true;
}
