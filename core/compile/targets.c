/*
 * What the verifier knows of the arguments of fentry, fexit, LSM and typed tracepoint programs. It
 * goes by the kernel's own prototypes, whatever the program declares; so they are looked up here,
 * and only by them the plugin may follow an argument without a helper.
 */
#include "compile/targets.h"

#include "compile/arguments.h"

#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 128, MAX_TARGETS = 64, MAX_ARGUMENTS = 12 };
enum { MAY_BE_NULL_SINCE = 0x60e00 }; /* since 6.14 some arguments of tracepoints must be checked */

struct target {
    char name[NAME_SIZE]; /* as the kernel's BTF has it */
    const char *kind;     /* fn, lsm, tp */
    size_t prefix;        /* of name, which the program does not write */
};

struct targets {
    struct target items[MAX_TARGETS];
    size_t count;
};

/* How programs write what they are for; the name of the function follows. */
static const struct {
    const char *mark, *kind, *prefix;
} marks[] = {
    {"KFUNC_PROBE(", "fn", ""},        {"KRETFUNC_PROBE(", "fn", ""},
    {"KMOD_RET(", "fn", ""},           {"LSM_PROBE(", "lsm", "bpf_lsm_"},
    {"\"fentry/", "fn", ""},           {"\"fexit/", "fn", ""},
    {"\"fmod_ret/", "fn", ""},         {"\"fentry.s/", "fn", ""},
    {"\"fexit.s/", "fn", ""},          {"\"fmod_ret.s/", "fn", ""},
    {"\"lsm/", "lsm", "bpf_lsm_"},     {"\"lsm.s/", "lsm", "bpf_lsm_"},
    {"\"tp_btf/", "tp", "btf_trace_"},
};

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void add_target(struct targets *targets, const char *kind, const char *prefix,
                       const char *at, const char *end)
{
    struct target *target = &targets->items[targets->count];
    size_t size = 0;

    while (at < end && (*at == ' ' || *at == '\n'))
        at++;
    while (at + size < end && is_name(at[size]))
        size++;
    if (!size || targets->count == MAX_TARGETS || size + strlen(prefix) >= NAME_SIZE)
        return;
    target->kind = kind;
    target->prefix = strlen(prefix);
    snprintf(target->name, sizeof target->name, "%s%.*s", prefix, (int)size, at);
    for (size_t i = 0; i < targets->count; i++)
        if (!strcmp(targets->items[i].name, target->name))
            return;
    targets->count++;
}

static void find_targets(const struct lbpf_source *source, struct targets *targets)
{
    const char *end = source->text + source->size;

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t size = strlen(marks[i].mark);

        for (const char *at = source->text;
             (at = memmem(at, (size_t)(end - at), marks[i].mark, size));) {
            bool whole = at == source->text || !is_name(at[-1]);

            at += size;
            if (whole)
                add_target(targets, marks[i].kind, marks[i].prefix, at, end);
        }
    }
}

/* Pointers into another address space, which the verifier lets nobody follow directly. Only
 * kernels built by clang say which these are, and then not in the C text of the types. */
static bool has_address_spaces(const struct lbpf_kernel_btf *btf)
{
    for (uint32_t id = 1; id < btf->count; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(btf, id);
        const char *name = lbpf_kernel_btf_string(btf, type->name_off);

        if (lbpf_btf_kind(type) == BTF_KIND_TYPE_TAG &&
            (!strcmp(name, "user") || !strcmp(name, "percpu")))
            return true;
    }
    return false;
}

/* The prototype behind a function or behind a tracepoint's typedef, or 0. */
static uint32_t prototype_of(const struct lbpf_kernel_btf *btf, const struct btf_type *type)
{
    uint32_t id = lbpf_kernel_btf_strip(btf, type->type);

    type = lbpf_kernel_btf_type(btf, id);
    if (lbpf_btf_kind(type) == BTF_KIND_PTR)
        id = lbpf_kernel_btf_strip(btf, type->type);
    return lbpf_btf_kind(lbpf_kernel_btf_type(btf, id)) == BTF_KIND_FUNC_PROTO ? id : 0;
}

/* A member for what is in word `index` of the context, if that is a pointer to a structure that
 * the program does not define itself. */
