/*
 * The C functions behind bpf_usdt_readarg(). For each function of the program and each argument one
 * reader is made, with the places of all probes that the function is enabled for:
 *
 *     static int _bpf_readarg_on_line_2(struct pt_regs *ctx, void *to, unsigned long size)
 *
 * Where all locations keep the argument in the same place, that is a plain read. Else it branches
 * by the attach cookie, a number that the kernel keeps with each probe; locations that agree in all
 * their arguments share one. Symbols need no look into the process: the probe's own address, in the
 * file and in the register, tells how far the file was moved.
 */
#include "attach/usdt_private.h"

#include "base/architecture.h"
#include "base/strmap.h"
#include "elf/address.h"
#include "elf/file.h"
#include "host/features.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char op[] = "enable USDT probe";

enum { PAGE_MASK = 4095 };

/* --- one argument ------------------------------------------------------------------------------
 */

/* A value of size bytes as C. */
static const char *type_of(int size, bool is_signed)
{
    static const char *const names[2][9] = {
        {[1] = "__u8", [2] = "__u16", [4] = "__u32", [8] = "__u64"},
        {[1] = "__s8", [2] = "__s16", [4] = "__s32", [8] = "__s64"},
    };

    return names[is_signed][size];
}

static void write_register(struct lbpf_buffer *text, const struct lbpf_usdt_register *from)
{
    if (*from->member)
        lbpf_buffer_printf(text, "(__u64)(%s)ctx->%s", type_of(from->width / 8, from->is_signed),
                           from->member);
    else
        lbpf_buffer_append_string(text, "0");
}

/* How far the symbol is from the probe, so that the sum with the probe's address is right wherever
 * the file is mapped. */
static bool write_symbol(struct lbpf_buffer *text, const struct lbpf_elf_file *file,
                         const struct lbpf_usdt_location *location,
                         struct lbpf_usdt_argument *argument)
{
    uint64_t address;
    int result = lbpf_elf_find_address(file, argument->symbol, argument->symbol_size, &address);

    if (result < 0) {
        snprintf(argument->refused, sizeof argument->refused, "%s %.*s",
                 result == -EEXIST       ? "several static variables are called"
                 : result == -EOPNOTSUPP ? "it lies in thread-local memory:"
                                         : "the file has no symbol",
                 (int)argument->symbol_size, argument->symbol);
        return false;
    }
    address += (uint64_t)argument->offset;
    if (argument->low_bits_only)
        lbpf_buffer_printf(text, "%" PRIu64 "ull", address & PAGE_MASK);
    else
        lbpf_buffer_printf(text, "ctx->%s + %" PRIu64 "ull",
                           lbpf_architecture_own()->instruction_pointer,
                           address - location->address);
    return true;
}

/* The sum of all parts of an address, modulo 2^64. */
static bool write_address(struct lbpf_buffer *text, const struct lbpf_elf_file *file,
                          const struct lbpf_usdt_location *location,
                          struct lbpf_usdt_argument *argument)
{
    if (argument->symbol) {
        if (!write_symbol(text, file, location, argument))
            return false;
    } else {
        lbpf_buffer_printf(text, "%" PRIu64 "ull", (uint64_t)argument->offset);
    }
    if (argument->base.member) {
        lbpf_buffer_append_string(text, " + ");
        write_register(text, &argument->base);
    }
    if (argument->index.member) {
        lbpf_buffer_append_string(text, " + ");
        write_register(text, &argument->index);
        lbpf_buffer_printf(text, " * %d", argument->scale);
    }
    return true;
}

/* Without the asm LLVM may choose between addresses in ctx, which the verifier refuses. */
static void write_value(struct lbpf_buffer *text, const struct lbpf_usdt_argument *argument)
{
    const struct lbpf_usdt_register *base = &argument->base;

    lbpf_buffer_printf(text, "__u64 raw = %s%s; __asm__ volatile(\"\" : \"+r\"(raw)); ",
                       *base->member ? "ctx->" : "0", base->member);
    lbpf_buffer_printf(text, "value = (%s)(%s)(raw >> %d);",
                       type_of(argument->size, argument->is_signed),
                       type_of(base->width / 8, argument->is_signed), base->shift);
}

/* Statements that put the argument into `value`; they are the same for equal places. */
static bool write_read(struct lbpf_buffer *text, const struct lbpf_elf_file *file,
                       const struct lbpf_usdt_location *location,
                       struct lbpf_usdt_argument *argument)
{
    const char *type = type_of(argument->size, argument->is_signed);
    bool is_32 = file->header.e_ident[EI_CLASS] == ELFCLASS32, good = true;

