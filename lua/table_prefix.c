/*
 * Keys of LPM tries as people write them, "10.0.0.0/8" and "2001:db8::/32". The kernel wants the
 * number of bits in its own byte order, then the address in network order; however a program
 * declares these bytes, the text is the same.
 */
#include "errors.h"
#include "table.h"

#include <arpa/inet.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static int family_of(const struct lbpf_table *table)
{
    return table->map->key_size == sizeof(uint32_t) + 4 ? AF_INET : AF_INET6;
}

static unsigned bits_of(const struct lbpf_table *table)
{
    return (table->map->key_size - (unsigned)sizeof(uint32_t)) * 8;
}

/* "/8" to 8; nothing to all bits. */
static bool parse_bits(const char *text, unsigned most, uint32_t *bits)
{
    int end = 0;

    *bits = most;
    if (!*text)
        return true;
    return text[1] >= '0' && text[1] <= '9' && sscanf(text, "/%3u%n", bits, &end) == 1 &&
           !text[end] && *bits <= most;
}

bool lbpf_table_read_prefix(lua_State *L, const struct lbpf_table *table, int index)
{
    unsigned char address[16];
    char name[INET6_ADDRSTRLEN];
    const char *text, *slash;
    size_t size, length;
    uint32_t bits;

    if (!(table->can & LBPF_CAN_PREFIX) || lua_type(L, index) != LUA_TSTRING)
        return false;
    text = lua_tolstring(L, index, &size);
    if (strlen(text) != size) /* bytes as the kernel has them: few of the 32 bits of the length */
        return false;
    slash = strchr(text, '/');
    length = slash ? (size_t)(slash - text) : size;
    snprintf(name, sizeof name, "%.*s", length < sizeof name ? (int)length : 0, text);
    if (inet_pton(family_of(table), name, address) != 1 ||
        !parse_bits(text + length, bits_of(table), &bits))
        lbpf_misuse(L, "%s: an address such as %s expected, got '%s'", table->key.what,
                    family_of(table) == AF_INET ? "10.0.0.0/8" : "2001:db8::/32", text);
    memcpy(table->key_bytes, &bits, sizeof bits);
    memcpy(table->key_bytes + sizeof bits, address, bits_of(table) / 8);
    return true;
}

void lbpf_table_push_prefix(lua_State *L, const struct lbpf_table *table)
{
    char text[INET6_ADDRSTRLEN] = "";
    uint32_t bits;

    memcpy(&bits, table->key_bytes, sizeof bits);
    inet_ntop(family_of(table), table->key_bytes + sizeof bits, text, sizeof text);
    lua_pushfstring(L, "%s/%d", text, (int)bits);
}
