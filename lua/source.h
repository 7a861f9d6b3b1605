/* Where a program's C text comes from, and what it is called in diagnostics. */
#ifndef LUA_SOURCE_H
#define LUA_SOURCE_H

#include "args.h"
#include "lbpf.h"

#include <lua.h>

/* Reads a whole regular file. Raises "Could not find file <name>" or what the file system said. */
void lbpf_source_read_file(lua_State *L, const char *path, size_t limit,
                           struct lbpf_buffer *content);

/*
 * Finds src_file as given, then beside the script (the folder of arg[0]), and reads it. Raises
 * "Could not find file <name>".
 */
void lbpf_source_read(lua_State *L, const char *name, struct lbpf_buffer *content);

/*
 * Looks for text in the file of the nearest Lua function on the stack. If it stands there verbatim,
 * exactly once, pushes the file's name and gives the line where it begins, so that diagnostics name
 * the user's own line. Otherwise (the text was put together at run time) pushes "text.c" and
 * gives 1.
 */
const char *lbpf_source_locate(lua_State *L, const char *text, size_t size, unsigned *first_line);

/* Reads 'text' or 'src_file', one of which is there, and 'cflags' out of the table on top of the
 * stack. What source then points to is held by values that are left on the stack. */
void lbpf_source_from_options(lua_State *L, const struct lbpf_options *options,
                              struct lbpf_source *source);

#endif
