/* What a BPF iterator writes, read as lines or as a whole. */
#ifndef LUA_ITERATOR_H
#define LUA_ITERATOR_H

#include "lbpf.h"

#include <lua.h>

/* Registers the metatable, adds methods to the table at index methods, and pushes the iterator's
 * method table. */
void lbpf_iterators_open(lua_State *L, int methods);

/* link:iter([{raw=}]) for an open link. */
int lbpf_iterator_of_link(lua_State *L, const struct lbpf_link *link);

#endif
