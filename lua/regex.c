/* bpf.regex: what tools do with regular expressions that their users give. Lua's own patterns are
 * something else: "apt-get" is a text in the one, and not in the other. */
#include "regex.h"

#include "errors.h"

#include <lauxlib.h>
#include <regex.h>
#include <stdbool.h>

struct regex {
    regex_t expression;
    bool is_compiled;
};

static int regex_gc(lua_State *L)
{
    struct regex *self = lua_touserdata(L, 1);

    if (self->is_compiled)
        regfree(&self->expression);
    self->is_compiled = false;
    return 0;
}

/* What bpf.regex gives: function(text). The expression is its upvalue. */
static int matches(lua_State *L)
{
    const struct regex *self = lua_touserdata(L, lua_upvalueindex(1));
    const char *text = luaL_checkstring(L, 1);

    lua_pushboolean(L, self->is_compiled && !regexec(&self->expression, text, 0, NULL, 0));
    return 1;
}

int lbpf_regex_new(lua_State *L)
{
    const char *expression = luaL_checkstring(L, 1);
    struct regex *self = lua_newuserdatauv(L, sizeof *self, 0);
    char reason[128];
    int code;

    self->is_compiled = false;
    if (luaL_newmetatable(L, "bpf.Regex")) {
        lua_pushcfunction(L, regex_gc);
        lua_setfield(L, -2, "__gc");
        lua_pushliteral(L, "bpf.Regex");
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
    code = regcomp(&self->expression, expression, REG_EXTENDED | REG_NOSUB);
    if (code) {
        regerror(code, NULL, reason, sizeof reason);
        return lbpf_misuse(L, "'%s' is no regular expression: %s", expression, reason);
    }
    self->is_compiled = true;
    lua_pushcclosure(L, matches, 1);
    return 1;
}
