/*
 * Keys and leaves of the wrong type. clang only warns when an argument is a pointer to another
 * type, or no pointer at all, because C programs are full of that; for a table's method it means
 * that the kernel reads other bytes than the program thinks. So the warnings about parameters that
 * the prelude declared (their types are spelled typeof(…)) are read again, and become errors unless
 * both types are numbers of one size: programs pass an int where the table says u32, and that is
 * right.
 */
#include "compile/method_types.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_SIZE = 256, NAME_SIZE = 64 };

struct mismatch {
    char given[TYPE_SIZE], given_plain[TYPE_SIZE]; /* as written, and without typedefs */
    char wanted[TYPE_SIZE], wanted_plain[TYPE_SIZE];
    char where[TYPE_SIZE]; /* file:line */
    unsigned line, column;
};

/* --- clang's words ---------------------------------------------------------------------------- */

/* Takes "'u64 *' (aka 'unsigned long long *')" apart; returns what follows, or NULL. */
static const char *take_type(const char *at, char written[TYPE_SIZE], char plain[TYPE_SIZE])
{
    static const char aka[] = "' (aka '";
    size_t size;

    if (*at++ != '\'')
        return NULL;
    size = strcspn(at, "'\n");
    if (at[size] != '\'' || size >= TYPE_SIZE)
        return NULL;
    snprintf(written, TYPE_SIZE, "%.*s", (int)size, at);
    snprintf(plain, TYPE_SIZE, "%s", written);
    at += size;
    if (strncmp(at, aka, sizeof aka - 1) != 0)
        return at + 1;
    at += sizeof aka - 1;
    size = strcspn(at, "'\n");
    if (at[size] != '\'' || size >= TYPE_SIZE)
        return NULL;
    snprintf(plain, TYPE_SIZE, "%.*s", (int)size, at);
    at += size + 1;
    return *at == ')' ? at + 1 : NULL;
}

/* "file:line:column: warning: " into where, line and column. */
static bool take_place(const char *start, const char *end, struct mismatch *mismatch)
{
    char place[TYPE_SIZE], *colon;

    if ((size_t)(end - start) >= sizeof place)
        return false;
    snprintf(place, sizeof place, "%.*s", (int)(end - start), start);
    colon = strrchr(place, ':');
    if (!colon)
        return false;
    mismatch->column = (unsigned)strtoul(colon + 1, NULL, 10);
    *colon = '\0';
    snprintf(mismatch->where, sizeof mismatch->where, "%s", place);
    colon = strrchr(place, ':');
    if (!colon)
        return false;
    mismatch->line = (unsigned)strtoul(colon + 1, NULL, 10);
    return true;
}

/* Reads one line of clang's messages. */
static bool read_line(const char *line, size_t size, struct mismatch *mismatch)
{
    static const char warning[] = ": warning: incompatible ", passing[] = " passing ",
                      to[] = " to parameter of type ";
    const char *at = memmem(line, size, warning, sizeof warning - 1);

    if (!at || !take_place(line, at, mismatch))
        return false;
    at = memmem(at, size - (size_t)(at - line), passing, sizeof passing - 1);
    at = at ? take_type(at + sizeof passing - 1, mismatch->given, mismatch->given_plain) : NULL;
    if (!at || strncmp(at, to, sizeof to - 1) != 0)
        return false;
    return take_type(at + sizeof to - 1, mismatch->wanted, mismatch->wanted_plain) != NULL;
}

/* "const typeof(u32) *" is what a method takes for a key of type u32. */
static bool strip_typeof(char wanted[TYPE_SIZE])
{
    static const char start[] = "typeof(";
    char *open = wanted + (strncmp(wanted, "const ", 6) ? 0 : 6), *close = strrchr(wanted, ')');

    if (strncmp(open, start, sizeof start - 1) != 0 || !close || strcmp(close, ") *") != 0)
        return false;
    *close = '\0';
    open += sizeof start - 1;
    memmove(wanted, open, strlen(open) + 1);
    return true;
}

/* --- which types stand for each other --------------------------------------------------------- */

static void drop_word(char *type, const char *word)
{
    size_t size = strlen(word);

    for (char *at = type; (at = strstr(at, word));)
        if ((at == type || at[-1] == ' ') && (at[size] == ' ' || !at[size]))
            memmove(at, at + size + (at[size] == ' '), strlen(at + size + (at[size] == ' ')) + 1);
        else
            at += size;
}

static bool is_address(const char *type)
{
    size_t size = strlen(type);

    return size && (type[size - 1] == '*' || type[size - 1] == ']');
}

/* The type that a pointer or array leads to, without qualifiers; false when it is neither. */
static bool pointed_type(char *type)
{
    char *bracket;
    size_t size;

    if (!is_address(type))
        return false;
    drop_word(type, "const");
    drop_word(type, "volatile");
    size = strlen(type) - 1;
    bracket = strchr(type, '[');
    if (type[size] == ']' && bracket) /* of several dimensions, the first is dropped */
        memmove(bracket, strchr(bracket, ']') + 1, strlen(strchr(bracket, ']')));
    else
        type[size] = '\0';
    size = strlen(type);
    while (size && type[size - 1] == ' ')
        type[--size] = '\0';
    return true;
}

