/* Kernel symbols, kernel functions, tracepoints: functions that need no BPF object. */
#ifndef LUA_SYMBOLS_H
#define LUA_SYMBOLS_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

struct lbpf_symbol_format {
    bool show_module, show_offset, demangle;
};

/* Adds them to the tables at both indices; as methods they ignore the object they are called on. */
void lbpf_symbols_open(lua_State *L, int methods, int statics);

/* Pushes the kernel symbol of an address, as BPF.ksym gives it. */
void lbpf_symbols_push_kernel(lua_State *L, uint64_t address,
                              const struct lbpf_symbol_format *format);
/* Pushes name or nil, offset, module or nil. Returns 3. */
int lbpf_symbols_resolve_kernel(lua_State *L, uint64_t address);
/* Pushes the address of a kernel symbol, or nil. Returns 1. */
int lbpf_symbols_lookup_kernel(lua_State *L, const char *name);
/* Drops the table of kernel symbols. */
void lbpf_symbols_forget_kernel(lua_State *L);

#endif