    switch (argument->place) {
    case LBPF_USDT_CONSTANT:
        lbpf_buffer_printf(text, "value = (%s)%" PRIu64 "ull;", type, (uint64_t)argument->offset);
        break;
    case LBPF_USDT_REGISTER:
        write_value(text, argument);
        break;
    case LBPF_USDT_ADDRESS:
        lbpf_buffer_append_string(text, "value = ");
        good = write_address(text, file, location, argument);
        lbpf_buffer_append_string(text, ";");
        break;
    case LBPF_USDT_MEMORY:
        lbpf_buffer_append_string(text, "__u64 at = ");
        good = write_address(text, file, location, argument);
        lbpf_buffer_printf(text,
                           "; __asm__ volatile(\"\" : \"+r\"(at)); %s found; long result = "
                           "bpf_probe_read_user(&found, sizeof(found), (void *)%sat); "
                           "if (result) return result; value = found;",
                           type, is_32 ? "(unsigned long)(__u32)" : "");
        break;
    }
    return good;
}

/* --- the locations of one function -------------------------------------------------------------
 */

/* One argument at one location. */
struct place {
    struct lbpf_usdt_location *location;
    int size;
    bool is_signed;
    char *read;        /* C, or NULL when it can't be read */
    char refused[256]; /* then why not */
};

/* All locations of one function; the places of argument n follow those of argument n - 1. */
struct use {
    const char *function;
    struct place *places;
    size_t place_count, place_capacity;
    size_t *numbers; /* argument number of each place */
    struct lbpf_strmap cookies;
    size_t argument_count;
    bool by_address; /* the kernel has no cookies */
};

static void free_use(struct use *use)
{
    for (size_t i = 0; i < use->place_count; i++)
        free(use->places[i].read);
    free(use->places);
    free(use->numbers);
    lbpf_strmap_free(&use->cookies);
}

static struct place *add_place(struct use *use, size_t number)
{
    if (use->place_count == use->place_capacity) {
        size_t capacity = use->place_capacity ? use->place_capacity * 2 : 16;
        struct place *places = realloc(use->places, capacity * sizeof *places);
        size_t *numbers;

        if (!places)
            return NULL;
        use->places = places;
        numbers = realloc(use->numbers, capacity * sizeof *numbers);
        if (!numbers)
            return NULL;
        use->numbers = numbers;
        use->place_capacity = capacity;
    }
    use->numbers[use->place_count] = number;
    if (number > use->argument_count)
        use->argument_count = number;
    memset(&use->places[use->place_count], 0, sizeof *use->places);
    return &use->places[use->place_count++];
}

static bool is_own_machine(unsigned machine)
{
    const struct lbpf_architecture *own = lbpf_architecture_own();

    return (int)machine == own->elf_machine || (int)machine == own->elf_machine_32;
}

static void refuse_place(struct place *place, const struct lbpf_usdt_probe *probe, size_t number,
                         const char *why)
{
    /* Names out of the file were read as text of the user's C: keep it harmless. */
    snprintf(place->refused, sizeof place->refused, "argument %zu of %.40s:%.40s can't be read: %s",
             number, probe->provider, probe->name, why);
    for (char *at = place->refused; *at; at++)
        if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\' || *at == '?')
            *at = '_';
}

/* Reads the arguments of a location, and gives it the cookie of its like. */
static int take_location(struct use *use, const struct lbpf_elf_file *file,
                         const struct lbpf_usdt_probe *probe, struct lbpf_usdt_location *location)
{
    const char *text = location->arguments;
    struct lbpf_buffer whole = {0};
    struct lbpf_strmap_entry *known;
    struct lbpf_usdt_argument argument;
    int result = 0;

    for (size_t number = 1;
         !whole.failed && lbpf_usdt_argument_next(&text, file->header.e_machine, &argument);
         number++) {
        struct place *place = add_place(use, number);
        struct lbpf_buffer read = {0};

        if (!place)
            whole.failed = true;
        if (!place)
            break;
        place->location = location;
        place->size = argument.size;
        place->is_signed = argument.is_signed;
        if (!argument.refused[0] && !is_own_machine(file->header.e_machine))
            snprintf(argument.refused, sizeof argument.refused, "the file is for another machine");
        if (!argument.refused[0] && write_read(&read, file, location, &argument) && !read.failed)
            lbpf_buffer_printf(&whole, "%zu %d %s\n", number, argument.size, read.data);
        else
            refuse_place(place, probe, number, argument.refused);
        whole.failed |= read.failed;
        if (!place->refused[0])
            place->read = lbpf_buffer_take(&read);
        lbpf_buffer_free(&read);
    }
    if (whole.failed)
        result = -ENOMEM;
    known = result ? NULL : lbpf_strmap_get(&use->cookies, lbpf_buffer_string(&whole), whole.size);
    location->cookie = known ? known->value : use->cookies.count;
    if (!result && !known)
        result = lbpf_strmap_set(&use->cookies, lbpf_buffer_string(&whole), whole.size,
                                 location->cookie);
    lbpf_buffer_free(&whole);
    return result;
}

