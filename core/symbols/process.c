/*
 * Modules of a process, kept up to date without asking the kernel for each address. Reading the
 * list of mappings anew is allowed as often as it leaves half of the time for other work, so that a
 * profile full of unknown addresses does not become a profile of /proc.
 */
#include "symbols/process.h"

#include "base/array.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHECK_NS = 1000 * 1000, RELOAD_NS = 1000 * 1000 * 1000 };

/* --- the list of modules ---------------------------------------------------------------------- */

struct list {
    struct lbpf_module *modules;
    size_t count, capacity;
};

static void free_modules(struct lbpf_module *modules, size_t count, struct lbpf_symbol_files *files)
{
    for (size_t i = 0; i < count; i++) {
        lbpf_symbol_files_put(files, modules[i].file);
        free(modules[i].mapping.path);
        free(modules[i].member);
        free(modules[i].problem);
    }
    free(modules);
}

static int add_module(void *context, const struct lbpf_mapping *mapping)
{
    struct list *list = context;
    struct lbpf_module module = {.mapping = *mapping}, *grown;

    if (!mapping->is_executable ||
        (!lbpf_mapping_is_file(mapping) && strcmp(mapping->path, "[vdso]") != 0))
        return 0;
    grown = lbpf_array_grow(list->modules, list->count, &list->capacity, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    list->modules = grown;
    module.mapping.path = strdup(mapping->path);
    if (!module.mapping.path)
        return -ENOMEM;
    list->modules[list->count++] = module;
    return 0;
}

static bool is_same_mapping(const struct lbpf_mapping *a, const struct lbpf_mapping *b)
{
    return a->start == b->start && a->end == b->end && a->offset == b->offset &&
           a->inode == b->inode && a->major == b->major && a->minor == b->minor &&
           strcmp(a->path, b->path) == 0;
}

/* What is known about modules that are still there moves to the new list. Both are by address. */
static void carry_over(struct lbpf_symbol_process *process, struct list *list)
{
    size_t old = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct lbpf_module *module = &list->modules[i];

        while (old < process->module_count &&
               process->modules[old].mapping.start < module->mapping.start)
            old++;
        if (old < process->module_count &&
            is_same_mapping(&process->modules[old].mapping, &module->mapping)) {
            module->file = process->modules[old].file;
            module->member = process->modules[old].member;
            module->problem = process->modules[old].problem;
            process->modules[old].file = NULL;
            process->modules[old].member = NULL;
            process->modules[old].problem = NULL;
        }
    }
}

static void open_perf_map(struct lbpf_symbol_process *process)
{
    struct lbpf_error error = {0};

    process->perf_map = lbpf_perf_map_open(&process->foreign, &error);
    free(process->perf_map_problem);
    process->perf_map_problem = error.code ? strdup(error.message) : NULL;
    process->map_ns = lbpf_now_ns();
}

