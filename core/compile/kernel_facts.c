/*
 * Answers about the kernel's types. All types are walked once, however many facts are asked for: a
 * search for each would take a millisecond.
 */
#include "compile/kernel_facts.h"

#include "base/array.h"
#include "base/strmap.h"
#include "compile/module_btf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 256, DEPTH_LIMIT = 16, STEP_LIMIT = 64 };

/* The words of a fact. */
struct question {
    char kind[16], tag[8], name[NAME_SIZE], member[NAME_SIZE]; /* "" where there is none */
};

/* A type that has a name which is asked for. */
struct candidate {
    uint32_t id;
    const char *name;
};

struct candidates {
    struct candidate *list;
    size_t count, capacity;
};

struct place {
    uint32_t type;
    uint64_t bit;
    unsigned width; /* of a bit field, else 0 */
};

static bool part_question(const char *text, struct question *question)
{
    char rest[NAME_SIZE], *dot;

    memset(question, 0, sizeof *question);
    if (sscanf(text, "%15s %255[^\n]", question->kind, rest) != 2)
        return false;
    dot = strchr(rest, '.');
    if (dot) {
        *dot = '\0';
        snprintf(question->member, sizeof question->member, "%s", dot + 1);
    }
    if (strchr(rest, ' '))
        return sscanf(rest, "%7s %255s", question->tag, question->name) == 2;
    snprintf(question->name, sizeof question->name, "%s", rest);
    return true;
}

/* --- types ------------------------------------------------------------------------------------ */

static const struct btf_array *array_of(const struct btf_type *type)
{
    return (const struct btf_array *)(type + 1);
}

static uint64_t size_of(const struct lbpf_kernel_btf *btf, uint32_t id)
{
    uint64_t count = 1;

    for (int step = 0; step < STEP_LIMIT; step++) {
        const struct btf_type *type;

        id = lbpf_kernel_btf_strip(btf, id);
        type = lbpf_kernel_btf_type(btf, id);
        if (lbpf_btf_kind(type) == BTF_KIND_PTR)
            return count * 8;
        if (lbpf_btf_kind(type) != BTF_KIND_ARRAY)
            return lbpf_btf_kind(type) == BTF_KIND_FUNC_PROTO ? 0 : count * type->size;
        if (array_of(type)->nelems && count > UINT32_MAX)
            return 0;
        count *= array_of(type)->nelems;
        id = array_of(type)->type;
    }
    return 0;
}

static struct place place_of(const struct lbpf_kernel_btf *btf, const struct btf_type *type,
                             const struct btf_member *member)
{
    struct place place = {.type = member->type, .bit = member->offset};
    const struct btf_type *number;

    if (lbpf_btf_flag(type)) {
        place.bit = BTF_MEMBER_BIT_OFFSET(member->offset);
        place.width = BTF_MEMBER_BITFIELD_SIZE(member->offset);
        return place;
    }
    /* BTF of old compilers has the width in the integer type. */
    number = lbpf_kernel_btf_type(btf, lbpf_kernel_btf_strip(btf, member->type));
    if (lbpf_btf_kind(number) == BTF_KIND_INT) {
        uint32_t bits = BTF_INT_BITS(*(const uint32_t *)(number + 1));

        place.width = bits == number->size * 8 ? 0 : bits;
    }
    return place;
}

/* Looks for the member, also inside nameless ones. */
static bool find_member(const struct lbpf_kernel_btf *btf, uint32_t id, const char *name, int depth,
                        struct place *place)
{
    const struct btf_type *type = lbpf_kernel_btf_type(btf, lbpf_kernel_btf_strip(btf, id));
    const struct btf_member *members = lbpf_btf_members(type);

