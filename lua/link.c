#include "link.h"

#include "attach.h"
#include "errors.h"

#include <lauxlib.h>

static const char metatable_name[] = "bpf.Link";

struct link {
    struct lbpf_bpf *bpf;   /* pinned by user value 1 */
    struct lbpf_link *link; /* valid while the BPF object is open; NULL before that */
    const char *kind;       /* static */
    size_t count;
};

void lbpf_link_push(lua_State *L, int bpf, struct lbpf_link *link)
{
    struct link *self;

    bpf = lua_absindex(L, bpf);
    self = lua_newuserdatauv(L, sizeof *self, 1);
    self->bpf = lua_touserdata(L, bpf);
    self->link = link;
    self->kind = lbpf_link_kind(link);
    self->count = lbpf_link_count(link);
    luaL_setmetatable(L, metatable_name);
    lua_pushvalue(L, bpf);
    lua_setiuservalue(L, -2, 1);
}

int lbpf_attach_give_link(lua_State *L, struct lbpf_bpf *bpf, int result, struct lbpf_link *link,
                          struct lbpf_error *error)
{
    if (result < 0)
        return lbpf_raise(L, error);
    lbpf_bpf_print_load_log(bpf);
    lbpf_link_push(L, 1, link);
    return 1;
}

int lbpf_attach_give_detached(lua_State *L, int result, struct lbpf_error *error)
{
    if (result < 0)
        return lbpf_raise(L, error);
    lua_pushinteger(L, result);
    return 1;
}

static struct link *check(lua_State *L)
{
    return luaL_checkudata(L, 1, metatable_name);
}

static bool is_open(const struct link *self)
{
    return self->bpf->session && lbpf_link_is_open(self->link);
}

/* link:detach(), link:close(): silent when it is detached already. */
static int link_detach(lua_State *L)
{
    struct link *self = check(L);

    if (self->bpf->session)
        lbpf_link_close(self->link);
    return 0;
}

/* link:kind(): the mechanism that was chosen. */
static int link_kind(lua_State *L)
{
    lua_pushstring(L, check(L)->kind);
    return 1;
}

/* link:count(): how many places it covers. */
static int link_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check(L)->count);
    return 1;
}

static int link_tostring(lua_State *L)
{
    struct link *self = check(L);

    if (is_open(self))
        lua_pushfstring(L, "bpf.Link %s %s -> %s", self->kind, lbpf_link_target(self->link),
                        lbpf_link_function(self->link));
    else
        lua_pushfstring(L, "bpf.Link %s (detached)", self->kind);
    return 1;
}

void lbpf_links_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"detach", link_detach}, {"close", link_detach}, {"kind", link_kind},
        {"count", link_count},   {NULL, NULL},
    };
    static const luaL_Reg metamethods[] = {
        {"__close", link_detach},
        {"__tostring", link_tostring},
        {NULL, NULL},
    };

    luaL_newlib(L, methods);
    luaL_newmetatable(L, metatable_name);
    luaL_setfuncs(L, metamethods, 0);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "bpf.Link");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
