/*
 * The processes that were asked about, and the files that they share. A pid that could not be
 * looked into is not remembered: the next question may come when it can.
 */
#include "symbols/symbolizer.h"

#include "elf/build_id.h"
#include "host/root.h"
#include "symbols/mapped_ids.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROCESSES = 256, MEMORY_LIMIT = 128 * 1024 * 1024 };

static const char op[] = "read symbols";

struct added_file {
    struct lbpf_symbol_file *file;
    char *path;
    struct added_file *next;
};

struct lbpf_symbolizer {
    struct lbpf_symbol_process *processes; /* the last used first */
    size_t process_count;
    struct lbpf_symbol_files files;
    struct added_file *added;
    struct lbpf_mapped_ids mapped_ids;
};

struct lbpf_symbolizer *lbpf_symbolizer_new(void)
{
    struct lbpf_symbolizer *symbolizer = calloc(1, sizeof *symbolizer);

    if (symbolizer)
        symbolizer->files.memory_limit = MEMORY_LIMIT;
    return symbolizer;
}

void lbpf_symbolizer_free(struct lbpf_symbolizer *symbolizer)
{
    if (!symbolizer)
        return;
    while (symbolizer->processes)
        lbpf_symbolizer_forget(symbolizer, symbolizer->processes->foreign.pid);
    while (symbolizer->added) {
        struct added_file *added = symbolizer->added;

        symbolizer->added = added->next;
        free(added->path);
        free(added);
    }
    lbpf_mapped_ids_free(&symbolizer->mapped_ids);
    lbpf_symbol_files_close(&symbolizer->files);
    free(symbolizer);
}

/* --- processes -------------------------------------------------------------------------------- */

void lbpf_symbolizer_forget(struct lbpf_symbolizer *symbolizer, pid_t pid)
{
    struct lbpf_symbol_process **link = &symbolizer->processes;

    while (*link && (*link)->foreign.pid != pid)
        link = &(*link)->next;
    if (*link) {
        struct lbpf_symbol_process *process = *link;

        *link = process->next;
        symbolizer->process_count--;
        lbpf_symbol_process_close(process, &symbolizer->files);
    }
}

static void forget_oldest(struct lbpf_symbolizer *symbolizer)
{
    const struct lbpf_symbol_process *oldest = symbolizer->processes;

    while (symbolizer->process_count > 1 &&
           (symbolizer->process_count > PROCESSES || symbolizer->files.count > LBPF_SYMBOL_FILES)) {
        for (oldest = symbolizer->processes; oldest->next;)
            oldest = oldest->next;
        lbpf_symbolizer_forget(symbolizer, oldest->foreign.pid);
        lbpf_symbol_files_put(&symbolizer->files, NULL);
    }
}

/* The process, moved to the front. */
static struct lbpf_symbol_process *get_process(struct lbpf_symbolizer *symbolizer, pid_t pid,
                                               struct lbpf_error *error)
{
    struct lbpf_symbol_process **link = &symbolizer->processes, *process;

    while (*link && (*link)->foreign.pid != pid)
        link = &(*link)->next;
    process = *link;
    if (process) {
        *link = process->next;
    } else {
        process = lbpf_symbol_process_open(&symbolizer->files, pid, error);
        if (!process)
            return NULL;
        symbolizer->process_count++;
    }
    process->next = symbolizer->processes;
    symbolizer->processes = process;
    forget_oldest(symbolizer);
    return process;
}

int lbpf_symbolizer_find(struct lbpf_symbolizer *symbolizer, pid_t pid, uint64_t address,
                         struct lbpf_symbol *symbol, struct lbpf_error *error)
{
    struct lbpf_symbol_process *process = symbolizer->processes;

    if (!process || process->foreign.pid != pid)
        process = get_process(symbolizer, pid, error);
    if (!process) {
        *symbol = (struct lbpf_symbol){.demangled = ""};
        return -ESRCH;
    }
    lbpf_symbol_process_find(process, &symbolizer->files, address, symbol);
    return 0;
}

/* --- by name ---------------------------------------------------------------------------------- */

/* Whether a path is called name: the whole of it, or what stands behind its last slash. */
static bool is_called(const char *path, const char *name)
{
    const char *base = strrchr(path, '/');

    return strcmp(path, name) == 0 || (base && strcmp(base + 1, name) == 0);
}

/* "libc.so.6" is the module /lib/x86_64-linux-gnu/libc.so.6, and so is its whole path. */
static bool is_module(const struct lbpf_module *module, const char *name)
{
    return !name || is_called(module->mapping.path, name) ||
           (module->member && is_called(module->member, name));
}

