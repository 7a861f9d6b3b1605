/* Map userdata, as the files about maps share it. */
#ifndef LUA_TABLE_H
#define LUA_TABLE_H

#include "bpf.h"
#include "value.h"

#include <stdbool.h>

/* How keys, or leaves, of one map travel. */
struct lbpf_shape {
    const struct lbpf_type *type;     /* NULL: bytes without a known type, a Lua string */
    const struct lbpf_record *record; /* of structs and unions, else NULL */
    uint32_t size;
    bool is_integer; /* at most 8 bytes: no further questions */
    char what[80];   /* "key of table 'counts'" */
};

enum { LBPF_MAP_TYPE_CGRP_STORAGE = 32 }; /* BPF_MAP_TYPE_CGRP_STORAGE, which older headers lack */

/* What a key is for the user, when it is a file descriptor for the kernel. */
enum lbpf_key_object { LBPF_KEY_ITSELF, LBPF_KEY_PROCESS, LBPF_KEY_FILE, LBPF_KEY_CGROUP };

/* Objects that the next operation opens before it and closes after it. */
struct lbpf_table_objects {
    const char *key_path, *leaf_path; /* on the caller's stack; NULL: none */
    lua_Integer process;
};

/* What can be done with a kind of map; see table_kinds.c. */
enum lbpf_table_can {
    LBPF_CAN_GET = 1 << 0,
    LBPF_CAN_SET = 1 << 1,
    LBPF_CAN_DELETE = 1 << 2,
    LBPF_CAN_LIST = 1 << 3,
    LBPF_CAN_PUSH = 1 << 4,
    LBPF_CAN_REDUCE = 1 << 5,
    LBPF_CAN_STACK = 1 << 6,
    LBPF_CAN_PREFIX = 1 << 7,
    LBPF_CAN_PERF = 1 << 8,
    LBPF_CAN_RING = 1 << 9,
};

struct lbpf_table {
    struct lbpf_bpf *bpf;       /* pinned by a user value */
    const struct lbpf_map *map; /* valid while the BPF object is open */
    struct lbpf_shape key, leaf;
    bool is_array; /* indices count from 0, negative ones from the end; every index exists */
    bool is_stack_trace;
    unsigned can; /* enum lbpf_table_can */
    enum lbpf_key_object key_object;
    size_t slot_size;
    unsigned char *key_bytes,
        *leaf_bytes;                    /* scratch behind the struct, for one key and one value */
    struct lbpf_table_objects *objects; /* likewise */
};

/* User values, in this order on the stack after lbpf_table_push_context. */
enum {
    LBPF_TABLE_BPF = 1,
    LBPF_TABLE_TYPES,
    LBPF_TABLE_KEY_METATABLE,
    LBPF_TABLE_LEAF_METATABLE,
    LBPF_TABLE_REDUCER, /* a function, or nil */
    LBPF_TABLE_USER_VALUES = LBPF_TABLE_REDUCER
};

/* Registers the metatable and pushes the method table. */
void lbpf_tables_open(lua_State *L);
/* Each adds methods to the table at index methods, and metamethods to the metatable. */
void lbpf_table_element_methods(lua_State *L, int methods);
void lbpf_table_read_methods(lua_State *L, int methods);
void lbpf_table_reduce_methods(lua_State *L, int methods);
void lbpf_table_text_methods(lua_State *L, int methods);
void lbpf_table_mapping_methods(lua_State *L, int methods);
void lbpf_table_kind_methods(lua_State *L, int methods);
/* Pushes the metatable. */
void lbpf_table_push_metatable(lua_State *L);

/* Pushes the userdata of a map; bpf is the stack index of its BPF object. */
void lbpf_table_push(lua_State *L, int bpf, const struct lbpf_map *map);

/* The same with other types of keys and leaves than the program declares, and with the function at
 * index reducer (0: none) that makes one of the leaves of all CPUs. */
void lbpf_table_push_as(lua_State *L, int bpf, const struct lbpf_map *map,
                        const struct lbpf_type *key, const struct lbpf_type *leaf, int reducer);

/* The table at index, whose BPF object is open. */
struct lbpf_table *lbpf_table_check(lua_State *L, int index);
/* The table at index, or NULL when another value is there. */
struct lbpf_table *lbpf_table_test(lua_State *L, int index);

/* What can be done with maps of this kind: a set of enum lbpf_table_can. */
unsigned lbpf_table_abilities(const struct lbpf_map *map);
/* Raises, and says what the table has instead of the method, unless it can do all of needs. */
void lbpf_table_require(lua_State *L, const struct lbpf_table *table, unsigned needs,
                        const char *method);

/* Pushes an array of what a queue or stack gives until it is empty, at most as many as it has room
 * for. Returns 1. */
int lbpf_table_pop_values(lua_State *L, const struct lbpf_table *table, int types);

/* t:pop() of a queue or stack. */
int lbpf_table_pop_first(lua_State *L);

/* Pushes types, the two metatables and the reducer of the table at index 1; returns the stack index
 * of types. */
int lbpf_table_push_context(lua_State *L);

/* Push a key, or a value (for per-CPU maps an array of leaves); types is what push_context gave. */
void lbpf_table_push_key(lua_State *L, const struct lbpf_table *table, int types,
                         const void *bytes);
void lbpf_table_push_value(lua_State *L, const struct lbpf_table *table, int types,
                           const void *bytes);

/* Reads the Lua value at index into table->key_bytes or table->leaf_bytes. */
void lbpf_table_read_key(lua_State *L, const struct lbpf_table *table, int index);
void lbpf_table_read_value(lua_State *L, const struct lbpf_table *table, int index);

/* The same for a leaf that stands for a program, a map or a cgroup, and for a key that stands for a
 * process or a file; false when the table has others. */
bool lbpf_table_read_leaf_object(lua_State *L, const struct lbpf_table *table, int index);
bool lbpf_table_read_key_object(lua_State *L, const struct lbpf_table *table, int index);
enum lbpf_key_object lbpf_table_key_object(const struct lbpf_map *map);

/* A key that is written as an address, "10.0.0.0/8"; false when it is something else. */
bool lbpf_table_read_prefix(lua_State *L, const struct lbpf_table *table, int index);
/* The text of the key in table->key_bytes. */
void lbpf_table_push_prefix(lua_State *L, const struct lbpf_table *table);

/* Looks the key in table->key_bytes up into table->leaf_bytes; false when absent. */
bool lbpf_table_lookup(lua_State *L, const struct lbpf_table *table);
void lbpf_table_update(lua_State *L, const struct lbpf_table *table);
bool lbpf_table_delete(lua_State *L, const struct lbpf_table *table);
/* Whether what is deleted is zeroed, as every index exists. */
bool lbpf_table_can_zero(const struct lbpf_table *table);

#endif
