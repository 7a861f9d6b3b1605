/*
 * The line that a person is typing at, out of the way while something else prints. The module
 * lua-readline has no function for it, so these are readline's own, out of the library that
 * lua-readline has loaded; without it nothing happens.
 *
 * lua-readline closes its stream to the terminal before it tells readline to let go of it, and
 * readline then writes to what was freed. So a line that was begun is abandoned here first.
 */
#include "prompt.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int find_readline(struct dl_phdr_info *info, size_t size, void *path)
{
    (void)size;
    if (!strstr(info->dlpi_name, "/libreadline.so"))
        return 0;
    snprintf(path, 4096, "%s", info->dlpi_name);
    return 1;
}

/* readline writes to a stream of its own, which must not lag behind what is printed next. */
static void call_readline(const char *name)
{
    char path[4096];
    void *library, *symbol;
    int (*function)(void);
    FILE **stream;

    if (!dl_iterate_phdr(find_readline, path))
        return;
    library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    if (!library)
        return;
    symbol = dlsym(library, name);
    memcpy(&function, &symbol, sizeof function);
    stream = dlsym(library, "rl_outstream");
    if (function && stream && *stream) {
        function();
        fflush(*stream);
    }
    dlclose(library); /* the one that lua-readline holds stays */
}

static int prompt_hide(lua_State *L)
{
    (void)L;
    call_readline("rl_clear_visible_line");
    return 0;
}

static int prompt_show(lua_State *L)
{
    (void)L;
    call_readline("rl_forced_update_display");
    return 0;
}

static int prompt_abandon(lua_State *L)
{
    (void)L;
    call_readline("rl_callback_handler_remove");
    return 0;
}

void lbpf_prompt_open(lua_State *L, int module)
{
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, prompt_hide);
    lua_setfield(L, -2, "hide");
    lua_pushcfunction(L, prompt_show);
    lua_setfield(L, -2, "show");
    lua_pushcfunction(L, prompt_abandon);
    lua_setfield(L, -2, "abandon");
    lua_setfield(L, module, "prompt");
}
