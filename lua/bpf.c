/*
 * The BPF object: from a program's text to a session, and the way to its tables. The userdata is
 * made before anything is opened, so that whatever raises on the way, the collector finds what to
 * close. An object that one of its own callbacks closes is closed when the poll that runs the
 * callback returns.
 */
#include "bpf.h"

#include "args.h"
#include "class.h"
#include "errors.h"
#include "scratch.h"
#include "source.h"
#include "table.h"
#include "usdt.h"
#include "value.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum { OBJECT_LIMIT = 64 << 20, USDT_LIMIT = 1024 };

static const char metatable_name[] = "bpf.BPF";

/* ---- access --------------------------------------------------------------------------------- */

struct lbpf_bpf *lbpf_bpf_test(lua_State *L, int index)
{
    return luaL_testudata(L, index, metatable_name);
}

void lbpf_bpf_check_open(lua_State *L, const struct lbpf_bpf *bpf)
{
    if (!bpf->session || bpf->close_pending)
        lbpf_misuse(L, "the BPF object is closed");
}

struct lbpf_bpf *lbpf_bpf_check(lua_State *L, int index)
{
    struct lbpf_bpf *bpf = luaL_checkudata(L, index, metatable_name);

    lbpf_bpf_check_open(L, bpf);
    return bpf;
}

void lbpf_bpf_finish_close(struct lbpf_bpf *bpf)
{
    lbpf_session_close(bpf->session);
    bpf->session = NULL;
    bpf->close_pending = false;
}

/* Also __gc and __close: silent, and nothing when it is closed. */
static int bpf_close(lua_State *L)
{
    struct lbpf_bpf *bpf = luaL_checkudata(L, 1, metatable_name);

    if (bpf->is_polling)
        bpf->close_pending = true;
    else
        lbpf_bpf_finish_close(bpf);
    return 0;
}

static void print_to_stderr(const char *text)
{
    if (text && *text)
        fputs(text, stderr);
}

void lbpf_bpf_print_load_log(const struct lbpf_bpf *bpf)
{
    if (bpf->debug & (LBPF_DEBUG_BPF | LBPF_DEBUG_BPF_REGISTER_STATE))
        print_to_stderr(lbpf_object_load_log(lbpf_session_object(bpf->session)));
}

/* ---- construction --------------------------------------------------------------------------- */

static const char *const constructor_names[] = {
    "text",         "src_file",      "hdr_file",
    "obj",          "cflags",        "debug",
    "allow_rlimit", "auto_attach",   "cache",
    "mechanism",    "usdt_contexts", "attach_usdt_ignore_pid",
    "headers",      "device",        NULL};
static const struct lbpf_options constructor_options = {"BPF", constructor_names};

/* mechanism="perf": perf outputs are perf buffers also where ring buffers are cheaper. */
static bool wants_perf(lua_State *L)
{
    const char *name = lbpf_args_string(L, &constructor_options, "mechanism", NULL);

    if (name && strcmp(name, "perf") != 0)
        lbpf_misuse(L, "BPF: option 'mechanism' can only be \"perf\", not \"%s\"", name);
    return name != NULL;
}

/* How the script gave the program: exactly one of text, src_file and obj. */
static void read_program(lua_State *L, struct lbpf_session_options *options)
{
    struct lbpf_buffer *content;
    const char *name;

    if (lbpf_args_has(L, "text") + lbpf_args_has(L, "src_file") + lbpf_args_has(L, "obj") != 1)
        lbpf_misuse(L, "BPF: exactly one of 'text', 'src_file' and 'obj' has to be given");
    if (lbpf_args_has(L, "obj")) {
        name = lbpf_args_string(L, &constructor_options, "obj", NULL);
        content = lbpf_scratch_push(L);
        lbpf_source_read_file(L, name, OBJECT_LIMIT, content);
        options->elf = lbpf_buffer_string(content);
        options->elf_size = content->size;
    } else {
        lbpf_source_from_options(L, &constructor_options, &options->source);
    }
}

/* hdr_file: as in BCC, a file that has to be there, and no more. */
static void look_for_header(lua_State *L)
{
    const char *name = lbpf_args_string(L, &constructor_options, "hdr_file", NULL);

    if (!name || !*name)
        return;
    lbpf_source_read(L, name, lbpf_scratch_push(L));
    lua_pop(L, 1);
}

/* The contexts of option usdt_contexts; the array lies in a userdata that is left on the stack, the
 * contexts are held by the option's list, which is left there too. */