static void write_pointer(const struct lbpf_kernel_btf *btf,
                          const struct lbpf_identifiers *identifiers, const struct target *target,
                          unsigned index, uint32_t id, struct lbpf_buffer *text)
{
    const struct btf_type *type = lbpf_kernel_btf_type(btf, lbpf_kernel_btf_strip(btf, id));
    const struct lbpf_strmap_entry *own;
    const char *tag;

    if (lbpf_btf_kind(type) != BTF_KIND_PTR)
        return;
    type = lbpf_kernel_btf_type(btf, lbpf_kernel_btf_strip(btf, type->type));
    tag = lbpf_kernel_btf_string(btf, type->name_off);
    own = lbpf_strmap_get(&identifiers->defined, tag, strlen(tag));
    if (lbpf_btf_kind(type) == BTF_KIND_STRUCT && *tag && !(own && own->value & LBPF_DEFINES_TAG))
        lbpf_buffer_printf(text, "\tstruct %s *%s_%u_%s;\n", tag, target->kind, index,
                           target->name + target->prefix);
}

static bool ends_nullable(const char *name)
{
    const char *end = strstr(name, "__nullable");

    return end && !end[sizeof "__nullable" - 1];
}

static void write_target(const struct lbpf_kernel_btf *btf,
                         const struct lbpf_identifiers *identifiers, const struct target *target,
                         uint32_t prototype, struct lbpf_buffer *text)
{
    const struct btf_type *type = lbpf_kernel_btf_type(btf, prototype);
    const struct btf_param *parameters = (const void *)(type + 1);
    unsigned hidden = !strcmp(target->kind, "tp"); /* its first parameter is not in the context */
    unsigned count = lbpf_btf_vlen(type);

    if (count > MAX_ARGUMENTS)
        return;
    for (unsigned i = hidden; i < count; i++) {
        uint32_t id = lbpf_kernel_btf_strip(btf, parameters[i].type);

        if (lbpf_btf_is_aggregate(lbpf_kernel_btf_type(btf, id)))
            return; /* takes one word or two */
        if (!ends_nullable(lbpf_kernel_btf_string(btf, parameters[i].name_off)))
            write_pointer(btf, identifiers, target, i - hidden, id, text);
    }
    if (!hidden)
        write_pointer(btf, identifiers, target, count, type->type, text);
}

static void write_targets(const struct lbpf_kernel_btf *btf,
                          const struct lbpf_identifiers *identifiers, struct targets *targets,
                          struct lbpf_buffer *text)
{
    for (uint32_t id = 1; id < btf->count && targets->count; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(btf, id);
        bool is_function = lbpf_btf_kind(type) == BTF_KIND_FUNC;
        const char *name;

        if (!is_function && lbpf_btf_kind(type) != BTF_KIND_TYPEDEF)
            continue;
        name = lbpf_kernel_btf_string(btf, type->name_off);
        for (size_t i = 0; i < targets->count; i++) {
            struct target *target = &targets->items[i];

            if (is_function == !strcmp(target->kind, "tp") || strcmp(name, target->name) != 0)
                continue;
            write_target(btf, identifiers, target, prototype_of(btf, type), text);
            *target = targets->items[--targets->count]; /* libbpf takes the first of a name */
            break;
        }
    }
}

void lbpf_targets_write(const struct lbpf_kernel_btf *btf, const struct lbpf_source *source,
                        const struct lbpf_identifiers *identifiers, struct lbpf_buffer *text)
{
    struct targets targets = {.count = 0};
    struct lbpf_buffer members = {0};
    bool task = lbpf_strmap_has(&identifiers->names, "bpf_get_current_task_btf") &&
                memmem(source->text, source->size, "bpf_get_current_task_btf", 24);

    find_targets(source, &targets);
    for (size_t i = 0; i < targets.count;)
        if (!strcmp(targets.items[i].kind, "tp") && lbpf_kernel_version_code() >= MAY_BE_NULL_SINCE)
            targets.items[i] = targets.items[--targets.count];
        else
            i++;
    if ((!targets.count && !task) || has_address_spaces(btf))
        return;
    if (task)
        lbpf_buffer_append_string(&members, "\tstruct task_struct *current;\n");
    write_targets(btf, identifiers, &targets, &members);
    if (members.size)
        lbpf_buffer_printf(text, "struct lbpf_targets {\n%s} lbpf_targets;\n",
                           lbpf_buffer_string(&members));
    lbpf_buffer_free(&members);
}
