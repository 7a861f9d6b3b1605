/* Growable bytes that the collector frees when an error passes over them. */
#ifndef LUA_SCRATCH_H
#define LUA_SCRATCH_H

#include "lbpf.h"

#include <lua.h>

void lbpf_scratch_open(lua_State *L);

/* Pushes a userdata around an empty buffer. Free the buffer as soon as it is not needed; the
 * collector does it otherwise. */
struct lbpf_buffer *lbpf_scratch_push(lua_State *L);

/* Pushes a userdata of size zeroed bytes, at least one. */
void *lbpf_scratch_push_bytes(lua_State *L, size_t size);

/* Raises when an append failed. */
void lbpf_scratch_check(lua_State *L, const struct lbpf_buffer *buffer);

#endif