static int take_probe(struct use *use, const struct lbpf_usdt *usdt, struct lbpf_usdt_probe *probe,
                      struct lbpf_error *error)
{
    size_t at = 0;
    int result = 0;

    while (result == 0 && at < probe->location_count) {
        size_t number = probe->locations[at].file;
        struct lbpf_elf_file file;
        int fd = fcntl(usdt->files[number].fd, F_DUPFD_CLOEXEC, 0);

        result = lbpf_elf_open_fd(&file, fd < 0 ? -errno : fd, usdt->files[number].path, error);
        if (result < 0)
            return result;
        for (; result == 0 && at < probe->location_count && probe->locations[at].file == number;
             at++)
            result = take_location(use, &file, probe, &probe->locations[at]);
        lbpf_elf_close(&file);
        if (result < 0)
            return lbpf_error_no_memory(error, op);
    }
    return result;
}

/* --- text ---------------------------------------------------------------------------------------
 */

/* Argument n for which there is a place, the widest one; NULL when no location has it readable. */
static const struct place *widest(const struct use *use, size_t number)
{
    const struct place *best = NULL;

    for (size_t i = 0; i < use->place_count; i++)
        if (use->numbers[i] == number && use->places[i].read &&
            (!best || use->places[i].size > best->size))
            best = &use->places[i];
    return best;
}

static void write_label(const struct use *use, const struct place *place, struct lbpf_buffer *text)
{
    lbpf_buffer_printf(text, "    case %" PRIu64 ":\n",
                       use->by_address ? place->location->address & PAGE_MASK
                                       : place->location->cookie);
}

/* Whether location i is the first with its label among those of its argument. */
static bool is_first(const struct use *use, size_t i, struct lbpf_strmap *seen)
{
    char key[24];
    int size = snprintf(key, sizeof key, "%" PRIu64,
                        use->by_address ? use->places[i].location->address & PAGE_MASK
                                        : use->places[i].location->cookie);

    if (lbpf_strmap_get(seen, key, (size_t)size))
        return false;
    return lbpf_strmap_set(seen, key, (size_t)size, 1) == 0;
}

static int compare_places(const void *a, const void *b)
{
    const struct place *const *left = a, *const *right = b;
    uint64_t first = (*left)->location->cookie, second = (*right)->location->cookie;
    int order = strcmp((*left)->read, (*right)->read);

    return order ? order : (first > second) - (first < second);
}

/* The readable places of an argument, one for each label, with equal reads together. */
static struct place **list_places(struct use *use, size_t number, size_t *count)
{
    struct place **list = malloc((use->place_count + 1) * sizeof *list);
    struct lbpf_strmap seen = {0};

    *count = 0;
    for (size_t i = 0; list && i < use->place_count; i++)
        if (use->numbers[i] == number && use->places[i].read && is_first(use, i, &seen))
            list[(*count)++] = &use->places[i];
    lbpf_strmap_free(&seen);
    if (list)
        qsort(list, *count, sizeof *list, compare_places);
    return list;
}

/* Whether every location keeps the argument in the same place. */
static bool is_uniform(const struct use *use, size_t number, struct place *const *list,
                       size_t count)
{
    for (size_t i = 0; i < use->place_count; i++)
        if (use->numbers[i] == number && !use->places[i].read)
            return false;
    return count > 0 && strcmp(list[0]->read, list[count - 1]->read) == 0;
}

static void write_branches(const struct use *use, struct place *const *list, size_t count,
                           struct lbpf_buffer *text)
{
    if (use->by_address)
        lbpf_buffer_printf(text, "    switch (ctx->%s & %d) {\n",
                           lbpf_architecture_own()->instruction_pointer, PAGE_MASK);
    else
        lbpf_buffer_append_string(text, "    switch (bpf_get_attach_cookie(ctx)) {\n");
    for (size_t i = 0; i < count; i++) {
        write_label(use, list[i], text);
        if (i + 1 == count || strcmp(list[i]->read, list[i + 1]->read) != 0)
            lbpf_buffer_printf(text, "    {\n        %s\n        break;\n    }\n", list[i]->read);
    }
    lbpf_buffer_append_string(text, "    default:\n        return -1;\n    }\n");
}

