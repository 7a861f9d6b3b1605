/*
 * Each kind of function is a prefix on BTF names. A raw tracepoint is a typedef of a pointer to its
 * prototype, all others are functions. Names that several source files give to functions of their
 * own come once for each.
 */
#include "compile/kernel_functions.h"

#include "compile/module_btf.h"
#include "compile/type_text.h"
#include "host/match.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *prefix;
    uint32_t btf_kind;
    uint32_t hidden_parameters; /* at the front, not passed to programs */
} kinds[] = {
    [LBPF_KERNEL_FUNCTION] = {"", BTF_KIND_FUNC, 0},
    [LBPF_KERNEL_LSM_HOOK] = {"bpf_lsm_", BTF_KIND_FUNC, 0},
    [LBPF_KERNEL_ITERATOR] = {"bpf_iter_", BTF_KIND_FUNC, 0},
    [LBPF_KERNEL_RAW_TRACEPOINT] = {"btf_trace_", BTF_KIND_TYPEDEF, 1},
};

struct listing {
    struct lbpf_kernel_btf btf;
    enum lbpf_kernel_function_kind kind;
    const struct lbpf_match *match; /* NULL: everything */
    int (*visit)(void *context, const struct lbpf_kernel_function *function);
    void *context;
};

/* The prototype behind a function or a typedef of a pointer to one; NULL for anything else. */
static const struct btf_type *prototype_of(const struct lbpf_kernel_btf *btf,
                                           const struct btf_type *type)
{
    const struct btf_type *next = lbpf_kernel_btf_type(btf, lbpf_kernel_btf_strip(btf, type->type));

    if (lbpf_btf_kind(next) == BTF_KIND_PTR)
        next = lbpf_kernel_btf_type(btf, lbpf_kernel_btf_strip(btf, next->type));
    return lbpf_btf_kind(next) == BTF_KIND_FUNC_PROTO ? next : NULL;
}

/* "struct x___12" is how two types of one name are told apart in a program; here it would confuse.
 */
static void remove_suffixes(char *text)
{
    char *to = text;

    for (const char *from = text; *from;) {
        if (!strncmp(from, "___", 3) && from[3] >= '0' && from[3] <= '9')
            from += 3 + strspn(from + 3, "0123456789");
        else
            *to++ = *from++;
    }
    *to = '\0';
}

static int declare(struct lbpf_type_text *text, const char *name, const struct btf_type *prototype,
                   uint32_t hidden)
{
    const struct btf_param *parameters = (const void *)(prototype + 1);
    uint32_t count = lbpf_btf_vlen(prototype);
    struct lbpf_buffer head = {0};

    text->out->size = 0;
    lbpf_buffer_printf(&head, "%s(", name);
    for (uint32_t i = hidden; i < count; i++) {
        const char *parameter = lbpf_kernel_btf_string(text->btf, parameters[i].name_off);

        if (i > hidden)
            lbpf_buffer_append_string(&head, ", ");
        if (!parameters[i].type) /* how BTF says that there may be more */
            lbpf_buffer_append_string(&head, "...");
        else
            lbpf_type_text_print(text, &head, parameters[i].type, parameter);
    }
    lbpf_buffer_append_string(&head, count > hidden ? ")" : "void)");
    lbpf_type_text_print(text, text->out, prototype->type, lbpf_buffer_string(&head));
    lbpf_buffer_free(&head);
    if (text->out->failed || text->failed)
        return -ENOMEM;
    remove_suffixes(text->out->data);
    return 0;
}

/* Functions beside the hooks share their prefix; the table of hooks has a member for each. */
static bool is_lsm_hook(const struct lbpf_kernel_btf *btf, const char *name)
{
    for (uint32_t id = 1; id < btf->count; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(btf, id);
        const struct btf_member *members = lbpf_btf_members(type);

        if (lbpf_btf_kind(type) != BTF_KIND_UNION ||
            strcmp(lbpf_kernel_btf_string(btf, type->name_off), "security_list_options"))
            continue;
        for (uint32_t i = 0; i < lbpf_btf_vlen(type); i++)
            if (!strcmp(lbpf_kernel_btf_string(btf, members[i].name_off), name))
                return true;
    }
    return false;
}

/* The kernel declares each iterator as a function of what its programs get, the first being meta.
 */
static bool is_iterator(const struct lbpf_kernel_btf *btf, const struct btf_type *prototype)
{
    const struct btf_param *parameters = (const void *)(prototype + 1);

    return lbpf_btf_vlen(prototype) > 0 &&
           !strcmp(lbpf_kernel_btf_string(btf, parameters[0].name_off), "meta");
}

static bool belongs(const struct listing *listing, const char *name,
                    const struct btf_type *prototype)
{
    switch (listing->kind) {
    case LBPF_KERNEL_LSM_HOOK:
        return is_lsm_hook(&listing->btf, name);
    case LBPF_KERNEL_ITERATOR:
        return is_iterator(&listing->btf, prototype);
    default:
        return true;
    }
}

/* The name that a type gives to the listing, or NULL when it is not for it. */
static const char *wanted(const struct listing *listing, const struct btf_type *type)
{
    const char *prefix = kinds[listing->kind].prefix;
    const char *name = lbpf_kernel_btf_string(&listing->btf, type->name_off);

    if (lbpf_btf_kind(type) != kinds[listing->kind].btf_kind ||
        strncmp(name, prefix, strlen(prefix)))
        return NULL;
    name += strlen(prefix);
    return listing->match && !lbpf_match_name(listing->match, name) ? NULL : name;
}

/* Visits the types from first_id to the end. */
static int visit_types(void *context, const char *module, uint32_t first_id)
{
    static const struct lbpf_identifiers nothing;
    const struct listing *listing = context;
    struct lbpf_buffer declaration = {0};
    struct lbpf_type_text text;
    int result = lbpf_type_text_init(&text, &listing->btf, &nothing, &declaration);

    for (uint32_t id = first_id; !result && id < listing->btf.count; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(&listing->btf, id), *prototype;
        const char *name = wanted(listing, type);

        prototype = name ? prototype_of(&listing->btf, type) : NULL;
        if (!prototype || !belongs(listing, name, prototype))
            continue;
        result = declare(&text, name, prototype, kinds[listing->kind].hidden_parameters);
        if (!result)
            result = listing->visit(
                listing->context, &(struct lbpf_kernel_function){.name = name,
                                                                 .module = module,
                                                                 .declaration = declaration.data});
    }
    lbpf_type_text_free(&text);
    lbpf_buffer_free(&declaration);
    return result;
}

int lbpf_kernel_functions(enum lbpf_kernel_function_kind kind, const char *expression,
                          int (*visit)(void *context, const struct lbpf_kernel_function *function),
                          void *context, struct lbpf_error *error)
{
    struct listing listing = {.kind = kind, .visit = visit, .context = context};
    struct lbpf_match match;
    int result;

    if (expression) {
        result = lbpf_match_open(&match, expression, "list kernel functions", error);
        if (result)
            return result;
        listing.match = &match;
    }
    result = lbpf_kernel_btf_open(&listing.btf, NULL, error);
    if (!result) {
        result = visit_types(&listing, "vmlinux", 1);
        if (!result)
            result = lbpf_module_btf_each(&listing.btf, visit_types, &listing);
        lbpf_kernel_btf_close(&listing.btf);
        if (result == -ENOMEM)
            lbpf_error_set(error, ENOMEM, "list kernel functions", "out of memory");
    }
    if (listing.match)
        lbpf_match_close(&match);
    return result;
}
