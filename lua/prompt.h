#ifndef LBPF_LUA_PROMPT_H
#define LBPF_LUA_PROMPT_H

#include <lua.h>

/* Sets module.prompt = {hide=, show=, abandon=}, for bpf.repl. */
void lbpf_prompt_open(lua_State *L, int module);

#endif
