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

struct lbpf_table {
    struct lbpf_bpf *bpf;       /* pinned by a user value */
    const struct lbpf_map *map; /* valid while the BPF object is open */
    struct lbpf_shape key, leaf;
    bool is_array; /* indices count from 0, negative ones from the end; every index exists */
    bool is_stack_trace;
    size_t slot_size;
    unsigned char *key_bytes,
        *leaf_bytes; /* scratch behind the struct, for one key and one value */
};

/* User values, in this order on the stack after lbpf_table_push_context. */
enum {
    LBPF_TABLE_BPF = 1,
    LBPF_TABLE_TYPES,
    LBPF_TABLE_KEY_METATABLE,
    LBPF_TABLE_LEAF_METATABLE,
    LBPF_TABLE_USER_VALUES = LBPF_TABLE_LEAF_METATABLE
};

/* Registers the metatable and pushes the method table. */
void lbpf_tables_open(lua_State *L);
void lbpf_table_read_methods(lua_State *L, int methods);
void lbpf_table_kind_methods(lua_State *L, int methods);
/* Pushes the metatable. */
void lbpf_table_push_metatable(lua_State *L);

/* Pushes the userdata of a map; bpf is the stack index of its BPF object. */
void lbpf_table_push(lua_State *L, int bpf, const struct lbpf_map *map);

/* The table at index, whose BPF object is open. */
struct lbpf_table *lbpf_table_check(lua_State *L, int index);
/* The table at index, or NULL when another value is there. */
struct lbpf_table *lbpf_table_test(lua_State *L, int index);

/* Pushes types and the two metatables of the table at index 1; returns the stack index of types. */
int lbpf_table_push_context(lua_State *L);

/* Push a key, or a value (for per-CPU maps an array of leaves); types is what push_context gave. */
void lbpf_table_push_key(lua_State *L, const struct lbpf_table *table, int types,
                         const void *bytes);
void lbpf_table_push_value(lua_State *L, const struct lbpf_table *table, int types,
                           const void *bytes);

/* Reads the Lua value at index into table->key_bytes or table->leaf_bytes. */
void lbpf_table_read_key(lua_State *L, const struct lbpf_table *table, int index);
void lbpf_table_read_value(lua_State *L, const struct lbpf_table *table, int index);

/* The same for leaves that stand for a program or a map; false when the table has others. */
bool lbpf_table_read_descriptor(lua_State *L, const struct lbpf_table *table, int index);

/* Looks the key in table->key_bytes up into table->leaf_bytes; false when absent. */
bool lbpf_table_lookup(lua_State *L, const struct lbpf_table *table);
void lbpf_table_update(lua_State *L, const struct lbpf_table *table);
bool lbpf_table_delete(lua_State *L, const struct lbpf_table *table);

#endif
