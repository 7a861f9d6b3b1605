/* Kernel symbols, kernel functions, tracepoints: functions that need no BPF object. */
#ifndef LUA_SYMBOLS_H
#define LUA_SYMBOLS_H

#include <lua.h>

/* Adds them to the tables at both indices; as methods they ignore the object they are called on. */
void lbpf_symbols_open(lua_State *L, int methods, int statics);

#endif
