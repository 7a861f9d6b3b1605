/* What the files about struct values share. */
#ifndef LUA_VALUE_PRIVATE_H
#define LUA_VALUE_PRIVATE_H

#include "value.h"

#include <stdbool.h>

struct lbpf_view {
    const struct lbpf_record *record; /* first: identifies the type of the userdata */
    unsigned char *bytes; /* behind this struct when owned; NULL while a view shows nothing */
    const struct lbpf_lifetime *lifetime; /* NULL when the bytes are owned */
    uint64_t generation;
    uint32_t size; /* of the bytes; an event's may be larger than its type */
    bool read_only;
};

/* Where a value lies in the one that the user named, for messages. */
struct lbpf_path {
    const struct lbpf_path *parent; /* NULL at the outermost value */
    const char *name;               /* field, or what the outermost value is */
    uint32_t index;                 /* element, when name is NULL */
};

/* The struct value at index if it is one of any type, else NULL; alive or not. */
struct lbpf_view *lbpf_value_any(lua_State *L, int index, const struct lbpf_type **type);

/* Pushes a struct value that borrows its bytes from the one at index parent. */
void lbpf_value_push_nested(lua_State *L, int types, const struct lbpf_type *type,
                            unsigned char *bytes, int parent);

/* Pushes a struct value that owns a copy of all that the view shows. */
void lbpf_value_push_copy(lua_State *L, int metatable, const struct lbpf_view *view);

/* The metamethod, and the table of methods, of all struct values. */
int lbpf_value_eq(lua_State *L);
void lbpf_value_push_methods(lua_State *L);

/* Raises when the view's event is over. */
void lbpf_value_check_alive(lua_State *L, const struct lbpf_view *view);

/* Pushes one member or element. parent is the stack index of the struct value that it lies in and
 * that nested struct values borrow from, or 0: they get copies. */
void lbpf_value_push_part(lua_State *L, int types, const struct lbpf_type *type, const void *base,
                          uint32_t bit_offset, uint32_t bit_size, int parent);

/* Stores the Lua value at index into one member or element. */
void lbpf_value_read_part(lua_State *L, int index, const struct lbpf_type *type, void *base,
                          uint32_t bit_offset, uint32_t bit_size, const struct lbpf_path *path);

/* Whether two values of a type mean the same: padding and what follows a string's NUL do not count.
 */
bool lbpf_value_is_equal(const struct lbpf_type *type, const void *a, const void *b);

/* Appends the value as text: {pid=1, comm="x"}. */
void lbpf_value_describe(struct lbpf_buffer *text, const struct lbpf_type *type, const void *bytes);

/* Raises that the type has no such field, and names the nearest one. */
int lbpf_value_unknown_field(lua_State *L, const struct lbpf_type *type, const char *name);

#endif
