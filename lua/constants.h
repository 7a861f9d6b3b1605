/* Numbers that scripts name. */
#ifndef LUA_CONSTANTS_H
#define LUA_CONSTANTS_H

#include <lua.h>

/* DEBUG_* and BPFAttachType into the module at index module; program types, as BPF.KPROBE, into the
 * one at statics. */
void lbpf_constants_set(lua_State *L, int module, int statics);

#endif
