/*
 * Arguments that come as Python's keyword arguments would: one table of named options, positional
 * values, or positional values and a trailing table.
 */
#ifndef LUA_ARGS_H
#define LUA_ARGS_H

#include <lua.h>
#include <stdbool.h>
#include <sys/types.h>

/* What a function takes. names are in positional order and end with NULL. */
struct lbpf_options {
    const char *function;     /* for messages: "attach_kprobe" */
    const char *const *names; /* ends with NULL */
};

/*
 * Turns the arguments from index first on into one table of options, which is left on top of the
 * stack, alone above the arguments before first. A table as only argument is taken as it is; a
 * trailing table adds to positional values. Unknown names raise and name the nearest known one.
 */
void lbpf_args_collect(lua_State *L, int first, const struct lbpf_options *options);

/* One option from the table on top of the stack. Strings stay valid as long as that table. A wrong
 * type raises and names the option. */
const char *lbpf_args_string(lua_State *L, const struct lbpf_options *options, const char *name,
                             const char *fallback);
lua_Integer lbpf_args_integer(lua_State *L, const struct lbpf_options *options, const char *name,
                              lua_Integer fallback);
/* Must be there and not empty, or in the range; else it raises. */
const char *lbpf_args_required(lua_State *L, const struct lbpf_options *options, const char *name);
lua_Integer lbpf_args_in_range(lua_State *L, const struct lbpf_options *options, const char *name,
                               lua_Integer fallback, lua_Integer low, lua_Integer high);
bool lbpf_args_boolean(lua_State *L, const struct lbpf_options *options, const char *name);
/* The index of the network device that an option names, or 0 without it. */
unsigned lbpf_args_device(lua_State *L, const struct lbpf_options *options, const char *name);
/* Pushes the function, or nil when the option is absent. */
void lbpf_args_push_function(lua_State *L, const struct lbpf_options *options, const char *name);
bool lbpf_args_has(lua_State *L, const char *name);

/* Raises "… 'wanted' …; did you mean 'x'?" The candidates are the string keys of the tables at the
 * given indices, each 0 to be left out. Never returns. */
int lbpf_args_unknown(lua_State *L, const char *text, const char *wanted, int candidates,
                      int more_candidates);

/* A timeout in ms: nil, absent or negative is -1, for ever. */
int lbpf_args_timeout(lua_State *L, int index);

/* pid as the kernel's type; raises when no process can have the number. */
pid_t lbpf_args_pid(lua_State *L, lua_Integer pid);

#endif
