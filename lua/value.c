/*
 * Struct values, and what they share with arrays inside them (value_array.c). Each struct type has
 * its own metatable, whose __index is a closure over a table from field names to positions: reading
 * a field is one raw table access and one decode. No registry look-up happens on that path, because
 * events are read through it. The type of a userdata is told by its first word, which no other
 * userdata of this process can hold.
 */
#include "value.h"

#include "args.h"
#include "errors.h"
#include "scratch.h"
#include "value_private.h"

#include <lauxlib.h>
#include <string.h>

static const char types_name[] = "bpf.types";
static const char value_methods_name[] = "bpf.value.methods";

/* ---- types userdata ------------------------------------------------------------------------- */

struct types_holder {
    struct lbpf_types *types;
};

static int types_gc(lua_State *L)
{
    struct types_holder *holder = luaL_checkudata(L, 1, types_name);

    lbpf_types_free(holder->types);
    holder->types = NULL;
    return 0;
}

void lbpf_types_push(lua_State *L, struct lbpf_types *types)
{
    struct types_holder *holder = lua_newuserdatauv(L, sizeof *holder, 1);

    holder->types = NULL;
    luaL_setmetatable(L, types_name);
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1); /* metatables by type */
    holder->types = lbpf_types_ref(types);
}

/* ---- struct values -------------------------------------------------------------------------- */

static int event_is_over(lua_State *L)
{
    return lbpf_misuse(L, "this event is over: its bytes are only there inside the callback; keep "
                          "event:copy() instead");
}

void lbpf_value_check_alive(lua_State *L, const struct lbpf_view *view)
{
    if (view->lifetime && view->lifetime->generation != view->generation)
        event_is_over(L);
}

static int wrong_self(lua_State *L, const struct lbpf_type *type)
{
    char name[160];

    lbpf_value_name_type(name, sizeof name, type);
    return lbpf_misuse(L, "this is no value of %s", name);
}

struct lbpf_view *lbpf_value_check_self(lua_State *L)
{
    const struct lbpf_record *record = lua_touserdata(L, lua_upvalueindex(LBPF_VALUE_RECORD));
    struct lbpf_view *view = lua_touserdata(L, 1);

    if (lua_rawlen(L, 1) < sizeof *view || lua_type(L, 1) != LUA_TUSERDATA ||
        view->record != record)
        wrong_self(L, record->type);
    if (view->lifetime && view->lifetime->generation != view->generation)
        event_is_over(L);
    return view;
}

void lbpf_value_check_writable(lua_State *L, const struct lbpf_view *view)
{
    if (view->read_only)
        lbpf_misuse(L, "an event is read-only; change a copy: event:copy()");
}

struct lbpf_view *lbpf_value_any(lua_State *L, int index, const struct lbpf_type **type)
{
    struct lbpf_view *view = lua_touserdata(L, index);
    bool is_value = false;

    if (lua_type(L, index) != LUA_TUSERDATA || lua_rawlen(L, index) < sizeof *view ||
        !lua_getmetatable(L, index))
        return NULL;
    lua_rawgetp(L, -1, value_methods_name); /* each struct type's metatable has this mark */
    is_value = lua_toboolean(L, -1);
    lua_pop(L, 2);
    if (!is_value)
        return NULL;
    if (type)
        *type = view->record->type;
    return view;
}

const void *lbpf_value_bytes(lua_State *L, int index, const struct lbpf_type **type, uint32_t *size)
{
    struct lbpf_view *view = lbpf_value_any(L, index, type);

    if (!view)
        return NULL;
    lbpf_value_check_alive(L, view);
    if (size)
        *size = view->size;
    return view->bytes;
}

/* Adds the names of a record's fields to the table on top of the stack. */
static void add_names(lua_State *L, const struct lbpf_type *type)
{
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct lbpf_member *member = &type->members[i];

        if (!member->name[0] && lbpf_type_is_record(member->type)) {
            add_names(L, member->type);
            continue;
        }
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, member->name);
    }
}

int lbpf_value_unknown_field(lua_State *L, const struct lbpf_type *type, const char *name)
{
    char text[192], of[160];

    lua_newtable(L);
    add_names(L, type);
    lbpf_value_name_type(of, sizeof of, type);
    snprintf(text, sizeof text, "%s has no field", of);
    return lbpf_args_unknown(L, text, name, lua_gettop(L), 0);
}

/*
 * Pushes a field. A flexible array has as many elements as lie in the bytes behind the struct: an
 * event's may be more than its type has.
 */
static void push_field(lua_State *L, const struct lbpf_view *view, const struct lbpf_field *field)
{
    const struct lbpf_type *type = field->type;
    unsigned char *at = view->bytes + field->bit_offset / 8;
    int types = lua_upvalueindex(LBPF_VALUE_TYPES);

    if (type->kind == LBPF_TYPE_ARRAY && !type->count && view->size > view->record->type->size)
        lbpf_value_push_array(L, types, type, at, view->size - field->bit_offset / 8, 1);
    else
        lbpf_value_push_part(L, types, type, view->bytes, field->bit_offset, field->bit_size, 1);
}