static struct lbpf_usdt **read_usdt(lua_State *L, size_t *count)
{
    struct lbpf_usdt **contexts;
    int list;

    *count = 0;
    lua_getfield(L, -1, "usdt_contexts");
    if (lua_isnil(L, -1))
        return NULL;
    if (!lua_istable(L, -1))
        lbpf_misuse(L, "BPF: option 'usdt_contexts' must be a list of USDT objects, not %s",
                    luaL_typename(L, -1));
    list = lua_gettop(L);
    if (lua_rawlen(L, list) > USDT_LIMIT)
        lbpf_misuse(L, "BPF: option 'usdt_contexts' is too long");
    *count = (size_t)lua_rawlen(L, list);
    contexts = lbpf_scratch_push_bytes(L, *count * sizeof(struct lbpf_usdt *));
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        contexts[i] = lbpf_usdt_test(L, -1);
        if (!contexts[i])
            lbpf_misuse(L, "BPF: option 'usdt_contexts' must be a list of open USDT objects");
        lua_pop(L, 1);
    }
    return contexts;
}

/* Attaches what was asked for before the object is the script's. */
static int attach(struct lbpf_session *session, bool by_name, struct lbpf_usdt *const *contexts,
                  size_t count, bool ignore_pid, struct lbpf_error *error)
{
    int result = 0;

    for (size_t i = 0; result == 0 && i < count; i++)
        result = lbpf_session_attach_usdt(session, contexts[i], ignore_pid, error);
    return result == 0 && by_name ? lbpf_session_attach_by_name(session, error) : result;
}

static struct lbpf_bpf *push_husk(lua_State *L)
{
    struct lbpf_bpf *bpf = lua_newuserdatauv(L, sizeof *bpf, LBPF_BPF_USER_VALUES);

    memset(bpf, 0, sizeof *bpf);
    luaL_setmetatable(L, metatable_name);
    lua_newtable(L);
    lua_setiuservalue(L, -2, LBPF_BPF_TABLES);
    lua_newtable(L);
    lua_setiuservalue(L, -2, LBPF_BPF_HANDLERS);
    return bpf;
}

/* BPF{…}: arguments are the BPF table itself (as __call gives it) and the options. */
static int bpf_new(lua_State *L)
{
    struct lbpf_session_options options = {0};
    struct lbpf_error error = {0};
    struct lbpf_bpf *bpf;
    struct lbpf_types *types;
    struct lbpf_usdt **contexts;
    struct lbpf_buffer *readers;
    size_t context_count;
    bool attaches, ignore_pid;
    int husk, result, given;

    lbpf_args_collect(L, 2, &constructor_options);
    given = lua_gettop(L);
    ignore_pid = lbpf_args_boolean(L, &constructor_options, "attach_usdt_ignore_pid");
    lbpf_args_boolean(L, &constructor_options, "allow_rlimit"); /* core raises it where needed */
    attaches = !lbpf_args_has(L, "auto_attach") ||
               lbpf_args_boolean(L, &constructor_options, "auto_attach");
    options.debug = (unsigned)lbpf_args_integer(L, &constructor_options, "debug", 0);
    options.source.debug = options.debug;
    options.source.no_cache =
        lbpf_args_has(L, "cache") && !lbpf_args_boolean(L, &constructor_options, "cache");
    options.source.perf_output = wants_perf(L);
    options.device = lbpf_args_device(L, &constructor_options, "device");
    look_for_header(L);
    read_program(L, &options);
    lua_pushvalue(L, given);
    contexts = read_usdt(L, &context_count);
    readers = lbpf_scratch_push(L);
    if (context_count && lbpf_usdt_readers(contexts, context_count, readers, &error) < 0)
        return lbpf_raise(L, &error);
    options.source.readers = lbpf_buffer_string(readers);
    bpf = push_husk(L);
    husk = lua_gettop(L);
    bpf->debug = options.debug;
    options.dump = lbpf_scratch_push(L);
    result = lbpf_session_open(&bpf->session, &options, &error);
    print_to_stderr(lbpf_buffer_string(options.dump));
    if (result < 0)
        return lbpf_raise(L, &error);
    types = lbpf_object_types(lbpf_session_object(bpf->session));
    if (types)
        lbpf_types_push(L, types);
    else
        lua_pushnil(L);
    lua_setiuservalue(L, husk, LBPF_BPF_TYPES);
    result = attach(bpf->session, attaches, contexts, context_count, ignore_pid, &error);
    if (result < 0) {
        lbpf_bpf_finish_close(bpf);
        return lbpf_raise(L, &error);
    }
    lbpf_session_reap_compiler(bpf->session);
    lbpf_bpf_print_load_log(bpf);
    lua_settop(L, husk);
    return 1;
}

