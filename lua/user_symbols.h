/* User symbols: functions that need no BPF object, and SymbolCache. */
#ifndef LUA_USER_SYMBOLS_H
#define LUA_USER_SYMBOLS_H

#include <lua.h>

/* Adds the functions to the tables at methods and statics, and SymbolCache's to that of all
 * methods. */
void lbpf_user_symbols_open(lua_State *L, int methods, int statics, int all_methods);

/* user_functions.c: what lies in files. */
void lbpf_user_functions_open(lua_State *L, int methods, int statics);

#endif
