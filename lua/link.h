/* What attach_* returns. The session owns the link: collecting the userdata detaches nothing. */
#ifndef LUA_LINK_H
#define LUA_LINK_H

#include "bpf.h"

/* Registers the metatable and pushes the method table. */
void lbpf_links_open(lua_State *L);

/* Pushes the userdata; bpf is the stack index of its BPF object. */
void lbpf_link_push(lua_State *L, int bpf, struct lbpf_link *link);

#endif
