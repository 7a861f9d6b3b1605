/*
 * BTF to type trees. Each BTF type is built once and kept by its id, so that a tree shares its
 * branches. The surprising fact: because branches are shared, a small hostile object can describe a
 * struct with 2^64 members (64 levels, each holding the next one twice). So besides depth, the
 * number of members that a walk through anonymous members would meet is counted and bounded.
 */
#include "types/btf_types.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64, FLAT_MEMBERS_MAX = 65536 };

struct node {
    struct lbpf_type type;
    struct node *next;     /* in the list of everything that the set owns */
    unsigned depth;        /* 1 for types without parts */
    uint32_t flat_members; /* members, with those of anonymous members */
};

struct lbpf_types {
    struct btf *btf;
    struct node *all;
    struct node **by_id; /* NULL until built */
    bool *building;      /* on the way down to this id: meeting it again is a cycle */
    uint32_t id_count;
    unsigned holders;
};

static const char op[] = "read types";

int lbpf_types_new(struct lbpf_types **types, struct btf *btf, struct lbpf_error *error)
{
    struct lbpf_types *set = calloc(1, sizeof *set);

    *types = NULL;
    if (!set) {
        btf__free(btf);
        return lbpf_error_no_memory(error, op);
    }
    set->btf = btf;
    set->holders = 1;
    set->id_count = btf__type_cnt(btf);
    set->by_id = calloc(set->id_count, sizeof(struct node *));
    set->building = calloc(set->id_count, sizeof *set->building);
    if (!set->by_id || !set->building) {
        lbpf_types_free(set);
        return lbpf_error_no_memory(error, op);
    }
    *types = set;
    return 0;
}

void lbpf_types_free(struct lbpf_types *types)
{
    if (!types || --types->holders)
        return;
    while (types->all) {
        struct node *node = types->all;

        types->all = node->next;
        free(node);
    }
    free(types->by_id);
    free(types->building);
    btf__free(types->btf);
    free(types);
}

struct lbpf_types *lbpf_types_ref(struct lbpf_types *types)
{
    types->holders++;
    return types;
}

const struct btf *lbpf_types_btf(const struct lbpf_types *types)
{
    return types->btf;
}

static const char *name_at(const struct lbpf_types *types, uint32_t offset)
{
    const char *name = btf__name_by_offset(types->btf, offset);

    return name ? name : "";
}

/* Makes a node with room for its parts behind it, which `parts` receives when not NULL. */
static struct node *node_new(struct lbpf_types *types, const struct btf_type *source,
                             enum lbpf_type_kind kind, size_t part_bytes, void **parts,
                             struct lbpf_error *error)
{
    struct node *node = calloc(1, sizeof *node + part_bytes);

    if (!node) {
        lbpf_error_no_memory(error, op);
        return NULL;
    }
    node->type.kind = kind;
    node->type.name = source ? name_at(types, source->name_off) : "void";
    node->depth = 1;
    node->next = types->all;
    types->all = node;
    if (parts)
        *parts = node + 1;
    return node;
}

static struct node *get_node(struct lbpf_types *types, uint32_t id, unsigned depth,
                             struct lbpf_error *error);

static struct node *refuse(struct lbpf_types *types, const struct btf_type *source,
                           struct lbpf_error *error, const char *reason)
{
    const char *name = source ? name_at(types, source->name_off) : "";

    lbpf_error_set(error, EINVAL, op, "the type '%s' of the object's BTF %s",
                   *name ? name : "(anonymous)", reason);
    return NULL;
}

static struct node *build_int(struct lbpf_types *types, const struct btf_type *source,
                              struct lbpf_error *error)
{
    unsigned encoding = btf_int_encoding(source), bits = btf_int_bits(source);
    uint32_t size = source->size;
    enum lbpf_type_kind kind = LBPF_TYPE_INT;
    struct node *node;

    if ((size != 1 && size != 2 && size != 4 && size != 8 && size != 16) || bits == 0 ||
        btf_int_offset(source) + bits > size * 8)
        return refuse(types, source, error, "is an integer of an impossible size");
    if (encoding & BTF_INT_BOOL)
        kind = LBPF_TYPE_BOOL;
    else if (size == 1 && !strcmp(name_at(types, source->name_off), "char"))
        kind = LBPF_TYPE_CHAR; /* clang never sets BTF_INT_CHAR; the name tells */
    node = node_new(types, source, kind, 0, NULL, error);
    if (!node)
        return NULL;
    node->type.size = size;
    node->type.is_signed = (encoding & BTF_INT_SIGNED) != 0;
    return node;
}

static struct node *build_float(struct lbpf_types *types, const struct btf_type *source,
                                struct lbpf_error *error)
{
    struct node *node;