static int value_index(lua_State *L)
{
    struct lbpf_view *view = lbpf_value_check_self(L);
    const struct lbpf_record *record = view->record;
    const struct lbpf_field *field;

    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    switch (lua_rawget(L, lua_upvalueindex(LBPF_VALUE_FIELDS))) {
    case LUA_TNUMBER:
        break;
    case LUA_TFUNCTION:
        return 1;
    default:
        return lbpf_value_unknown_field(L, record->type, luaL_tolstring(L, 2, NULL));
    }
    field = &record->fields[lua_tointeger(L, 3)];
    if (field->is_integer)
        lua_pushinteger(
            L, lbpf_decode_integer(field->type, view->bytes, field->bit_offset, field->bit_size));
    else
        push_field(L, view, field);
    return 1;
}

static int value_newindex(lua_State *L)
{
    struct lbpf_view *view = lbpf_value_check_self(L);
    const struct lbpf_record *record = view->record;
    struct lbpf_path path = {0};
    const struct lbpf_field *field;

    lua_settop(L, 3);
    lbpf_value_check_writable(L, view);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(LBPF_VALUE_FIELDS)) != LUA_TNUMBER)
        return lbpf_value_unknown_field(L, record->type, luaL_tolstring(L, 2, NULL));
    field = &record->fields[lua_tointeger(L, 4)];
    path.name = field->name;
    lbpf_value_read_part(L, 3, field->type, view->bytes, field->bit_offset, field->bit_size, &path);
    return 0;
}

static int value_next(lua_State *L)
{
    struct lbpf_view *view = lbpf_value_check_self(L);
    const struct lbpf_record *record = view->record;
    const struct lbpf_field *field;
    lua_Integer position = 0;

    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        lua_pushvalue(L, 2);
        if (lua_rawget(L, lua_upvalueindex(LBPF_VALUE_FIELDS)) != LUA_TNUMBER)
            return lbpf_value_unknown_field(L, record->type, luaL_tolstring(L, 2, NULL));
        position = lua_tointeger(L, 3) + 1;
    }
    if (position >= record->field_count)
        return 0;
    field = &record->fields[position];
    lua_pushstring(L, field->name);
    push_field(L, view, field);
    return 2;
}

int lbpf_value_push_walk(lua_State *L, lua_CFunction next)
{
    lbpf_value_check_self(L);
    for (int i = 1; i <= LBPF_VALUE_UPVALUES; i++)
        lua_pushvalue(L, lua_upvalueindex(i));
    lua_pushcclosure(L, next, LBPF_VALUE_UPVALUES);
    lua_pushvalue(L, 1);
    return 2;
}

static int value_pairs(lua_State *L)
{
    return lbpf_value_push_walk(L, value_next);
}

/* ---- making types and values ---------------------------------------------------------------- */

static uint32_t count_fields(const struct lbpf_type *type)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < type->member_count; i++) {
        if (type->members[i].name[0])
            count++;
        else if (lbpf_type_is_record(type->members[i].type))
            count += count_fields(type->members[i].type);
    }
    return count;
}

static void add_fields(struct lbpf_record *record, const struct lbpf_type *type,
                       uint32_t bit_offset)
{
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct lbpf_member *member = &type->members[i];
        struct lbpf_field *field = &record->fields[record->field_count];

        if (member->name[0]) {
            enum lbpf_type_kind kind = member->type->kind;

            field->name = member->name;
            field->type = member->type;
            field->bit_offset = bit_offset + member->bit_offset;
            field->bit_size = member->bit_size;
            field->is_integer = (kind == LBPF_TYPE_INT || kind == LBPF_TYPE_CHAR ||
                                 kind == LBPF_TYPE_ENUM || kind == LBPF_TYPE_POINTER) &&
                                (member->type->size <= 8 || member->bit_size);
            record->field_count++;
        } else if (lbpf_type_is_record(member->type)) {
            add_fields(record, member->type, bit_offset + member->bit_offset);
        }
    }
}

/* Pushes the table from names to positions and methods. A field's name wins over a method's. */
static void push_names(lua_State *L, const struct lbpf_record *record)
{
    lua_newtable(L);
    lua_getfield(L, LUA_REGISTRYINDEX, value_methods_name);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -5);
    }
    lua_pop(L, 1);
    for (uint32_t i = record->field_count; i-- > 0;) { /* of two equal names the first one wins */
        lua_pushinteger(L, i);
        lua_setfield(L, -2, record->fields[i].name);
    }
}

static const luaL_Reg value_metamethods[] = {
    {"__index", value_index},
    {"__newindex", value_newindex},
    {"__pairs", value_pairs},
    {"__eq", lbpf_value_eq},
    {NULL, NULL},
};