/* The address that the process sees: the code may be spread over several mappings of the file. */
static bool place_in_process(const struct lbpf_symbol_process *process,
                             const struct lbpf_symbol_file *file, uint64_t in_file,
                             uint64_t *address)
{
    uint64_t offset = 0;
    bool found = false;

    for (size_t i = 0; i < file->image.segment_count; i++) {
        const struct lbpf_elf_image_segment *segment = &file->image.segments[i];

        if (in_file >= segment->address && in_file - segment->address < segment->size) {
            offset = in_file - segment->address + segment->offset + file->start;
            found = true;
        }
    }
    for (size_t i = 0; found && i < process->module_count; i++) {
        const struct lbpf_module *module = &process->modules[i];
        const struct lbpf_mapping *mapping = &module->mapping;

        if (module->file == file && offset >= mapping->offset &&
            offset - mapping->offset < mapping->end - mapping->start) {
            *address = offset - mapping->offset + mapping->start;
            return true;
        }
    }
    return false;
}

/* In those modules of the process that have a name; which ones are members of archives is known
 * only once they were opened. */
static bool find_name(struct lbpf_symbolizer *symbolizer, struct lbpf_symbol_process *process,
                      const char *module, const char *name, bool in_archives, uint64_t *address)
{
    for (size_t i = 0; i < process->module_count; i++) {
        struct lbpf_module *candidate = &process->modules[i];
        struct lbpf_symbol_file *file;
        uint64_t in_file;

        if (!in_archives && !is_module(candidate, module))
            continue;
        file = lbpf_module_file(process, &symbolizer->files, candidate);
        if (in_archives && (!candidate->member || !is_module(candidate, module)))
            continue;
        in_file = file ? lbpf_symbol_file_address(&symbolizer->files, file, name) : 0;
        if (in_file && place_in_process(process, file, in_file, address))
            return true;
    }
    return false;
}

int lbpf_symbolizer_find_name(struct lbpf_symbolizer *symbolizer, pid_t pid, const char *module,
                              const char *name, uint64_t *address, struct lbpf_error *error)
{
    struct lbpf_symbol_process *process;

    lbpf_symbolizer_forget(symbolizer, pid); /* as it is now; the files stay known */
    process = get_process(symbolizer, pid, error);
    if (!process)
        return -ESRCH;
    if (find_name(symbolizer, process, module, name, false, address) ||
        (module && find_name(symbolizer, process, module, name, true, address)))
        return 0;
    return lbpf_error_set(error, ENOENT, op, "%s of process %d has no function %.200s",
                          module ? module : "no module", (int)pid, name);
}

/* --- by build id ------------------------------------------------------------------------------ */

static int keep_added(struct lbpf_symbolizer *symbolizer, struct lbpf_symbol_file *file,
                      const char *path, struct lbpf_error *error)
{
    struct added_file *added = calloc(1, sizeof *added);

    if (!file->has_build_id) {
        free(added);
        return lbpf_error_set(error, ENODATA, op, "%s has no build id", path);
    }
    if (!added || !(added->path = strdup(path))) {
        free(added);
        return lbpf_error_no_memory(error, op);
    }
    added->file = file;
    added->next = symbolizer->added;
    symbolizer->added = added;
    return 0;
}

int lbpf_symbolizer_add_file(struct lbpf_symbolizer *symbolizer, const char *path,
                             struct lbpf_error *error)
{
    int fd = lbpf_root_open_file(LBPF_OWN_ROOT, path), result;
    struct lbpf_symbol_file *file;

    if (fd < 0)
        return lbpf_error_set(error, -fd, op, "%s can not be opened: %s", path, strerror(-fd));
    file = lbpf_symbol_files_get(&symbolizer->files, fd, LBPF_OWN_ROOT, path, NULL, error);
    if (!file)
        return -ENOEXEC;
    result = keep_added(symbolizer, file, path, error);
    if (result < 0)
        lbpf_symbol_files_put(&symbolizer->files, file);
    return result;
}

static bool find_in_file(struct lbpf_symbolizer *symbolizer, struct lbpf_symbol_file *file,
                         const char *path, const uint8_t *build_id, uint64_t offset,
                         struct lbpf_symbol *symbol)
{
    uint64_t function;

    if (!file || !file->has_build_id ||
        memcmp(file->build_id, build_id, sizeof file->build_id) != 0)
        return false;
    symbol->module = path;
    symbol->offset = offset;
    symbol->name = lbpf_symbol_file_find(&symbolizer->files, file, offset, &function);
    if (symbol->name) {
        symbol->demangled = symbol->name + strlen(symbol->name) + 1;
        symbol->offset = offset - function;
    }
    return true;
}

