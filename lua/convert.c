/*
 * Between C bytes and Lua values, for every C type. Reading from Lua checks all of it before a byte
 * reaches the kernel: an unknown field, a number out of range, a wrong type, a string that is too
 * long each raise an error that names the field, as in "leaf of table 'counts', field
 * 'tags[3].name': …".
 */
#include "errors.h"
#include "value.h"
#include "value_private.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* ---- C to Lua ------------------------------------------------------------------------------- */

/* Pushes a plain table of copies. */
static void push_elements(lua_State *L, int types, const struct lbpf_type *element,
                          const unsigned char *bytes, uint32_t count)
{
    luaL_checkstack(L, 8, "a value is nested too deep");
    lua_createtable(L, (int)count, 0);
    for (uint32_t i = 0; i < count; i++) {
        lbpf_value_push_part(L, types, element, bytes + (size_t)i * element->size, 0, 0, 0);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

void lbpf_value_push_array(lua_State *L, int types, const struct lbpf_type *type,
                           unsigned char *bytes, uint32_t size, int parent)
{
    struct lbpf_type rest = *type;
    uint32_t length = type->element->size;

    rest.count = length ? size / length : type->count;
    if (lbpf_type_is_string(type))
        lua_pushlstring(L, (const char *)bytes, lbpf_decode_string_length(&rest, bytes));
    else if (parent)
        lbpf_value_push_nested(L, types, type, bytes, rest.count * length, parent);
    else
        push_elements(L, types, type->element, bytes, rest.count);
}

void lbpf_value_push_part(lua_State *L, int types, const struct lbpf_type *type, const void *base,
                          uint32_t bit_offset, uint32_t bit_size, int parent)
{
    unsigned char *at = (unsigned char *)(uintptr_t)base + bit_offset / 8;

    switch (type->kind) {
    case LBPF_TYPE_VOID:
        lua_pushnil(L);
        break;
    case LBPF_TYPE_BOOL:
        lua_pushboolean(L, lbpf_decode_integer(type, base, bit_offset, bit_size) != 0);
        break;
    case LBPF_TYPE_FLOAT:
        lua_pushnumber(L, lbpf_decode_float(type, base, bit_offset));
        break;
    case LBPF_TYPE_ARRAY:
        lbpf_value_push_array(L, types, type, at, type->size, parent);
        break;
    case LBPF_TYPE_STRUCT:
    case LBPF_TYPE_UNION:
        if (parent) {
            lbpf_value_push_nested(L, types, type, at, type->size, parent);
        } else {
            const struct lbpf_record *record = lbpf_value_push_metatable(L, types, type);

            lbpf_value_push_record(L, lua_gettop(L), record, at);
            lua_remove(L, -2);
        }
        break;
    default:
        if (type->size == 16 && !bit_size) /* no Lua number holds it; an IPv6 address is one */
            lua_pushlstring(L, (const char *)at, 16);
        else
            lua_pushinteger(L, lbpf_decode_integer(type, base, bit_offset, bit_size));
    }
}

void lbpf_value_push(lua_State *L, int types, const struct lbpf_type *type, const void *bytes)
{
    lbpf_value_push_part(L, types, type, bytes, 0, 0, 0);
}

/* ---- Lua to C ------------------------------------------------------------------------------- */

static void write_path(struct lbpf_buffer *text, const struct lbpf_path *path)
{
    if (path->parent)
        write_path(text, path->parent);
    if (!path->name)
        lbpf_buffer_printf(text, "[%u]", path->index);
    else if (text->size == 0 && !path->parent)
        lbpf_buffer_printf(text, "%s", path->name);
    else
        lbpf_buffer_printf(text, ".%s", path->name);
}

static int refuse(lua_State *L, const struct lbpf_path *path, const char *reason)
{
    struct lbpf_buffer text = {0};
    char where[256];

    write_path(&text, path);
    snprintf(where, sizeof where, "%s", lbpf_buffer_string(&text));
    lbpf_buffer_free(&text);
    return lbpf_misuse(L, "%s: %s", where, reason);
}

static int refuse_type(lua_State *L, int index, const struct lbpf_path *path, const char *wanted)
{
    char reason[256];

    snprintf(reason, sizeof reason, "%s expected, got %s", wanted, luaL_typename(L, index));
    return refuse(L, path, reason);
}

/* Turns core's refusal into Lua's. These records have no log, so nothing is left to free. */
static void check(lua_State *L, int result, const struct lbpf_error *error,
                  const struct lbpf_path *path)
{
    if (result)
        refuse(L, path, error->message);
}

static bool find_enumerator(const struct lbpf_type *type, const char *name, int64_t *value)
{
    for (uint32_t i = 0; i < type->enumerator_count; i++) {
        if (!strcmp(type->enumerators[i].name, name)) {
            *value = type->enumerators[i].value;
            return true;
        }
    }
    return false;
}

static void read_integer(lua_State *L, int index, const struct lbpf_type *type, void *base,
                         uint32_t bit_offset, uint32_t bit_size, const struct lbpf_path *path)
{
    struct lbpf_error error = {0};
    int64_t value = 0;
    int is_integer = 0;
    size_t size;
    const char *text;

    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        value = lua_tointegerx(L, index, &is_integer);
        if (!is_integer)
            refuse(L, path, "the number has no integer representation");
        break;
    case LUA_TBOOLEAN:
        if (type->kind != LBPF_TYPE_BOOL)
            refuse_type(L, index, path, "an integer");
        value = lua_toboolean(L, index);
        break;
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &size);
        if (type->kind == LBPF_TYPE_CHAR && size == 1) {
            value = (unsigned char)text[0];
        } else if (type->size == 16 && size == 16 && !bit_size) {
            memcpy((unsigned char *)base + bit_offset / 8, text, 16);
            return;
        } else if (type->kind != LBPF_TYPE_ENUM || !find_enumerator(type, text, &value)) {
            refuse_type(L, index, path,
                        type->kind == LBPF_TYPE_ENUM ? "an integer or an enumerator's name"
                                                     : "an integer");
        }
        break;
    default:
        refuse_type(L, index, path, type->kind == LBPF_TYPE_BOOL ? "a boolean" : "an integer");
    }
    check(L, lbpf_encode_integer(type, base, bit_offset, bit_size, value, &error), &error, path);
}