const struct lbpf_record *lbpf_value_push_metatable(lua_State *L, int types,
                                                    const struct lbpf_type *type)
{
    struct lbpf_record *record;
    int top = lua_gettop(L);
    char name[160];

    luaL_checkstack(L, 12, NULL);
    lua_getiuservalue(L, types, 1);
    if (lua_rawgetp(L, -1, type) == LUA_TTABLE) {
        lua_replace(L, top + 1);
        lua_rawgetp(L, top + 1, value_methods_name);
        record = lua_touserdata(L, -1);
        lua_pop(L, 1);
        return record;
    }
    lua_newtable(L); /* top + 3: the metatable */
    record =
        lua_newuserdatauv(L, sizeof *record + count_fields(type) * sizeof record->fields[0], 0);
    record->type = type;
    record->field_count = 0;
    add_fields(record, type, 0);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, top + 3, value_methods_name); /* marks the metatables of struct values */
    push_names(L, record);
    lua_insert(L, -2);
    lua_pushvalue(L, types);
    luaL_setfuncs(L, type->kind == LBPF_TYPE_ARRAY ? lbpf_array_metamethods : value_metamethods,
                  LBPF_VALUE_UPVALUES);
    lua_pushcfunction(L, lbpf_value_tostring);
    lua_setfield(L, -2, "__tostring");
    lbpf_value_name_type(name, sizeof name, type);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_pushliteral(L, "bpf.value");
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, top + 1, type);
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
    return record;
}

/* Pushes a struct value with room for `owned` bytes of its own. */
static struct lbpf_view *push_value(lua_State *L, int metatable, const struct lbpf_record *record,
                                    size_t owned, int user_values)
{
    struct lbpf_view *view = lua_newuserdatauv(L, sizeof *view + owned, user_values);

    view->record = record;
    view->bytes = (unsigned char *)(view + 1);
    view->lifetime = NULL;
    view->generation = 0;
    view->size = record->type->size;
    view->read_only = false;
    lua_pushvalue(L, metatable);
    lua_setmetatable(L, -2);
    return view;
}

void lbpf_value_push_record(lua_State *L, int metatable, const struct lbpf_record *record,
                            const void *bytes)
{
    struct lbpf_view *view = push_value(L, metatable, record, record->type->size, 0);

    if (bytes)
        memcpy(view->bytes, bytes, view->size);
    else
        memset(view->bytes, 0, view->size);
}

static void push_sized(lua_State *L, int metatable, const struct lbpf_record *record,
                       const void *bytes, uint32_t size)
{
    struct lbpf_view *view = push_value(L, metatable, record, size, 0);

    view->size = size;
    memcpy(view->bytes, bytes, size);
}

void lbpf_value_push_copy(lua_State *L, int metatable, const struct lbpf_view *view)
{
    push_sized(L, metatable, view->record, view->bytes, view->size);
}

void lbpf_value_push_event(lua_State *L, int types, const struct lbpf_type *type, const void *bytes,
                           uint32_t size)
{
    const struct lbpf_record *record;

    if (!lbpf_type_is_record(type)) {
        lbpf_value_push(L, types, type, bytes);
        return;
    }
    record = lbpf_value_push_metatable(L, types, type);
    push_sized(L, lua_gettop(L), record, bytes, size);
    lua_remove(L, -2);
}

void lbpf_value_push_nested(lua_State *L, int types, const struct lbpf_type *type,
                            unsigned char *bytes, uint32_t size, int parent)
{
    const struct lbpf_view *outer = lua_touserdata(L, parent);
    const struct lbpf_record *record = lbpf_value_push_metatable(L, types, type);
    struct lbpf_view *view = push_value(L, lua_gettop(L), record, 0, 1);

    view->bytes = bytes;
    view->size = size;
    view->lifetime = outer->lifetime;
    view->generation = outer->generation;
    view->read_only = outer->read_only;
    lua_pushvalue(L, parent);
    lua_setiuservalue(L, -2, 1);
    lua_remove(L, -2);
}

struct lbpf_view *lbpf_view_push(lua_State *L, int types, const struct lbpf_type *type,
                                 const struct lbpf_lifetime *lifetime, int owner)
{
    const struct lbpf_record *record = lbpf_value_push_metatable(L, types, type);
    struct lbpf_view *view = push_value(L, lua_gettop(L), record, 0, 1);

    view->bytes = NULL;
    view->lifetime = lifetime;
    view->generation = lifetime->generation - 1;
    view->read_only = true;
    lua_pushvalue(L, owner);
    lua_setiuservalue(L, -2, 1);
    lua_remove(L, -2);
    return view;
}

void lbpf_view_point(struct lbpf_view *view, const void *bytes, uint32_t size)
{
    view->bytes = (unsigned char *)(uintptr_t)bytes; /* never written: read_only */
    view->size = size;
    view->generation = view->lifetime->generation;
}

void lbpf_values_open(lua_State *L)
{
    luaL_newmetatable(L, types_name);
    lua_pushcfunction(L, types_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    lbpf_value_push_methods(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, value_methods_name);
}