    if (source->size != 4 && source->size != 8 && source->size != 16)
        return refuse(types, source, error, "is a floating-point number of an unknown size");
    node = node_new(types, source, LBPF_TYPE_FLOAT, 0, NULL, error);
    if (node)
        node->type.size = source->size;
    return node;
}

static struct node *build_enum(struct lbpf_types *types, const struct btf_type *source,
                               struct lbpf_error *error)
{
    uint16_t count = btf_vlen(source);
    bool is_signed = btf_kflag(source);
    struct lbpf_enumerator *enumerators;
    struct node *node;
    void *parts;

    if (source->size != 1 && source->size != 2 && source->size != 4 && source->size != 8)
        return refuse(types, source, error, "is an enum of an impossible size");
    node = node_new(types, source, LBPF_TYPE_ENUM, count * sizeof *enumerators, &parts, error);
    if (!node)
        return NULL;
    enumerators = parts;
    for (uint16_t i = 0; i < count; i++) {
        if (btf_is_enum64(source)) {
            const struct btf_enum64 *from = btf_enum64(source) + i;

            enumerators[i].name = name_at(types, from->name_off);
            enumerators[i].value = (int64_t)btf_enum64_value(from);
        } else {
            const struct btf_enum *from = btf_enum(source) + i;

            enumerators[i].name = name_at(types, from->name_off);
            enumerators[i].value = is_signed ? from->val : (int64_t)(uint32_t)from->val;
        }
    }
    node->type.size = source->size;
    node->type.is_signed = is_signed;
    node->type.enumerators = enumerators;
    node->type.enumerator_count = count;
    return node;
}

static struct node *build_array(struct lbpf_types *types, const struct btf_type *source,
                                unsigned depth, struct lbpf_error *error)
{
    const struct btf_array *array = btf_array(source);
    struct node *element = get_node(types, array->type, depth + 1, error);
    struct node *node;

    if (!element)
        return NULL;
    if (element->type.kind == LBPF_TYPE_VOID)
        return refuse(types, source, error, "is an array of void");
    if ((uint64_t)element->type.size * array->nelems > INT32_MAX / 8)
        return refuse(types, source, error, "is an array that is too large");
    node = node_new(types, source, LBPF_TYPE_ARRAY, 0, NULL, error);
    if (!node)
        return NULL;
    node->type.size = element->type.size * array->nelems;
    node->type.element = &element->type;
    node->type.count = array->nelems;
    node->depth = element->depth + 1;
    return node;
}

/*
 * Fills one member. Bit fields come in two encodings: the struct's kind flag says that the member
 * itself carries its size; without it, an old compiler says so through an integer type of few bits.
 */
static bool build_member(struct lbpf_types *types, const struct btf_type *source, uint16_t index,
                         struct node *record, struct lbpf_member *member, unsigned depth,
                         struct lbpf_error *error)
{
    const struct btf_member *from = btf_members(source) + index;
    struct node *part = get_node(types, from->type, depth + 1, error);
    uint64_t bits;

    if (!part)
        return false;
    member->name = name_at(types, from->name_off);
    member->type = &part->type;
    member->bit_offset = btf_member_bit_offset(source, index);
    member->bit_size = btf_member_bitfield_size(source, index);
    if (!btf_kflag(source) && part->type.kind == LBPF_TYPE_INT) {
        const struct btf_type *integer = btf__type_by_id(types->btf, part->type.btf_id);

        if (btf_int_bits(integer) != part->type.size * 8) {
            member->bit_size = btf_int_bits(integer);
            member->bit_offset += btf_int_offset(integer);
        }
    }
    bits = member->bit_size ? member->bit_size : (uint64_t)part->type.size * 8;
    if (part->type.kind == LBPF_TYPE_VOID || member->bit_offset + bits > source->size * 8ull ||
        (!member->bit_size && member->bit_offset % 8)) {
        refuse(types, source, error, "has a member that lies outside of it");
        return false;
    }
    if (member->bit_size &&
        (bits > 64 || bits > part->type.size * 8ull || lbpf_type_is_record(&part->type) ||
         part->type.kind == LBPF_TYPE_ARRAY || part->type.kind == LBPF_TYPE_FLOAT)) {
        refuse(types, source, error, "has an impossible bit field");
        return false;
    }
    if (part->depth + 1 > record->depth)
        record->depth = part->depth + 1;
    if (!member->name[0])
        record->flat_members += part->flat_members;
    if (++record->flat_members > FLAT_MEMBERS_MAX) {
        refuse(types, source, error, "has too many members");
        return false;
    }
    return true;
}

