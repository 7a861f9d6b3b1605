/* What the methods that attach and detach share. */
#ifndef LUA_ATTACH_H
#define LUA_ATTACH_H

#include "bpf.h"

/* Pushes the link that a lbpf_session_attach_* gave, or raises. The BPF object is at index 1. */
int lbpf_attach_give_link(lua_State *L, struct lbpf_bpf *bpf, int result, struct lbpf_link *link,
                          struct lbpf_error *error);
/* Pushes how many lbpf_session_detach closed, or raises. */
int lbpf_attach_give_detached(lua_State *L, int result, struct lbpf_error *error);

#endif
