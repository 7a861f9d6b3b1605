/* What the files about struct values share. */
#ifndef LUA_VALUE_PRIVATE_H
#define LUA_VALUE_PRIVATE_H

#include "value.h"

#include <lauxlib.h>
#include <stdbool.h>

/* One named member; those of anonymous structs and unions count as the outer one's. */
struct lbpf_field {
    const char *name;
    const struct lbpf_type *type;
    uint32_t bit_offset, bit_size;
    bool is_integer; /* decoded without further questions */
};

/* A struct or union type; an array type without fields. */
struct lbpf_record {
    const struct lbpf_type *type;
    uint32_t field_count;
    struct lbpf_field fields[];
};

struct lbpf_view {
    const struct lbpf_record *record; /* first: identifies the type of the userdata */
    unsigned char *bytes; /* behind this struct when owned; NULL while a view shows nothing */
    const struct lbpf_lifetime *lifetime; /* NULL when the bytes are owned */
    uint64_t generation;
    uint32_t size; /* of the bytes; an event's may be larger than its type */
    bool read_only;
};

/* Upvalues of the metamethods of a type: its fields' positions and methods by name, its record, the
 * types userdata. */
enum { LBPF_VALUE_FIELDS = 1, LBPF_VALUE_RECORD, LBPF_VALUE_TYPES };
#define LBPF_VALUE_UPVALUES LBPF_VALUE_TYPES

/* Where a value lies in the one that the user named, for messages. */
struct lbpf_path {
    const struct lbpf_path *parent; /* NULL at the outermost value */
    const char *name;               /* field, or what the outermost value is */
    uint32_t index;                 /* element, when name is NULL */
};

/* The struct value or array at index if it is one of any type, else NULL; alive or not. */
struct lbpf_view *lbpf_value_any(lua_State *L, int index, const struct lbpf_type **type);

/* In metamethods: the value at index 1, of the metamethod's own type and alive. */
struct lbpf_view *lbpf_value_check_self(lua_State *L);

/* Raises when the value is an event's. */
void lbpf_value_check_writable(lua_State *L, const struct lbpf_view *view);

/* __pairs with a function that has the same upvalues. */
int lbpf_value_push_walk(lua_State *L, lua_CFunction next);

/* What arrays have instead of a struct's metamethods. */
extern const luaL_Reg lbpf_array_metamethods[];

/* How many elements an array has; of a flexible one those that were sent. */
uint32_t lbpf_array_count(const struct lbpf_view *array);

/* Pushes a struct value or array that borrows its bytes from the one at index parent. */
void lbpf_value_push_nested(lua_State *L, int types, const struct lbpf_type *type,
                            unsigned char *bytes, uint32_t size, int parent);

/* Pushes a struct value that owns a copy of all that the view shows. */
void lbpf_value_push_copy(lua_State *L, int metatable, const struct lbpf_view *view);

/* The metamethods, and the table of methods, of struct values and arrays. */
int lbpf_value_eq(lua_State *L);
int lbpf_value_tostring(lua_State *L);
void lbpf_value_push_methods(lua_State *L);

/* Raises when the view's event is over. */
void lbpf_value_check_alive(lua_State *L, const struct lbpf_view *view);

/* Pushes one member or element. parent is the stack index of the struct value that it lies in and
 * that nested structs and arrays borrow from, or 0: they are copies, and arrays plain tables. */
void lbpf_value_push_part(lua_State *L, int types, const struct lbpf_type *type, const void *base,
                          uint32_t bit_offset, uint32_t bit_size, int parent);

/* Pushes an array that has size bytes, more than its type when it is flexible; one of char as
 * string. */
void lbpf_value_push_array(lua_State *L, int types, const struct lbpf_type *type,
                           unsigned char *bytes, uint32_t size, int parent);

/* Stores the Lua value at index into one member or element. */
void lbpf_value_read_part(lua_State *L, int index, const struct lbpf_type *type, void *base,
                          uint32_t bit_offset, uint32_t bit_size, const struct lbpf_path *path);

/* Whether two values of a type mean the same: padding and what follows a string's NUL do not count.
 */
bool lbpf_value_is_equal(const struct lbpf_view *a, const struct lbpf_view *b);

/* Appends the value as text: {pid=1, comm="x"}. */
void lbpf_value_describe(struct lbpf_buffer *text, const struct lbpf_view *view);

/* What C calls the type, for messages: struct pair, int[2][3]. */
void lbpf_value_name_type(char *name, size_t size, const struct lbpf_type *type);

/* Raises that the type has no such field, and names the nearest one. */
int lbpf_value_unknown_field(lua_State *L, const struct lbpf_type *type, const char *name);

#endif
