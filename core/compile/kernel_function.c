/*
 * Looks a function up in the kernel's BTF: one walk over all types. The names are compared by their
 * place in the string section, which has each text once. Which module a function is in only the
 * list of all symbols tells, which takes far longer to read.
 */
#include "compile/kernel_function.h"

#include "compile/kernel_btf.h"
#include "compile/module_btf.h"
#include "host/kallsyms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Bytes of a number or pointer, 0 for anything else. */
static unsigned scalar_size(const struct lbpf_kernel_btf *btf, uint32_t id)
{
    const struct btf_type *type = lbpf_kernel_btf_type(btf, lbpf_kernel_btf_strip(btf, id));

    if (lbpf_btf_kind(type) == BTF_KIND_PTR)
        return sizeof(uint64_t);
    if (lbpf_btf_kind(type) == BTF_KIND_INT || lbpf_btf_is_enum(type))
        return type->size <= sizeof(uint64_t) ? type->size : 0;
    return 0;
}

static int describe(const struct lbpf_kernel_btf *btf, const struct btf_type *prototype,
                    struct lbpf_kernel_function *function)
{
    const struct btf_param *parameters = (const struct btf_param *)(prototype + 1);

    function->argument_count = lbpf_btf_vlen(prototype);
    if (function->argument_count > LBPF_KERNEL_ARGUMENTS)
        return -EOPNOTSUPP;
    for (unsigned i = 0; i < function->argument_count; i++) {
        function->argument_sizes[i] = (uint8_t)scalar_size(btf, parameters[i].type);
        if (!function->argument_sizes[i]) /* the dots of a variable list are such, too */
            return -EOPNOTSUPP;
    }
    function->has_result = lbpf_kernel_btf_strip(btf, prototype->type) != 0;
    if (function->has_result && !scalar_size(btf, prototype->type))
        return -EOPNOTSUPP;
    return 0;
}

static int find(const struct lbpf_kernel_btf *btf, uint32_t first, const char *name,
                struct lbpf_kernel_function *function)
{
    const struct btf_type *prototype;
    uint32_t place = 0;

    function->id = 0;
    for (uint32_t id = first; id < btf->count; id++) {
        const struct btf_type *type = lbpf_kernel_btf_type(btf, id);

        if (lbpf_btf_kind(type) != BTF_KIND_FUNC)
            continue;
        if (place ? type->name_off != place
                  : strcmp(lbpf_kernel_btf_string(btf, type->name_off), name) != 0)
            continue;
        if (function->id)
            return -ENOTUNIQ;
        function->id = id;
        place = type->name_off;
    }
    if (!function->id)
        return -ENOENT;
    prototype = lbpf_kernel_btf_type(btf, lbpf_kernel_btf_type(btf, function->id)->type);
    if (lbpf_btf_kind(prototype) != BTF_KIND_FUNC_PROTO)
        return -ENOENT;
    return describe(btf, prototype, function);
}

int lbpf_kernel_function_find(const char *name, struct lbpf_kernel_function *function)
{
    struct lbpf_kernel_btf btf = {0};
    struct lbpf_error error = {0};
    int result = lbpf_kernel_btf_open(&btf, NULL, &error);

    lbpf_error_clear(&error);
    if (result)
        return result;
    function->module[0] = '\0';
    result = find(&btf, 1, name, function);
    lbpf_kernel_btf_close(&btf);
    return result;
}

/* --- in a module
 * ----------------------------------------------------------------------------------------- */

struct search {
    const char *name;
    unsigned count;
    char module[LBPF_MODULE_NAME_SIZE]; /* of the last one found */
};

static int compare_symbol(void *context, const struct lbpf_ksym *symbol, char type)
{
    struct search *search = context;

    if (strcmp(symbol->name, search->name) == 0 && strchr("tTwW", type)) {
        search->count++;
        snprintf(search->module, sizeof search->module, "%s", symbol->module);
    }
    return 0;
}

/* The module of the only function that has the name. */
static int search_symbols(struct search *search)
{
    if (strchr(search->name, '.')) /* made by the compiler: BTF has no such names */
        return -ENOENT;
    lbpf_kallsyms_scan(NULL, compare_symbol, search, NULL);
    if (search->count > 1)
        return -ENOTUNIQ;
    return search->count ? 0 : -ENOENT;
}

static int find_in(const char *module, const char *name, struct lbpf_kernel_function *function)
{
    struct lbpf_kernel_btf btf = {0};
    struct lbpf_error error = {0};
    int64_t first;
    int result = lbpf_kernel_btf_open(&btf, NULL, &error);

    lbpf_error_clear(&error);
    if (result)
        return result;
    first = lbpf_module_btf_add_one(&btf, module);
    result = first > 0 ? find(&btf, (uint32_t)first, name, function) : first ? (int)first : -ENOENT;
    lbpf_kernel_btf_close(&btf);
    return result;
}

int lbpf_module_function_find(const char *name, struct lbpf_kernel_function *function)
{
    const char *colon = strchr(name, ':');
    struct search search = {.name = colon ? colon + 1 : name};
    size_t size = colon ? (size_t)(colon - name) : 0;
    int result = search_symbols(&search);

    if (result)
        return result;
    if (colon && (strlen(search.module) != size || strncmp(search.module, name, size) != 0))
        return -ENOENT;
    result = find_in(search.module, search.name, function);
    snprintf(function->module, sizeof function->module, "%s", search.module);
    return result;
}