    for (uint32_t i = 0; lbpf_btf_is_aggregate(type) && i < lbpf_btf_vlen(type); i++) {
        struct place found = place_of(btf, type, &members[i]);

        if (!strcmp(lbpf_kernel_btf_string(btf, members[i].name_off), name)) {
            *place = found;
            return true;
        }
        if (!members[i].name_off && depth < DEPTH_LIMIT &&
            find_member(btf, members[i].type, name, depth + 1, place)) {
            place->bit += found.bit;
            return true;
        }
    }
    return false;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* "signed" is said of integers alone: of enumerations old BTF does not tell, and what a plain char
 * is changed in Linux 6.2. */
static bool is_signed(const struct lbpf_kernel_btf *btf, const struct btf_type *type)
{
    return lbpf_btf_kind(type) == BTF_KIND_INT &&
           BTF_INT_ENCODING(*(const uint32_t *)(type + 1)) & BTF_INT_SIGNED &&
           strcmp(lbpf_kernel_btf_string(btf, type->name_off), "char") != 0;
}

static void answer_field(const struct lbpf_kernel_btf *btf, const struct place *place,
                         struct lbpf_buffer *out)
{
    const struct btf_type *type =
        lbpf_kernel_btf_type(btf, lbpf_kernel_btf_strip(btf, place->type));
    uint64_t size = size_of(btf, place->type), part;

    switch (lbpf_btf_kind(type)) {
    case BTF_KIND_INT:
    case BTF_KIND_FLOAT:
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
        if (place->width)
            lbpf_buffer_printf(out, "a bit field of %u bits", place->width);
        else
            lbpf_buffer_printf(out, "%llu bytes", (unsigned long long)size);
        lbpf_buffer_append_string(out, is_signed(btf, type) ? ", signed" : "");
        break;
    case BTF_KIND_ARRAY:
        part = size_of(btf, array_of(type)->type);
        if (array_of(type)->nelems && part)
            lbpf_buffer_printf(out, "%u times %llu bytes", array_of(type)->nelems,
                               (unsigned long long)part);
        break;
    }
}

/* Mixes into the hash where everything in the type lies. */
static uint64_t hash_layout(const struct lbpf_kernel_btf *btf, uint32_t id, uint64_t hash,
                            int depth)
{
    const struct btf_type *type = lbpf_kernel_btf_type(btf, lbpf_kernel_btf_strip(btf, id));
    const struct btf_member *members = lbpf_btf_members(type);

    while (lbpf_btf_kind(type) == BTF_KIND_ARRAY && depth++ < DEPTH_LIMIT)
        type = lbpf_kernel_btf_type(btf, lbpf_kernel_btf_strip(btf, array_of(type)->type));
    members = lbpf_btf_members(type);
    for (uint32_t i = 0; lbpf_btf_is_aggregate(type) && i < lbpf_btf_vlen(type); i++) {
        const char *name = lbpf_kernel_btf_string(btf, members[i].name_off);
        struct place place = place_of(btf, type, &members[i]);
        uint64_t numbers[] = {place.bit, place.width, size_of(btf, place.type)};

        hash = lbpf_hash64(name, strlen(name), hash);
        hash = lbpf_hash64(numbers, sizeof numbers, hash);
        if (depth < DEPTH_LIMIT)
            hash = hash_layout(btf, place.type, hash, depth + 1);
    }
    return hash;
}

static void answer_constant(const struct lbpf_kernel_btf *btf, uint32_t id, const char *name,
                            struct lbpf_buffer *out)
{
    const struct btf_type *type = lbpf_kernel_btf_type(btf, id);
    const struct btf_enum *small = (const void *)(type + 1);
    const struct btf_enum64 *large = (const void *)(type + 1);
    bool wide = lbpf_btf_kind(type) == BTF_KIND_ENUM64;