/* Bytes of a number or pointer, or 0 for anything else. */
static unsigned number_size(const char *type)
{
    static const struct {
        const char *name;
        unsigned size;
    } numbers[] = {
        {"_Bool", 1},
        {"bool", 1},
        {"char", 1},
        {"signed char", 1},
        {"unsigned char", 1},
        {"short", 2},
        {"int", 4},
        {"unsigned int", 4},
        {"unsigned short", 2},
        {"unsigned long", 8},
        {"long", 8},
        {"long long", 8},
        {"__int128", 16},
        {"unsigned __int128", 16},
        {"unsigned long long", 8},
    };
    size_t length = strlen(type);

    if (length && type[length - 1] == '*')
        return 8;
    if (!strncmp(type, "enum ", 5))
        return 4;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(numbers[i].name, type))
            return numbers[i].size;
    return 0;
}

/* An array decays to a pointer to its first element: char name[16] where the key is a char[16]. */
static bool is_element(const char *given, char *wanted)
{
    char *bracket;

    drop_word(wanted, "const");
    bracket = strstr(wanted, " (*)[");
    if (!bracket || strchr(bracket + 5, '['))
        return false;
    *bracket = '\0';
    return !strcmp(given, wanted) ||
           (number_size(given) && number_size(given) == number_size(wanted));
}

static bool stand_for_each_other(struct mismatch *mismatch)
{
    unsigned size;

    if (!pointed_type(mismatch->given_plain))
        return false;
    if (strstr(mismatch->wanted_plain, "(*)["))
        return is_element(mismatch->given_plain, mismatch->wanted_plain);
    size = pointed_type(mismatch->wanted_plain) ? number_size(mismatch->wanted_plain) : 0;
    return size && size == number_size(mismatch->given_plain);
}

/* --- the call --------------------------------------------------------------------------------- */

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The name that ends before *end, which moves to where it starts. */
static void take_name(const char *start, const char **end, char name[NAME_SIZE])
{
    const char *stop = *end;

    while (stop > start && isspace((unsigned char)stop[-1]))
        stop--;
    *end = stop;
    while (*end > start && is_name((*end)[-1]))
        (*end)--;
    snprintf(name, NAME_SIZE, "%.*s", (int)(stop - *end), *end);
}

/* Which table and method the argument at a place belongs to, and the how-manieth it is; the place
 * may be inside a macro or not in the program at all. */
static bool find_call(const struct lbpf_source *source, const struct mismatch *mismatch,
                      char table[NAME_SIZE], char method[NAME_SIZE], unsigned *argument)
{
    unsigned line = source->first_line ? source->first_line : 1;
    const char *start = source->text, *end = source->text + source->size, *at = start;
    unsigned depth = 0;

    for (; at < end && line < mismatch->line; at++)
        line += *at == '\n';
    if (line != mismatch->line || (size_t)(end - at) < mismatch->column)
        return false;
    at += mismatch->column - (mismatch->column > 0);
    *argument = 0;
    while (at > start && (depth || at[-1] != '(')) {
        at--;
        if (*at == ';' || *at == '{')
            return false;
        depth += *at == ')';
        depth -= *at == '(';
        *argument += *at == ',' && !depth;
    }
    if (at == start)
        return false;
    at--;
    take_name(start, &at, method);
    if (at == start || at[-1] != '.')
        return false;
    at--;
    take_name(start, &at, table);
    return *method && *table;
}

static int refuse(const struct lbpf_source *source, const struct mismatch *mismatch,
                  struct lbpf_error *error)
{
    char table[NAME_SIZE], method[NAME_SIZE];
    unsigned argument;

    if (find_call(source, mismatch, table, method, &argument)) {
        bool is_leaf = argument > 0 || !strcmp(method, "push") || !strcmp(method, "pop") ||
                       !strcmp(method, "peek");

        lbpf_error_set(error, EINVAL, "compile",
                       "%s.%s takes the address of a %s of type '%s', not a '%s'", table, method,
                       is_leaf ? "leaf" : "key", mismatch->wanted, mismatch->given);
    } else {
        lbpf_error_set(error, EINVAL, "compile",
                       "this table's method takes the address of a '%s', not a '%s'",
                       mismatch->wanted, mismatch->given);
    }
    lbpf_error_where(error, "%s", mismatch->where);
    if (is_address(mismatch->given))
        lbpf_error_hint(error,
                        "the kernel reads sizeof(%s) bytes there: pass a variable of that type, or "
                        "declare the table with the type that you have",
                        mismatch->wanted);
    else
        lbpf_error_hint(error, "put the value into a variable of type '%s' and pass its address",
                        mismatch->wanted);
    return -EINVAL;
}

int lbpf_method_types_check(const struct lbpf_source *source, const struct lbpf_buffer *messages,
                            struct lbpf_error *error)
{
    const char *at = lbpf_buffer_string(messages);
    size_t size;

    for (; *at; at += size + (at[size] == '\n')) {
        struct mismatch mismatch;

        size = strcspn(at, "\n");
        if (read_line(at, size, &mismatch) && strip_typeof(mismatch.wanted) &&
            !stand_for_each_other(&mismatch))
            return refuse(source, &mismatch, error);
    }
    return 0;
}