/* Reads the mappings. A process that is ending has none: then the old ones stay. */
static int load(struct lbpf_symbol_process *process, struct lbpf_symbol_files *files)
{
    int64_t started = lbpf_now_ns();
    struct lbpf_buffer text = {0};
    struct list list = {0};
    int result = lbpf_maps_read(process->foreign.pid, &text);

    if (result == 0 && text.size > 0)
        result = lbpf_maps_scan(text.data, add_module, &list);
    lbpf_buffer_free(&text);
    if (result == 0 && list.count > 0) {
        carry_over(process, &list);
        free_modules(process->modules, process->module_count, files);
        process->modules = list.modules;
        process->module_count = list.count;
    } else {
        free_modules(list.modules, list.count, files);
    }
    if (!process->perf_map)
        open_perf_map(process);
    process->loaded_ns = lbpf_now_ns();
    process->load_cost_ns = process->loaded_ns - started;
    return result;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int fill(struct lbpf_symbol_process *process, struct lbpf_symbol_files *files, pid_t pid,
                struct lbpf_error *error)
{
    int result = lbpf_foreign_open(&process->foreign, pid, error);

    if (result < 0)
        return result;
    process->checked_ns = lbpf_now_ns();
    result = load(process, files);
    if (result == -ENOMEM)
        return lbpf_error_no_memory(error, "read symbols");
    if (result < 0) {
        lbpf_error_set(error, -result, "read symbols",
                       "the mappings of process %d can not be read: %s", (int)pid,
                       strerror(-result));
        lbpf_error_hint(error, "run as root, or as the user who owns the process");
    }
    return result;
}

static void empty(struct lbpf_symbol_process *process, struct lbpf_symbol_files *files)
{
    free_modules(process->modules, process->module_count, files);
    process->modules = NULL;
    process->module_count = 0;
    lbpf_perf_map_close(process->perf_map);
    process->perf_map = NULL;
    free(process->perf_map_problem);
    process->perf_map_problem = NULL;
    lbpf_foreign_close(&process->foreign);
}

struct lbpf_symbol_process *lbpf_symbol_process_open(struct lbpf_symbol_files *files, pid_t pid,
                                                     struct lbpf_error *error)
{
    struct lbpf_symbol_process *process = calloc(1, sizeof *process);

    if (!process) {
        lbpf_error_no_memory(error, "read symbols");
        return NULL;
    }
    process->foreign.root = -1;
    if (fill(process, files, pid, error) < 0) {
        lbpf_symbol_process_close(process, files);
        return NULL;
    }
    return process;
}

void lbpf_symbol_process_close(struct lbpf_symbol_process *process, struct lbpf_symbol_files *files)
{
    if (!process)
        return;
    empty(process, files);
    free(process);
}

/* --- staying up to date ----------------------------------------------------------------------- */

/* Whether the process is still the one that was read; if another program runs now, that is read. */
static void check(struct lbpf_symbol_process *process, struct lbpf_symbol_files *files, int64_t now)
{
    struct lbpf_generation generation;

    process->checked_ns = now;
    process->has_ended = lbpf_generation_read(process->foreign.pid, &generation) < 0;
    if (process->has_ended)
        return;
    if (memcmp(&generation, &process->foreign.generation, sizeof generation) != 0) {
        empty(process, files);
        fill(process, files, process->foreign.pid, NULL);
    } else if (now - process->loaded_ns > RELOAD_NS) {
        load(process, files);
    }
}

static bool refresh_modules(struct lbpf_symbol_process *process, struct lbpf_symbol_files *files)
{
    if (process->has_ended || lbpf_now_ns() - process->loaded_ns < process->load_cost_ns)
        return false;
    load(process, files);
    return true;
}

static bool refresh_perf_map(struct lbpf_symbol_process *process)
{
    struct lbpf_error error = {0};
    int64_t now = lbpf_now_ns();
    int result;

    if (!process->perf_map || now - process->map_ns < process->map_cost_ns)
        return false;
    result = lbpf_perf_map_refresh(process->perf_map, &error);
    process->map_ns = lbpf_now_ns();
    if (result != 0)
        process->map_cost_ns = process->map_ns - now;
    if (result < 0 && !process->perf_map_problem)
        process->perf_map_problem = strdup(error.message);
    return result > 0;
}

/* --- searching -------------------------------------------------------------------------------- */

static struct lbpf_module *find_module(const struct lbpf_symbol_process *process, uint64_t address)
{
    size_t low = 0, high = process->module_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (process->modules[middle].mapping.start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address >= process->modules[low - 1].mapping.end)
        return NULL;
    return &process->modules[low - 1];
}

/* "ARCHIVE!/MEMBER", from malloc. */
static char *name_member(const char *archive, const char *member)
{
    struct lbpf_buffer name = {0};

    lbpf_buffer_printf(&name, "%s!/%s", archive, member);
    return lbpf_buffer_take(&name);
}

/* The file behind fd, or the member of an archive that the mapping shows. */
static struct lbpf_symbol_file *get_file(struct lbpf_symbol_process *process,
                                         struct lbpf_symbol_files *files,
                                         struct lbpf_module *module, int fd,
                                         struct lbpf_error *error)
{
    const struct lbpf_mapping *mapping = &module->mapping;
    int root = process->foreign.root;
    struct lbpf_archive_member member;

    if (!lbpf_archive_is(fd))
        return lbpf_symbol_files_get(files, fd, root, mapping->path, NULL, error);
    if (lbpf_archive_find_at(fd, mapping->path, mapping->offset, mapping->end - mapping->start,
                             &member, error) < 0) {
        close(fd);
        return NULL;
    }
    module->member = name_member(mapping->path, member.name);
    free(member.name);
    return lbpf_symbol_files_get(files, fd, root, lbpf_module_name(module), &member, error);
}

const char *lbpf_module_name(const struct lbpf_module *module)
{
    return module->member ? module->member : module->mapping.path;
}

struct lbpf_symbol_file *lbpf_module_file(struct lbpf_symbol_process *process,
                                          struct lbpf_symbol_files *files,
                                          struct lbpf_module *module)
{
    struct lbpf_error error = {0};
    int fd;

    if (module->file || module->problem)
        return module->file;
    if (module->mapping.path[0] == '[') {
        /* A 32-bit process has another one than we. */
        module->file = module->mapping.start > UINT32_MAX
                           ? lbpf_symbol_files_get_vdso(files, &error)
                           : lbpf_symbol_files_read_vdso(files, process->foreign.pid,
                                                         &module->mapping, &error);
        if (!module->file)
            module->problem = strdup(error.message);
        return module->file;
    }
    fd = lbpf_foreign_open_mapped(&process->foreign, &module->mapping, &error);
    if (fd >= 0)
        module->file = get_file(process, files, module, fd, &error);
    if (!module->file)
        module->problem = strdup(error.message);
    return module->file;
}

static bool find_in_module(struct lbpf_symbol_process *process, struct lbpf_symbol_files *files,
                           uint64_t address, struct lbpf_symbol *symbol)
{
    struct lbpf_module *module = find_module(process, address);
    struct lbpf_symbol_file *file;
    uint64_t offset, function;

    if (!module)
        return false;
    offset = address - module->mapping.start + module->mapping.offset;
    file = lbpf_module_file(process, files, module);
    symbol->module = lbpf_module_name(module);
    symbol->offset = offset;
    if (!file)
        return false;
    symbol->offset -= file->start <= offset ? file->start : 0;
    symbol->name = lbpf_symbol_file_find(files, file, offset, &function);
    if (!symbol->name)
        return false;
    symbol->demangled = symbol->name + strlen(symbol->name) + 1;
    symbol->offset = offset - function;
    return true;
}

static bool find_in_perf_map(struct lbpf_symbol_process *process, uint64_t address,
                             struct lbpf_symbol *symbol)
{
    uint64_t start;
    const char *name =
        process->perf_map ? lbpf_perf_map_find(process->perf_map, address, &start) : NULL;

    if (!name)
        return false;
    symbol->name = name;
    symbol->module = lbpf_perf_map_path(process->perf_map);
    symbol->offset = address - start;
    return true;
}

void lbpf_symbol_process_find(struct lbpf_symbol_process *process, struct lbpf_symbol_files *files,
                              uint64_t address, struct lbpf_symbol *symbol)
{
    int64_t now = lbpf_now_ns();

    *symbol = (struct lbpf_symbol){.demangled = ""};
    if (now - process->checked_ns > CHECK_NS)
        check(process, files, now);
    if (find_in_module(process, files, address, symbol) ||
        find_in_perf_map(process, address, symbol))
        return;
    if (refresh_perf_map(process) && find_in_perf_map(process, address, symbol))
        return;
    if (!symbol->module && refresh_modules(process, files) &&
        !find_in_module(process, files, address, symbol))
        find_in_perf_map(process, address, symbol);
}