static struct node *build_record(struct lbpf_types *types, const struct btf_type *source,
                                 unsigned depth, struct lbpf_error *error)
{
    enum lbpf_type_kind kind = btf_is_union(source) ? LBPF_TYPE_UNION : LBPF_TYPE_STRUCT;
    uint16_t count = btf_vlen(source);
    struct lbpf_member *members;
    struct node *node;
    void *parts;

    if (source->size > INT32_MAX / 8)
        return refuse(types, source, error, "is too large");
    node = node_new(types, source, kind, count * sizeof *members, &parts, error);
    if (!node)
        return NULL;
    members = parts;
    for (uint16_t i = 0; i < count; i++)
        if (!build_member(types, source, i, node, &members[i], depth, error))
            return NULL; /* what was built of it stays in the set's list, out of reach */
    node->type.size = source->size;
    node->type.members = members;
    node->type.member_count = count;
    return node;
}

static struct node *build(struct lbpf_types *types, const struct btf_type *source, unsigned depth,
                          struct lbpf_error *error)
{
    struct node *node;

    switch (btf_kind(source)) {
    case BTF_KIND_INT:
        return build_int(types, source, error);
    case BTF_KIND_FLOAT:
        return build_float(types, source, error);
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
        return build_enum(types, source, error);
    case BTF_KIND_PTR:
        node = node_new(types, source, LBPF_TYPE_POINTER, 0, NULL, error);
        if (node)
            node->type.size = 8; /* of the BPF machine, whatever the host's is */
        return node;
    case BTF_KIND_ARRAY:
        return build_array(types, source, depth, error);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        return build_record(types, source, depth, error);
    case BTF_KIND_FWD:
        return refuse(types, source, error, "is declared but not defined");
    default:
        return refuse(types, source, error, "is no type of a value");
    }
}

/* Looks through typedefs and qualifiers. A chain that does not end is a cycle. */
static const struct btf_type *skip_names(const struct lbpf_types *types, uint32_t *id)
{
    for (unsigned steps = 0; steps < DEPTH_MAX; steps++) {
        const struct btf_type *source = btf__type_by_id(types->btf, *id);

        if (!source || *id == 0)
            return NULL;
        if (!btf_is_typedef(source) && !btf_is_mod(source) && !btf_is_type_tag(source))
            return source;
        *id = source->type;
        if (*id == 0)
            return NULL;
    }
    return NULL;
}

static struct node *get_node(struct lbpf_types *types, uint32_t id, unsigned depth,
                             struct lbpf_error *error)
{
    const struct btf_type *source = skip_names(types, &id);
    struct node *node;

    if (!source && id != 0) {
        lbpf_error_set(error, EINVAL, op, "the object's BTF has no type number %u", id);
        return NULL;
    }
    if (id >= types->id_count || depth > DEPTH_MAX)
        return refuse(types, source, error, "is nested too deep");
    if (types->by_id[id]) {
        if (types->by_id[id]->depth + depth > DEPTH_MAX + 1)
            return refuse(types, source, error, "is nested too deep");
        return types->by_id[id];
    }
    if (!source) {
        node = node_new(types, NULL, LBPF_TYPE_VOID, 0, NULL, error);
    } else {
        if (types->building[id])
            return refuse(types, source, error, "contains itself");
        types->building[id] = true;
        node = build(types, source, depth, error);
        types->building[id] = false;
    }
    if (node) {
        node->type.btf_id = id;
        types->by_id[id] = node;
    }
    return node;
}

const struct lbpf_type *lbpf_types_get(struct lbpf_types *types, uint32_t btf_id,
                                       struct lbpf_error *error)
{
    struct node *node = get_node(types, btf_id, 1, error);

    return node ? &node->type : NULL;
}

const struct lbpf_type *lbpf_types_find(struct lbpf_types *types, const char *name,
                                        struct lbpf_error *error)
{
    static const struct {
        const char *prefix;
        uint32_t kinds[3];
    } spellings[] = {
        {"struct ", {BTF_KIND_STRUCT, 0, 0}},
        {"union ", {BTF_KIND_UNION, 0, 0}},
        {"enum ", {BTF_KIND_ENUM, BTF_KIND_ENUM64, 0}},
        {"", {BTF_KIND_TYPEDEF, BTF_KIND_INT, BTF_KIND_FLOAT}},
    };
    size_t i = 0;

    while (strncmp(name, spellings[i].prefix, strlen(spellings[i].prefix)) != 0)
        i++;
    for (size_t k = 0; k < 3 && spellings[i].kinds[k]; k++) {
        int id = btf__find_by_name_kind(types->btf, name + strlen(spellings[i].prefix),
                                        spellings[i].kinds[k]);

        if (id > 0)
            return lbpf_types_get(types, (uint32_t)id, error);
    }
    lbpf_error_set(error, ENOENT, op, "the program uses no type '%s'", name);
    return NULL;
}
