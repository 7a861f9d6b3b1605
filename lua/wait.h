#ifndef LBPF_LUA_WAIT_H
#define LBPF_LUA_WAIT_H

#include <lua.h>

/* bpf.wait(sources[, seconds]): an array of those that are readable. */
int lbpf_wait_for_sources(lua_State *L);

#endif