/* Raises when the table at index has anything but elements 1 … count: it would be lost. */
static void check_elements(lua_State *L, int index, lua_Integer count, const struct lbpf_path *path)
{
    lua_Integer found = 0;
    char reason[96];

    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_Integer place = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;

        if (place < 1)
            refuse(L, path, "an array has elements 1, 2, … and nothing else");
        if (place > count) {
            snprintf(reason, sizeof reason, "element %lld is given, but none before it",
                     (long long)place);
            refuse(L, path, reason);
        }
        found++;
        lua_pop(L, 1);
    }
    if (found < count)
        refuse(L, path, "elements are missing");
}

/* Same layout, as far as kinds, sizes, tags and member counts tell: the same type of another
 * program.
 */
static bool is_twin(const struct lbpf_type *a, const struct lbpf_type *b)
{
    if (a->kind != b->kind || a->size != b->size || a->is_signed != b->is_signed)
        return false;
    if (a->kind == LBPF_TYPE_ARRAY)
        return is_twin(a->element, b->element);
    return !lbpf_type_is_record(a) ||
           (a->member_count == b->member_count && !strcmp(a->name, b->name));
}

static int refuse_value(lua_State *L, const struct lbpf_path *path, const char *wanted,
                        const struct lbpf_type *given)
{
    char name[160], reason[400];

    lbpf_value_name_type(name, sizeof name, given);
    snprintf(reason, sizeof reason, "%s expected, got one of %s", wanted, name);
    return refuse(L, path, reason);
}

static void check_count(lua_State *L, const struct lbpf_type *type, size_t count,
                        const struct lbpf_path *path)
{
    char reason[96];

    if (count > type->count) {
        snprintf(reason, sizeof reason, "%zu elements do not fit into an array of %u", count,
                 type->count);
        refuse(L, path, reason);
    }
}

