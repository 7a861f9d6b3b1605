/*
 * C values in Lua. Scalars become Lua integers, numbers and booleans, char arrays strings, other
 * arrays tables, structs and unions struct values: userdata that decode a field when it is read. A
 * struct value owns its bytes, or borrows them: from the struct value it lies in, or, as an event
 * view, from a buffer whose record ends with the callback.
 *
 * `types` arguments are the stack index of a types userdata (lbpf_types_push), which keeps the C
 * types alive for as long as any value needs them, also after the session closed.
 */
#ifndef LUA_VALUE_H
#define LUA_VALUE_H

#include "lbpf.h"

#include <lua.h>

/* Counts the lives of a borrowed memory block: a view is alive while its number is the block's. */
struct lbpf_lifetime {
    uint64_t generation;
};

/* Registers the metatable of types userdata, and leaves the table of struct values' methods on the
 * stack. */
void lbpf_values_open(lua_State *L);

/* Pushes a userdata that holds the set. */
void lbpf_types_push(lua_State *L, struct lbpf_types *types);

/* Pushes the metatable of struct values of this struct or union type. Its record lives as long. */
struct lbpf_record;
const struct lbpf_record *lbpf_value_push_metatable(lua_State *L, int types,
                                                    const struct lbpf_type *type);

/* Pushes a struct value that owns a copy of bytes (NULL: zeros). metatable is the stack index of
 * the record's metatable: found once, it serves any number of values. */
void lbpf_value_push_record(lua_State *L, int metatable, const struct lbpf_record *record,
                            const void *bytes);

/* Pushes any value, copied out of bytes. Integers of 16 bytes become strings of 16 bytes. */
void lbpf_value_push(lua_State *L, int types, const struct lbpf_type *type, const void *bytes);

/* The same for an event of size bytes, at least those of its type: a flexible array has the rest.
 */
void lbpf_value_push_event(lua_State *L, int types, const struct lbpf_type *type, const void *bytes,
                           uint32_t size);

/*
 * Pushes an event view without bytes. lbpf_view_point makes it show a record until the lifetime's
 * generation moves on. The lifetime's memory must outlive the view: its owner, at stack index
 * owner, is pinned.
 */
struct lbpf_view;
struct lbpf_view *lbpf_view_push(lua_State *L, int types, const struct lbpf_type *type,
                                 const struct lbpf_lifetime *lifetime, int owner);
void lbpf_view_point(struct lbpf_view *view, const void *bytes, uint32_t size);

/* The bytes of the struct value at index, or NULL when it is none. Raises when it is a view whose
 * event is over. */
const void *lbpf_value_bytes(lua_State *L, int index, const struct lbpf_type **type,
                             uint32_t *size);

/*
 * Stores the Lua value at index into bytes (type->size of them, zeroed by the caller). Whatever
 * does not fit raises an error that starts with what ("key of table 'counts'") and names the field.
 */
void lbpf_value_read(lua_State *L, int index, const struct lbpf_type *type, void *bytes,
                     const char *what);

#endif
