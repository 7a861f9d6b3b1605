#include "source.h"

#include "args.h"
#include "errors.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCRIPT_LIMIT = 1 << 20, SOURCE_LIMIT = 16 << 20, CFLAG_LIMIT = 1024 };

static const char fallback_name[] = "text.c";

/* 0 or -errno. Only regular files: a FIFO would block the script for ever. */
static int read_regular(const char *path, size_t limit, struct lbpf_buffer *content)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    int result;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &status))
        result = -errno;
    else if (!S_ISREG(status.st_mode))
        result = S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
    else
        result = lbpf_buffer_read_fd(content, fd, limit);
    close(fd);
    return result;
}

static int cannot_read(lua_State *L, const char *path, int result)
{
    struct lbpf_error error = {0};

    if (result == -ENOENT || result == -ENOTDIR)
        lbpf_error_set(&error, -result, "read", "Could not find file %s", path);
    else if (result == -EINVAL)
        lbpf_error_set(&error, EINVAL, "read", "Could not read %s: not a regular file", path);
    else
        lbpf_error_set(&error, -result, "read", "Could not read %s: %s", path, strerror(-result));
    return lbpf_raise(L, &error);
}

void lbpf_source_read_file(lua_State *L, const char *path, size_t limit,
                           struct lbpf_buffer *content)
{
    int result = read_regular(path, limit, content);

    if (result)
        cannot_read(L, path, result);
}

/* Pushes the path of name in the script's folder, or returns NULL. */
static const char *push_path_beside_script(lua_State *L, const char *name)
{
    const char *script, *slash;

    if (name[0] == '/' || lua_getglobal(L, "arg") != LUA_TTABLE ||
        lua_rawgeti(L, -1, 0) != LUA_TSTRING)
        return NULL;
    script = lua_tostring(L, -1);
    slash = strrchr(script, '/');
    if (!slash)
        return NULL;
    lua_pushlstring(L, script, (size_t)(slash - script) + 1);
    lua_pushstring(L, name);
    lua_concat(L, 2);
    return lua_tostring(L, -1);
}

void lbpf_source_read(lua_State *L, const char *name, struct lbpf_buffer *content)
{
    int top = lua_gettop(L), result = read_regular(name, SOURCE_LIMIT, content);
    const char *beside;

    if (result == -ENOENT && (beside = push_path_beside_script(L, name)) != NULL)
        result = read_regular(beside, SOURCE_LIMIT, content);
    lua_settop(L, top);
    if (result)
        cannot_read(L, name, result);
}

/* A name that can stand in a #line directive and in a diagnostic without being taken for something
 * else. */
static bool is_plain_name(const char *name)
{
    size_t size = strlen(name);

    if (size == 0 || size > 200)
        return false;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == '"' || name[i] == '\\' || name[i] == 0x7f)
            return false;
    return true;
}

/* Pushes the file of the nearest Lua function that came from one; NULL if there is none. */
static const char *push_caller_file(lua_State *L)
{
    lua_Debug frame;

    for (int level = 1; lua_getstack(L, level, &frame); level++) {
        lua_getinfo(L, "Sl", &frame);
        if (frame.currentline > 0)
            return frame.source[0] == '@' ? lua_pushstring(L, frame.source + 1) : NULL;
    }
    return NULL;
}

static unsigned count_lines(const char *from, const char *to)
{
    unsigned lines = 0;

    while (from < to && (from = memchr(from, '\n', (size_t)(to - from))) != NULL) {
        from++;
        lines++;
    }
    return lines;
}

const char *lbpf_source_locate(lua_State *L, const char *text, size_t size, unsigned *first_line)
{
    const char *file = push_caller_file(L), *at, *end;
    struct lbpf_buffer *script;

    *first_line = 1;
    if (!file)
        return lua_pushstring(L, fallback_name);
    script = lbpf_scratch_push(L);
    if (size && is_plain_name(file) && !read_regular(file, SCRIPT_LIMIT, script) && script->data) {
        end = script->data + script->size;
        at = memmem(script->data, script->size, text, size);
        if (at && !memmem(at + 1, (size_t)(end - at) - 1, text, size))
            *first_line = 1 + count_lines(script->data, at);
        else
            file = NULL;
    } else {
        file = NULL;
    }
    lbpf_buffer_free(script);
    lua_pop(L, 1);
    if (file)
        return file;
    lua_pop(L, 1);
    return lua_pushstring(L, fallback_name);
}

/* The array lies in a userdata that is left on the stack, the strings in the option's table. */
static void read_cflags(lua_State *L, const struct lbpf_options *options,
                        struct lbpf_source *source)
{
    const char **flags;
    lua_Integer count;
    int list;

    lua_getfield(L, -1, "cflags");
    if (lua_isnil(L, -1))
        return;
    if (!lua_istable(L, -1))
        lbpf_misuse(L, "%s: option 'cflags' must be a list of strings, not %s", options->function,
                    luaL_typename(L, -1));
    list = lua_gettop(L);
    count = (lua_Integer)lua_rawlen(L, list);
    if (count > CFLAG_LIMIT)
        lbpf_misuse(L, "%s: option 'cflags' is too long", options->function);
    flags = lbpf_scratch_push_bytes(L, (size_t)count * sizeof *flags);
    for (lua_Integer i = 0; i < count; i++) {
        if (lua_rawgeti(L, list, i + 1) != LUA_TSTRING)
            lbpf_misuse(L, "%s: option 'cflags' must be a list of strings", options->function);
        flags[i] = lua_tostring(L, -1); /* held by the list */
        lua_pop(L, 1);
    }
    source->cflags = flags;
    source->cflag_count = (size_t)count;
}

/* headers = "/lib/modules/6.1.0/build", or true for the running kernel's. */
static void read_headers(lua_State *L, const struct lbpf_options *options,
                         struct lbpf_source *source)
{
    lua_getfield(L, -1, "headers");
    if (!lua_isboolean(L, -1)) {
        lua_pop(L, 1);
        source->headers = lbpf_args_string(L, options, "headers", NULL);
        return;
    }
    source->headers = lua_toboolean(L, -1) ? "" : NULL;
    lua_pop(L, 1);
}

void lbpf_source_from_options(lua_State *L, const struct lbpf_options *options,
                              struct lbpf_source *source)
{
    int table = lua_gettop(L);

    if (lbpf_args_has(L, "text")) {
        lua_getfield(L, table, "text");
        if (lua_type(L, -1) != LUA_TSTRING)
            lbpf_misuse(L, "%s: option 'text' must be a string, not %s", options->function,
                        luaL_typename(L, -1));
        source->text = lua_tolstring(L, -1, &source->size);
        source->file_name = lbpf_source_locate(L, source->text, source->size, &source->first_line);
    } else {
        const char *name = lbpf_args_string(L, options, "src_file", NULL);
        struct lbpf_buffer *content = lbpf_scratch_push(L);

        lbpf_source_read(L, name, content);
        source->text = lbpf_buffer_string(content);
        source->size = content->size;
        source->file_name = name;
        source->first_line = 1;
    }
    lua_pushvalue(L, table);
    read_headers(L, options, source);
    read_cflags(L, options, source);
}