static bool find_in_added(struct lbpf_symbolizer *symbolizer, const uint8_t *build_id,
                          uint64_t offset, struct lbpf_symbol *symbol)
{
    for (struct added_file *added = symbolizer->added; added; added = added->next) {
        if (find_in_file(symbolizer, added->file, added->path, build_id, offset, symbol))
            return true;
    }
    return false;
}

static bool find_in_process(struct lbpf_symbolizer *symbolizer, pid_t pid, const uint8_t *build_id,
                            uint64_t offset, struct lbpf_symbol *symbol)
{
    struct lbpf_symbol_process *process = pid > 0 ? get_process(symbolizer, pid, NULL) : NULL;

    for (size_t i = 0; process && i < process->module_count; i++) {
        struct lbpf_module *module = &process->modules[i];

        if (find_in_file(symbolizer, lbpf_module_file(process, &symbolizer->files, module),
                         lbpf_module_name(module), build_id, offset, symbol))
            return true;
    }
    return false;
}

/* Whether there is a file at path with the build id; path becomes what it is really called. */
static bool check_build_id(char *path, const uint8_t *build_id)
{
    uint8_t id[LBPF_MAPPED_ID_SIZE] = {0};
    int fd = lbpf_root_open_file(LBPF_OWN_ROOT, path);
    struct lbpf_elf_image image;
    char link[48];
    ssize_t size;

    if (fd < 0 || lbpf_elf_image_open(&image, fd, path, NULL) < 0)
        return false;
    lbpf_elf_image_build_id(&image, id, sizeof id);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    size = readlink(link, path, PATH_MAX - 1);
    lbpf_elf_image_close(&image);
    if (size <= 0)
        return false;
    path[size] = '\0';
    return memcmp(id, build_id, sizeof id) == 0;
}

/* Makes the executable known that lies where its build id leads to. */
static bool add_by_build_id(struct lbpf_symbolizer *symbolizer, const uint8_t *build_id)
{
    char path[PATH_MAX];

    for (size_t i = 0;
         lbpf_build_id_place(LBPF_EXECUTABLE, i, build_id, LBPF_MAPPED_ID_SIZE, path, sizeof path);
         i++) {
        if (path[0] && check_build_id(path, build_id))
            return lbpf_symbolizer_add_file(symbolizer, path, NULL) == 0;
    }
    return false;
}

void lbpf_symbolizer_find_build_id(struct lbpf_symbolizer *symbolizer, const uint8_t *build_id,
                                   uint64_t offset, pid_t pid, struct lbpf_symbol *symbol)
{
    struct lbpf_mapped_ids *ids = &symbolizer->mapped_ids;

    *symbol = (struct lbpf_symbol){.demangled = ""};
    if (find_in_added(symbolizer, build_id, offset, symbol) ||
        find_in_process(symbolizer, pid, build_id, offset, symbol))
        return;
    if (add_by_build_id(symbolizer, build_id))
        find_in_added(symbolizer, build_id, offset, symbol);
    else if (!find_in_process(symbolizer, lbpf_mapped_ids_find(ids, build_id), build_id, offset,
                              symbol) &&
             lbpf_mapped_ids_search(ids))
        find_in_process(symbolizer, lbpf_mapped_ids_find(ids, build_id), build_id, offset, symbol);
}

/* --- about itself ----------------------------------------------------------------------------- */

int lbpf_symbolizer_each_problem(struct lbpf_symbolizer *symbolizer, pid_t pid,
                                 int (*visit)(void *context, const char *problem), void *context,
                                 struct lbpf_error *error)
{
    struct lbpf_symbol_process *process = get_process(symbolizer, pid, error);
    int result = 0;

    if (!process)
        return -ESRCH;
    for (size_t i = 0; result == 0 && i < process->module_count; i++) {
        lbpf_module_file(process, &symbolizer->files, &process->modules[i]);
        if (process->modules[i].problem)
            result = visit(context, process->modules[i].problem);
    }
    if (result == 0 && process->perf_map_problem)
        result = visit(context, process->perf_map_problem);
    return result;
}

void lbpf_symbolizer_describe(const struct lbpf_symbolizer *symbolizer,
                              struct lbpf_symbolizer_use *use)
{
    use->processes = symbolizer->process_count;
    use->files = symbolizer->files.count;
    use->bytes = symbolizer->files.memory;
    use->limit = symbolizer->files.memory_limit;
}