/* Whether some location of the function has fewer arguments than number. */
static bool is_missing_somewhere(const struct use *use, size_t number, size_t location_count)
{
    size_t count = 0;

    for (size_t i = 0; i < use->place_count; i++)
        count += use->numbers[i] == number;
    return count < location_count;
}

static int write_reader(struct use *use, size_t number, size_t location_count,
                        struct lbpf_buffer *text)
{
    const struct place *wide = widest(use, number);
    struct place **list;
    const char *type;
    size_t count;

    if (!wide) {
        for (size_t i = 0; i < use->place_count; i++)
            if (use->numbers[i] == number) {
                lbpf_buffer_printf(text, "const char __lbpf_usdt_refused_%s_%zu[] = \"%s\";\n",
                                   use->function, number, use->places[i].refused);
                break;
            }
        return 0;
    }
    list = list_places(use, number, &count);
    if (!list)
        return -ENOMEM;
    type = type_of(wide->size, wide->is_signed);
    lbpf_buffer_printf(text,
                       "static __always_inline int _bpf_readarg_%s_%zu(struct pt_regs *ctx, void "
                       "*to, unsigned long size)\n{\n    %s value;\n\n"
                       "    if (size != sizeof(value))\n        return -1;\n",
                       use->function, number, type);
    if (is_uniform(use, number, list, count) && !is_missing_somewhere(use, number, location_count))
        lbpf_buffer_printf(text, "    {\n        %s\n    }\n", list[0]->read);
    else
        write_branches(use, list, count, text);
    lbpf_buffer_printf(text, "    *(%s *)to = value;\n    return 0;\n}\n", type);
    lbpf_buffer_printf(text,
                       "void *const __lbpf_usdt_reader_%s_%zu = (void *)_bpf_readarg_%s_%zu;\n",
                       use->function, number, use->function, number);
    free(list);
    return 0;
}

/* Page offsets must tell the locations apart where cookies can't. */
static int check_addresses(const struct use *use, struct lbpf_error *error)
{
    for (size_t i = 0; use->by_address && i < use->place_count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct lbpf_usdt_location *a = use->places[i].location,
                                            *b = use->places[j].location;

            if (a->cookie == b->cookie || (a->address & PAGE_MASK) != (b->address & PAGE_MASK))
                continue;
            lbpf_error_set(error, EOPNOTSUPP, op,
                           "the locations of the probes of %s can't be told apart: two of them "
                           "have the same place in a page",
                           use->function);
            lbpf_error_hint(error, "with attach cookies, which Linux has since 5.15, they can");
            return -EOPNOTSUPP;
        }
    return 0;
}

/* The readers of one function, out of all contexts. */
static int write_function(struct lbpf_usdt *const *contexts, size_t count, const char *function,
                          struct lbpf_buffer *text, struct lbpf_error *error)
{
    struct use use = {.function = function, .by_address = !lbpf_feature("cookie", NULL)};
    size_t location_count = 0;
    int result = 0;

    for (size_t i = 0; result == 0 && i < count; i++)
        for (size_t j = 0; result == 0 && j < contexts[i]->probe_count; j++) {
            struct lbpf_usdt_probe *probe = &contexts[i]->probes[j];

            if (!probe->function || strcmp(probe->function, function) != 0)
                continue;
            location_count += probe->location_count;
            result = take_probe(&use, contexts[i], probe, error);
        }
    if (result == 0)
        result = check_addresses(&use, error);
    for (size_t number = 1; result == 0 && number <= use.argument_count; number++)
        if (write_reader(&use, number, location_count, text) < 0)
            result = lbpf_error_no_memory(error, op);
    free_use(&use);
    return result;
}

int lbpf_usdt_readers(struct lbpf_usdt *const *contexts, size_t count, struct lbpf_buffer *text,
                      struct lbpf_error *error)
{
    static const char quiet[] = "#pragma clang system_header\n";
    struct lbpf_strmap done = {0};
    int result = 0;

    lbpf_buffer_append_string(text, quiet);
    for (size_t i = 0; result == 0 && i < count; i++)
        for (size_t j = 0; result == 0 && j < contexts[i]->probe_count; j++) {
            const char *function = contexts[i]->probes[j].function;

            if (!function || lbpf_strmap_has(&done, function))
                continue;
            result = lbpf_strmap_set(&done, function, strlen(function), 1)
                         ? lbpf_error_no_memory(error, op)
                         : write_function(contexts, count, function, text, error);
        }
    if (result == 0 && text->failed)
        result = lbpf_error_no_memory(error, op);
    lbpf_strmap_free(&done);
    return result;
}