/* ---- tables --------------------------------------------------------------------------------- */

/* Not one of the compiler's (".rodata") or ours. */
static bool is_users(const struct lbpf_map *map)
{
    return map->name[0] != '.' && strncmp(map->name, "__lbpf_", 7) != 0;
}

/* Pushes the table called name of the object at index 1, or returns false. */
static bool push_table(lua_State *L, const struct lbpf_bpf *bpf, const char *name)
{
    const struct lbpf_map *map;

    lua_getiuservalue(L, 1, LBPF_BPF_TABLES);
    if (lua_getfield(L, -1, name) != LUA_TNIL) {
        lua_remove(L, -2);
        return true;
    }
    lua_pop(L, 1);
    map = lbpf_object_map(lbpf_session_object(bpf->session), name);
    if (!map || !strncmp(name, "__lbpf_", 7)) {
        lua_pop(L, 1);
        return false;
    }
    lbpf_table_push(L, 1, map);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name);
    lua_remove(L, -2);
    return true;
}

/* Pushes a table whose keys are the names of the object's tables. */
static void push_table_names(lua_State *L, const struct lbpf_bpf *bpf)
{
    struct lbpf_object *object = lbpf_session_object(bpf->session);

    lua_newtable(L);
    for (size_t i = 0; i < lbpf_object_map_count(object); i++) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, lbpf_object_map_at(object, i)->name);
    }
}

/* The type that an option names, which must have this size; fallback without the option. */
static const struct lbpf_type *type_option(lua_State *L, const struct lbpf_bpf *bpf,
                                           const struct lbpf_options *options, const char *option,
                                           const struct lbpf_type *fallback, uint32_t size)
{
    const char *name = lbpf_args_string(L, options, option, NULL);
    struct lbpf_types *types = lbpf_object_types(lbpf_session_object(bpf->session));
    const struct lbpf_type *type;
    struct lbpf_error error = {0};

    if (!name)
        return fallback;
    if (!types)
        lbpf_misuse(L, "get_table: %s '%s': the object has no types", option, name);
    type = lbpf_types_find(types, name, &error);
    if (!type)
        lbpf_misuse(L, "get_table: %s: %s", option, error.message);
    if (type->size != size)
        lbpf_misuse(L, "get_table: %s: '%s' has %u bytes, and the table's %u", option, name,
                    type->size, size);
    return type;
}

/* b:get_table(name[, {keytype = …, leaftype = …, reducer = …}]): with options a table of its own
 * over the same map. */
static int bpf_get_table(lua_State *L)
{
    static const char *const names[] = {"keytype", "leaftype", "reducer", NULL};
    static const struct lbpf_options options = {"get_table", names};
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    const char *name = luaL_checkstring(L, 2);
    const struct lbpf_type *key, *leaf;
    const struct lbpf_map *map;

    lbpf_args_collect(L, 3, &options);
    if (!push_table(L, bpf, name)) {
        push_table_names(L, bpf);
        return lbpf_args_unknown(L, "the program has no table", name, lua_gettop(L), 0);
    }
    map = lbpf_table_check(L, -1)->map;
    lua_pushvalue(L, 3);
    key = type_option(L, bpf, &options, "keytype", map->key_type, map->key_size);
    leaf = type_option(L, bpf, &options, "leaftype", map->value_type, map->value_size);
    lbpf_args_push_function(L, &options, "reducer");
    if (key == map->key_type && leaf == map->value_type && lua_isnil(L, -1))
        lua_settop(L, 4);
    else
        lbpf_table_push_as(L, 1, map, key, leaf, lua_isnil(L, -1) ? 0 : lua_gettop(L));
    return 1;
}

/*
 * Methods that BCC's object does not have must not hide a table: nearly every program calls its
 * perf output `events`. For these the table wins, and calling it as a method still does what the
 * method does.
 */