/* An array inside a struct value, perhaps inside the very one that is written. */
static void copy_array(lua_State *L, const struct lbpf_view *view, const struct lbpf_type *type,
                       unsigned char *bytes, const struct lbpf_path *path)
{
    const struct lbpf_type *given = view->record->type;
    char wanted[192], name[160];

    lbpf_value_check_alive(L, view);
    if (given->kind != LBPF_TYPE_ARRAY || !is_twin(given->element, type->element)) {
        lbpf_value_name_type(name, sizeof name, type);
        snprintf(wanted, sizeof wanted, "a table or a value of %s", name);
        refuse_value(L, path, wanted, given);
    }
    check_count(L, type, lbpf_array_count(view), path);
    memmove(bytes, view->bytes, view->size);
    memset(bytes + view->size, 0, type->size - view->size);
}

static void read_array(lua_State *L, int index, const struct lbpf_type *type, unsigned char *base,
                       uint32_t bit_offset, const struct lbpf_path *path)
{
    struct lbpf_error error = {0};
    struct lbpf_path element = {.parent = path};
    const struct lbpf_view *view = lbpf_value_any(L, index, NULL);
    size_t size, count;
    const char *text;

    if (view) {
        copy_array(L, view, type, base + bit_offset / 8, path);
        return;
    }
    if (lua_type(L, index) == LUA_TSTRING) {
        text = lua_tolstring(L, index, &size);
        if (lbpf_type_is_string(type)) {
            check(L, lbpf_encode_string(type, base, bit_offset, text, size, &error), &error, path);
            return;
        }
        if (type->element->size == 1 && size == type->count) { /* addresses and the like */
            memcpy(base + bit_offset / 8, text, size);
            return;
        }
    }
    if (!lua_istable(L, index))
        refuse_type(L, index, path, lbpf_type_is_string(type) ? "a string" : "an array");
    count = (size_t)lua_rawlen(L, index);
    check_count(L, type, count, path);
    luaL_checkstack(L, 8, "a value is nested too deep");
    check_elements(L, index, (lua_Integer)count, path);
    memset(base + bit_offset / 8, 0, type->size);
    for (uint32_t i = 0; i < count; i++) {
        element.index = i + 1;
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        lbpf_value_read_part(L, lua_gettop(L), type->element, base,
                             bit_offset + i * type->element->size * 8, 0, &element);
        lua_pop(L, 1);
    }
}

/* Offers the names of a record's fields, those of members without a name too. */
static void offer_fields(struct lbpf_nearest *nearest, const struct lbpf_type *type)
{
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct lbpf_member *member = &type->members[i];

        if (member->name[0])
            lbpf_nearest_offer(nearest, member->name);
        else if (lbpf_type_is_record(member->type))
            offer_fields(nearest, member->type);
    }
}

static int refuse_field(lua_State *L, const struct lbpf_type *type, const struct lbpf_path *path,
                        const char *name)
{
    struct lbpf_nearest nearest;
    const char *other;
    char reason[320];

    lbpf_nearest_start(&nearest, name);
    offer_fields(&nearest, type);
    other = lbpf_nearest_name(&nearest);
    snprintf(reason, sizeof reason, "no field '%s'%s%s%s", name, other ? "; did you mean '" : "",
             other ? other : "", other ? "'?" : "");
    return refuse(L, path, reason);
}

/* Stores each field of the table at index; returns how many there are. */
static unsigned write_fields(lua_State *L, int index, const struct lbpf_type *type,
                             unsigned char *base, uint32_t bit_offset, const struct lbpf_path *path)
{
    unsigned count = 0;

    lua_pushnil(L);
    while (lua_next(L, index)) {
        struct lbpf_path field = {.parent = path};
        struct lbpf_member member;

        if (lua_type(L, -2) != LUA_TSTRING)
            refuse(L, path, "fields are given by name, as in {pid = 1}");
        field.name = lua_tostring(L, -2);
        if (!lbpf_type_find_member(type, field.name, &member))
            refuse_field(L, type, path, field.name);
        lbpf_value_read_part(L, lua_gettop(L), member.type, base, bit_offset + member.bit_offset,
                             member.bit_size, &field);
        count++;
        lua_pop(L, 1);
    }
    return count;
}