    for (uint32_t i = 0; i < lbpf_btf_vlen(type); i++) {
        uint32_t name_offset = wide ? large[i].name_off : small[i].name_off;

        if (strcmp(lbpf_kernel_btf_string(btf, name_offset), name) != 0)
            continue;
        if (wide)
            lbpf_buffer_printf(
                out, "%lld",
                (long long)((uint64_t)large[i].val_hi32 << 32 | (uint32_t)large[i].val_lo32));
        else
            lbpf_buffer_printf(out, "%d", small[i].val);
        return;
    }
}

static void answer(const struct lbpf_kernel_btf *btf, const struct question *question, uint32_t id,
                   struct lbpf_buffer *out)
{
    struct place place = {.type = id};

    if (!strcmp(question->kind, "constant")) {
        answer_constant(btf, id, question->name, out);
        return;
    }
    if (question->member[0] && !find_member(btf, id, question->member, 0, &place))
        return;
    if (!strcmp(question->kind, "size") && !place.width)
        lbpf_buffer_printf(out, "%llu bytes", (unsigned long long)size_of(btf, place.type));
    else if (!strcmp(question->kind, "offset") && !place.width)
        lbpf_buffer_printf(out, "%llu bytes", (unsigned long long)place.bit / 8);
    else if (!strcmp(question->kind, "layout"))
        lbpf_buffer_printf(out, "%llu bytes, members %016llx",
                           (unsigned long long)size_of(btf, place.type),
                           (unsigned long long)hash_layout(btf, place.type, 0, 0));
    else if (!strcmp(question->kind, "field") && question->member[0])
        answer_field(btf, &place, out);
}

/* Of an array, more elements do no harm: the program reads the first ones. */
static bool holds(const struct lbpf_kernel_fact *fact, const char *here)
{
    unsigned there_count, here_count;
    int there_size = 0, here_size = 0;

    if (!strcmp(fact->there, here))
        return true;
    return !strncmp(fact->text, "field ", 6) &&
           sscanf(fact->there, "%u times %n", &there_count, &there_size) == 1 && there_size &&
           sscanf(here, "%u times %n", &here_count, &here_size) == 1 && here_size &&
           here_count >= there_count && !strcmp(fact->there + there_size, here + here_size);
}

/* --- finding ---------------------------------------------------------------------------------- */

static int note_candidate(struct candidates *candidates, uint32_t id, const char *name)
{
    struct candidate *grown =
        lbpf_array_grow(candidates->list, candidates->count, &candidates->capacity, sizeof *grown);

    if (!grown)
        return -ENOMEM;
    candidates->list = grown;
    candidates->list[candidates->count++] = (struct candidate){id, name};
    return 0;
}

static int consider_name(const struct lbpf_kernel_btf *btf, const struct lbpf_strmap *wanted,
                         uint32_t id, uint32_t name_offset, struct candidates *candidates)
{
    const char *name = lbpf_kernel_btf_string(btf, name_offset);
    const struct lbpf_strmap_entry *entry =
        *name ? lbpf_strmap_get(wanted, name, strlen(name)) : NULL;

    return entry ? note_candidate(candidates, id, entry->key) : 0;
}

static int consider_type(const struct lbpf_kernel_btf *btf, const struct lbpf_strmap *wanted,
                         uint32_t id, struct candidates *candidates)
{
    const struct btf_type *type = lbpf_kernel_btf_type(btf, id);
    const struct btf_enum *small = (const void *)(type + 1);
    const struct btf_enum64 *large = (const void *)(type + 1);
    int result = 0;

    if (lbpf_btf_is_enum(type))
        for (uint32_t i = 0; !result && i < lbpf_btf_vlen(type); i++)
            result = consider_name(btf, wanted, id,
                                   lbpf_btf_kind(type) == BTF_KIND_ENUM64 ? large[i].name_off
                                                                          : small[i].name_off,
                                   candidates);
    if (lbpf_btf_is_aggregate(type) || lbpf_btf_is_enum(type) ||
        lbpf_btf_kind(type) == BTF_KIND_TYPEDEF)
        result = result ? result : consider_name(btf, wanted, id, type->name_off, candidates);
    return result;
}

static bool fits(const struct lbpf_kernel_btf *btf, const struct question *question,
                 const struct candidate *candidate)
{
    uint32_t kind = lbpf_btf_kind(lbpf_kernel_btf_type(btf, candidate->id));

    if (strcmp(question->name, candidate->name) != 0)
        return false;
    if (!strcmp(question->kind, "constant"))
        return kind == BTF_KIND_ENUM || kind == BTF_KIND_ENUM64;
    if (!strcmp(question->tag, "struct"))
        return kind == BTF_KIND_STRUCT;
    if (!strcmp(question->tag, "union"))
        return kind == BTF_KIND_UNION;
    if (!strcmp(question->tag, "enum"))
        return kind == BTF_KIND_ENUM || kind == BTF_KIND_ENUM64;
    return kind == BTF_KIND_TYPEDEF;
}

static void answer_fact(const struct lbpf_kernel_btf *btf, struct lbpf_kernel_fact *fact,
                        const struct candidates *candidates)
{
    struct question question;
    uint32_t most = 0;

    for (size_t i = 0; part_question(fact->text, &question) && i < candidates->count; i++) {
        uint32_t id = candidates->list[i].id, size;
        struct lbpf_buffer here = {0};

        if (!fits(btf, &question, &candidates->list[i]))
            continue;
        answer(btf, &question, id, &here);
        size = lbpf_btf_vlen(lbpf_kernel_btf_type(btf, id)) + 1;
        fact->holds = here.size && fact->there && holds(fact, here.data);
        if (here.size && (fact->holds || size > most)) {
            lbpf_buffer_free(&fact->here);
            fact->here = here;
            most = size;
        } else {
            lbpf_buffer_free(&here);
        }
        if (fact->holds)
            return;
    }
}

static int walk(const struct lbpf_kernel_btf *btf, const struct lbpf_strmap *wanted,
                struct candidates *candidates)
{
    int result = 0;