static bool yields_to_table(const char *name)
{
    static const char *const names[] = {"events", "lost", "pollfd", "timeout"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

/* b:events() when b.events is a table: arguments are the table and b. Upvalue: methods of BPF
 * objects. */
static int table_call(lua_State *L)
{
    const struct lbpf_table *table = lbpf_table_check(L, 1);

    if (!lbpf_bpf_test(L, 2) || !yields_to_table(table->map->name))
        return lbpf_misuse(L, "table '%s' is no function", table->map->name);
    lua_getfield(L, lua_upvalueindex(1), table->map->name);
    lua_replace(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* b.name: a method, else a table, else a constant such as b.KPROBE. What is none of them raises: a
 * silent nil would only fail later, and further away. Upvalues: methods, statics. */
static int bpf_index(lua_State *L)
{
    struct lbpf_bpf *bpf = luaL_checkudata(L, 1, metatable_name);
    const char *name;

    lua_settop(L, 2);
    if (lua_type(L, 2) != LUA_TSTRING)
        return lbpf_misuse(L, "a BPF object is indexed by a table's name, not by a %s",
                           luaL_typename(L, 2));
    name = lua_tostring(L, 2);
    if (yields_to_table(name) && bpf->session && !bpf->close_pending && push_table(L, bpf, name))
        return 1;
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    lbpf_bpf_check_open(L, bpf);
    if (push_table(L, bpf, name))
        return 1;
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL)
        return 1;
    push_table_names(L, bpf);
    lua_pushvalue(L, lua_upvalueindex(1));
    return lbpf_args_unknown(L, "a BPF object has no method, and this program no table,", name,
                             lua_gettop(L), lua_gettop(L) - 1);
}

/* Gives the next name and table. Upvalue: the place of the next map. */
static int next_table(lua_State *L)
{
    struct lbpf_bpf *bpf = luaL_checkudata(L, 1, metatable_name);
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(1));
    struct lbpf_object *object;
    const struct lbpf_map *map = NULL;

    lbpf_bpf_check_open(L, bpf);
    object = lbpf_session_object(bpf->session);
    while (!map && (size_t)at < lbpf_object_map_count(object)) {
        map = lbpf_object_map_at(object, (size_t)at++);
        if (!is_users(map))
            map = NULL;
    }
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(1));
    if (!map)
        return 0;
    lua_pushstring(L, map->name);
    push_table(L, bpf, map->name);
    return 2;
}

/* for name, table in pairs(b) */
static int bpf_pairs(lua_State *L)
{
    lbpf_bpf_check_open(L, luaL_checkudata(L, 1, metatable_name));
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_table, 1);
    lua_pushvalue(L, 1);
    return 2;
}

/* #b: how many tables pairs(b) gives. */
static int bpf_length(lua_State *L)
{
    struct lbpf_bpf *bpf = luaL_checkudata(L, 1, metatable_name);
    struct lbpf_object *object;
    lua_Integer count = 0;

    lbpf_bpf_check_open(L, bpf);
    object = lbpf_session_object(bpf->session);
    for (size_t i = 0; i < lbpf_object_map_count(object); i++)
        count += is_users(lbpf_object_map_at(object, i));
    lua_pushinteger(L, count);
    return 1;
}

/* b.name = value: tables are the program's. */
static int bpf_assign(lua_State *L)
{
    luaL_checkudata(L, 1, metatable_name);
    return lbpf_misuse(L, "the tables of a BPF object are those of its program; a key of one is "
                          "set by b.NAME[key] = leaf, many by b.NAME:update{…}");
}

static int bpf_tostring(lua_State *L)
{
    struct lbpf_bpf *bpf = luaL_checkudata(L, 1, metatable_name);

    lua_pushfstring(L, "bpf.BPF (%s)", bpf->session && !bpf->close_pending ? "open" : "closed");
    return 1;
}

void lbpf_bpf_open(lua_State *L, int methods, int statics)
{
    static const luaL_Reg functions[] = {
        {"get_table", bpf_get_table},
        {"close", bpf_close},
        {"cleanup", bpf_close},
        {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__gc", bpf_close},    {"__close", bpf_close}, {"__tostring", bpf_tostring},
        {"__pairs", bpf_pairs}, {"__len", bpf_length},  {"__newindex", bpf_assign},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
    luaL_newmetatable(L, metatable_name);
    luaL_setfuncs(L, metamethods, 0);
    lua_pushvalue(L, methods);
    lua_pushvalue(L, statics);
    lua_pushcclosure(L, bpf_index, 2);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "bpf.BPF");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    lbpf_table_push_metatable(L);
    lua_pushvalue(L, methods);
    lua_pushcclosure(L, table_call, 1);
    lua_setfield(L, -2, "__call");
    lua_pop(L, 1);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, bpf_new);
    lua_setfield(L, -2, "__call");
    lua_setmetatable(L, statics);
}