/*
 * Fields that share bytes must agree, else one would silently undo the other; a table that totable
 * gave has all of them, and they do agree. Storing them once more tells: it must change nothing.
 */
static void check_agreement(lua_State *L, int index, const struct lbpf_type *type,
                            const unsigned char *bytes, const struct lbpf_path *path)
{
    unsigned char *again = lua_newuserdatauv(L, type->size ? type->size : 1, 0);

    lua_pushnil(L);
    while (lua_next(L, index)) {
        struct lbpf_member member;
        char reason[160];

        lbpf_type_find_member(type, lua_tostring(L, -2), &member);
        memcpy(again, bytes, type->size);
        lbpf_value_read_part(L, lua_gettop(L), member.type, again, member.bit_offset,
                             member.bit_size, path);
        if (memcmp(again, bytes, type->size) != 0) {
            snprintf(reason, sizeof reason,
                     "a union takes one of its fields at a time: '%s' and another one differ",
                     lua_tostring(L, -2));
            refuse(L, path, reason);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void read_fields(lua_State *L, int index, const struct lbpf_type *type, unsigned char *base,
                        uint32_t bit_offset, const struct lbpf_path *path)
{
    memset(base + bit_offset / 8, 0, type->size);
    if (write_fields(L, index, type, base, bit_offset, path) > 1 && lbpf_type_has_overlap(type))
        check_agreement(L, index, type, base + bit_offset / 8, path);
}

static void read_record(lua_State *L, int index, const struct lbpf_type *type, unsigned char *base,
                        uint32_t bit_offset, const struct lbpf_path *path)
{
    const struct lbpf_type *given = NULL;
    const struct lbpf_view *view = lbpf_value_any(L, index, &given);
    char wanted[200], name[160];
    size_t size;
    const char *text;

    luaL_checkstack(L, 12, "a value is nested too deep");
    lbpf_value_name_type(name, sizeof name, type);
    snprintf(wanted, sizeof wanted, "a table of fields or a value of %s", name);
    if (view) {
        lbpf_value_check_alive(L, view);
        if (given != type && !is_twin(given, type))
            refuse_value(L, path, wanted, given);
        memmove(base + bit_offset / 8, view->bytes, type->size);
    } else if (lua_type(L, index) == LUA_TSTRING) {
        text = lua_tolstring(L, index, &size);
        if (size != type->size)
            refuse_type(L, index, path, wanted);
        memcpy(base + bit_offset / 8, text, size);
    } else if (lua_istable(L, index)) {
        read_fields(L, index, type, base, bit_offset, path);
    } else {
        refuse_type(L, index, path, wanted);
    }
}

void lbpf_value_read_part(lua_State *L, int index, const struct lbpf_type *type, void *base,
                          uint32_t bit_offset, uint32_t bit_size, const struct lbpf_path *path)
{
    struct lbpf_error error = {0};

    switch (type->kind) {
    case LBPF_TYPE_VOID:
        refuse(L, path, "its type is void");
        break;
    case LBPF_TYPE_FLOAT:
        if (lua_type(L, index) != LUA_TNUMBER)
            refuse_type(L, index, path, "a number");
        check(L, lbpf_encode_float(type, base, bit_offset, lua_tonumber(L, index), &error), &error,
              path);
        break;
    case LBPF_TYPE_ARRAY:
        read_array(L, index, type, base, bit_offset, path);
        break;
    case LBPF_TYPE_STRUCT:
    case LBPF_TYPE_UNION:
        read_record(L, index, type, base, bit_offset, path);
        break;
    default:
        read_integer(L, index, type, base, bit_offset, bit_size, path);
    }
}

void lbpf_value_read(lua_State *L, int index, const struct lbpf_type *type, void *bytes,
                     const char *what)
{
    struct lbpf_path path = {.name = what};

    lbpf_value_read_part(L, lua_absindex(L, index), type, bytes, 0, 0, &path);
}