    candidates->count = 0;
    for (uint32_t id = 1; !result && id < btf->count; id++)
        result = consider_type(btf, wanted, id, candidates);
    return result;
}

/* Adds the modules that have names which the kernel lacks, and walks again. */
static int walk_modules(struct lbpf_kernel_btf *btf, const struct lbpf_strmap *wanted,
                        struct candidates *candidates)
{
    struct lbpf_strmap missing = {0};
    int result = 0;

    for (size_t i = 0; !result && i < wanted->slot_count; i++) {
        const struct lbpf_strmap_entry *entry = &wanted->slots[i];
        bool found = !entry->key;

        for (size_t j = 0; !found && j < candidates->count; j++)
            found = candidates->list[j].name == entry->key;
        if (!found)
            result = lbpf_strmap_set(&missing, entry->key, entry->size, 0);
    }
    if (!result && missing.count)
        result = lbpf_module_btf_add(btf, &missing);
    if (result > 0)
        result = walk(btf, wanted, candidates);
    lbpf_strmap_free(&missing);
    return result;
}

int lbpf_kernel_facts_answer(struct lbpf_kernel_btf *btf, struct lbpf_kernel_fact *facts,
                             size_t count)
{
    struct lbpf_strmap wanted = {0};
    struct candidates candidates = {0};
    struct question question;
    int result = 0;

    for (size_t i = 0; !result && i < count; i++)
        if (part_question(facts[i].text, &question))
            result = lbpf_strmap_set(&wanted, question.name, strlen(question.name), 0);
    if (!result)
        result = walk(btf, &wanted, &candidates);
    if (!result)
        result = walk_modules(btf, &wanted, &candidates);
    for (size_t i = 0; !result && i < count; i++) {
        answer_fact(btf, &facts[i], &candidates);
        if (facts[i].here.failed)
            result = -ENOMEM;
    }
    free(candidates.list);
    lbpf_strmap_free(&wanted);
    return result;
}

void lbpf_kernel_facts_free(struct lbpf_kernel_fact *facts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        lbpf_buffer_free(&facts[i].here);
}
