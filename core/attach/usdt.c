/*
 * Contexts of static tracepoints: which probes a file or a process has. The same probe in several
 * files, and at several places of one, is one probe with many locations.
 */
#include "attach/usdt_private.h"

#include "base/array.h"
#include "elf/stapsdt.h"
#include "host/mapped_files.h"
#include "host/proc.h"
#include "host/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char op[] = "open USDT";

/* --- which process ---------------------------------------------------------------------------- */

int lbpf_usdt_process_look(struct lbpf_usdt_process *process, pid_t pid)
{
    struct lbpf_buffer text = {0};
    char path[40], *name_end;
    struct stat executable;
    int result;

    memset(process, 0, sizeof *process);
    process->pid = pid;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    result = lbpf_buffer_read_file(&text, path, 4096);
    name_end = text.data ? strrchr(text.data, ')') : NULL;
    if (!name_end || sscanf(name_end + 1,
                            " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                            "%*d %*d %llu",
                            &process->start_time) != 1)
        result = -ESRCH;
    lbpf_buffer_free(&text);
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    if (result == 0 && stat(path, &executable) != 0)
        result = errno == ENOENT ? -ESRCH : -errno;
    if (result == 0) {
        process->device = executable.st_dev;
        process->inode = executable.st_ino;
    }
    return result;
}

int lbpf_usdt_check_process(const struct lbpf_usdt *usdt, struct lbpf_error *error)
{
    struct lbpf_usdt_process now;
    int result;

    if (usdt->process.pid == 0)
        return 0;
    result = lbpf_usdt_process_look(&now, usdt->process.pid);
    if (result == 0 && now.start_time == usdt->process.start_time &&
        now.device == usdt->process.device && now.inode == usdt->process.inode)
        return 0;
    lbpf_error_set(error, ESRCH, "attach USDT probe", "process %d %s", (int)usdt->process.pid,
                   result != 0 ? "has ended"
                               : "runs another program than when its probes were read");
    lbpf_error_hint(error, "make a new USDT object for it");
    return -ESRCH;
}

/* --- collecting ------------------------------------------------------------------------------- */

/* What names a probe in the index: its provider, a NUL, its name. */
static bool write_key(struct lbpf_buffer *key, const char *provider, const char *name)
{
    lbpf_buffer_append(key, provider, strlen(provider) + 1);
    lbpf_buffer_append_string(key, name);
    return !key->failed;
}

static struct lbpf_usdt_probe *make_probe(struct lbpf_usdt *usdt,
                                          const struct lbpf_stapsdt_note *note)
{
    void *grown = lbpf_array_grow(usdt->probes, usdt->probe_count, &usdt->probe_capacity,
                                  sizeof *usdt->probes);
    struct lbpf_usdt_probe *probe;

    if (!grown)
        return NULL;
    usdt->probes = grown;
    probe = &usdt->probes[usdt->probe_count];
    memset(probe, 0, sizeof *probe);
    probe->provider = strdup(note->provider);
    probe->name = strdup(note->name);
    probe->semaphore = note->semaphore;
    usdt->probe_count++; /* freed from now on */
    return probe->provider && probe->name ? probe : NULL;
}

static struct lbpf_usdt_probe *add_probe(struct lbpf_usdt *usdt,
                                         const struct lbpf_stapsdt_note *note)
{
    struct lbpf_strmap_entry *known;
    struct lbpf_usdt_probe *probe = NULL;
    struct lbpf_buffer key = {0};

    if (write_key(&key, note->provider, note->name)) {
        known = lbpf_strmap_get(&usdt->names, key.data, key.size);
        if (known)
            probe = &usdt->probes[known->value];
        else if (!lbpf_strmap_set(&usdt->names, key.data, key.size, usdt->probe_count))
            probe = make_probe(usdt, note);
    }
    lbpf_buffer_free(&key);
    return probe;
}

static int add_location(struct lbpf_usdt_probe *probe, const struct lbpf_usdt_location *location,
                        const char *arguments)
{
    void *grown = lbpf_array_grow(probe->locations, probe->location_count,
                                  &probe->location_capacity, sizeof *probe->locations);
    struct lbpf_usdt_location *added;

    if (!grown)
        return -ENOMEM;
    probe->locations = grown;
    added = &probe->locations[probe->location_count];
    *added = *location;
    added->arguments = strdup(arguments);
    if (!added->arguments)
        return -ENOMEM;
    probe->location_count++;
    return 0;
}

struct reading {
    struct lbpf_usdt *usdt;
    const struct lbpf_elf_file *file;
    struct lbpf_error *error;
    size_t location_count;
};

static int refuse_note(const struct reading *reading, const struct lbpf_stapsdt_note *note,
                       const char *what, uint64_t address)
{
    return lbpf_error_set(reading->error, EINVAL, op,
                          "%.200s: probe %.60s:%.60s is broken: %s 0x%llx is not in the file",
                          reading->file->path, note->provider, note->name, what,
                          (unsigned long long)address);
}

static int take_note(void *context, const struct lbpf_stapsdt_note *note)
{
    struct reading *reading = context;
    struct lbpf_usdt *usdt = reading->usdt;
    struct lbpf_usdt_location location = {.file = usdt->file_count, .address = note->location};
    struct lbpf_usdt_probe *probe;

    if (lbpf_elf_offset(reading->file, note->location, &location.offset) != 0)
        return refuse_note(reading, note, "address", note->location);
    if (note->semaphore != 0 &&
        !lbpf_stapsdt_offset(reading->file, note->semaphore, &location.counter_offset))
        return refuse_note(reading, note, "semaphore", note->semaphore);
    probe = add_probe(usdt, note);
    if (!probe)
        return lbpf_error_no_memory(reading->error, op);
    reading->location_count++;
    if (add_location(probe, &location, note->arguments) < 0)
        return lbpf_error_no_memory(reading->error, op);
    return 0;
}

/* Keeps the open file if it has probes. A broken one leaves none behind. */
static int keep_file(struct lbpf_usdt *usdt, const struct lbpf_elf_file *elf, const char *path,
                     struct lbpf_error *error)
{
    struct lbpf_usdt_file *file;
    void *grown =
        lbpf_array_grow(usdt->files, usdt->file_count, &usdt->file_capacity, sizeof *usdt->files);

    if (!grown)
        return lbpf_error_no_memory(error, op);
    usdt->files = grown;
    file = &usdt->files[usdt->file_count];
    file->machine = elf->header.e_machine;
    file->is_32 = elf->header.e_ident[EI_CLASS] == ELFCLASS32;
    file->fd = fcntl(elf->fd, F_DUPFD_CLOEXEC, 0);
    if (file->fd < 0)
        return lbpf_error_set(error, errno, op, "%s can not be kept open: %s", path,
                              strerror(errno));
    file->path = strdup(path);
    usdt->file_count++;
    return file->path ? 0 : lbpf_error_no_memory(error, op);
}

static void free_probe(struct lbpf_usdt_probe *probe)
{
    for (size_t i = 0; i < probe->location_count; i++)
        free(probe->locations[i].arguments);
    free(probe->locations);
    free(probe->provider);
    free(probe->name);
    free(probe->function);
}

/* Without memory a later file's probe of this name becomes one of its own. */
static void index_probe(struct lbpf_usdt *usdt, size_t number)
{
    struct lbpf_buffer key = {0};

    if (write_key(&key, usdt->probes[number].provider, usdt->probes[number].name))
        lbpf_strmap_set(&usdt->names, key.data, key.size, number);
    lbpf_buffer_free(&key);
}

/* Takes back what a file that turned out to be broken has left; its probes are the last ones. */
static void forget_file(struct lbpf_usdt *usdt)
{
    size_t kept = 0;

    lbpf_strmap_free(&usdt->names);
    memset(&usdt->names, 0, sizeof usdt->names);

    for (size_t i = 0; i < usdt->probe_count; i++) {
        struct lbpf_usdt_probe *probe = &usdt->probes[i];

        while (probe->location_count > 0 &&
               probe->locations[probe->location_count - 1].file == usdt->file_count)
            free(probe->locations[--probe->location_count].arguments);
        if (probe->location_count == 0) {
            free_probe(probe);
            continue;
        }
        usdt->probes[kept] = *probe;
        index_probe(usdt, kept++);
    }
    usdt->probe_count = kept;
}

/* Takes fd. */
static int read_file(struct lbpf_usdt *usdt, int fd, const char *path, struct lbpf_error *error)
{
    struct lbpf_elf_file file;
    struct reading reading = {usdt, &file, error, 0};
    int result = lbpf_elf_open_fd(&file, fd, path, error);

    if (result < 0)
        return result;
    result = lbpf_stapsdt_each(&file, take_note, &reading, error);
    if (result == 0 && reading.location_count > 0)
        result = keep_file(usdt, &file, path, error);
    if (result < 0)
        forget_file(usdt);
    lbpf_elf_close(&file);
    return result;
}

/* --- which files ------------------------------------------------------------------------------ */

/* One file that can't be read hides nothing of the others. */
static int read_mapped(void *context, const struct lbpf_mapped_file *mapped)
{
    struct lbpf_usdt *usdt = context;
    struct lbpf_error cause = {0};
    int result = mapped->fd;

    if (result >= 0)
        result = read_file(usdt, mapped->fd, mapped->path, &cause);
    else
        lbpf_error_set(&cause, -result, op, "%.300s can not be opened: %s", mapped->path,
                       strerror(-result));
    if (result < 0 && usdt->unread_count++ == 0)
        snprintf(usdt->unread, sizeof usdt->unread, "%.*s", (int)sizeof usdt->unread - 1,
                 cause.message);
    lbpf_error_clear(&cause);
    return result == -ENOMEM ? result : 0;
}

static int read_in_process(struct lbpf_usdt *usdt, const char *path, struct lbpf_error *error)
{
    int root, fd;

    if (path[0] != '/')
        return lbpf_error_set(error, EINVAL, op, "Binary path %.300s should be absolute", path);
    root =
        strncmp(path, "/proc/", 6) == 0 ? LBPF_OWN_ROOT : lbpf_root_open(usdt->process.pid, error);
    if (root < 0 && root != LBPF_OWN_ROOT)
        return root;
    fd = lbpf_root_open_file(root, path);
    if (root >= 0)
        close(root);
    if (fd == -ENOENT)
        return lbpf_error_set(error, ENOENT, op, "Specified binary %.300s doesn't exist", path);
    if (fd < 0)
        return lbpf_error_set(error, -fd, op, "%.300s can not be opened: %s", path,
                              fd == -EINVAL ? "it is not a regular file" : strerror(-fd));
    return read_file(usdt, fd, path, error);
}

static int read_by_path(struct lbpf_usdt *usdt, const char *path, struct lbpf_error *error)
{
    struct lbpf_library library;
    int result = lbpf_library_open(&library, path, -1, error), fd;

    if (result < 0)
        return result;
    fd = library.fd;
    library.fd = -1;
    result = read_file(usdt, fd, library.name, error);
    lbpf_library_close(&library);
    return result;
}

static int look_at_process(struct lbpf_usdt *usdt, pid_t pid, struct lbpf_error *error)
{
    int result = lbpf_usdt_process_look(&usdt->process, pid);

    if (result == -ESRCH)
        return lbpf_error_set(error, ESRCH, op, "process %d does not exist", (int)pid);
    if (result < 0)
        return lbpf_error_set(error, -result, op, "process %d can not be looked into: %s", (int)pid,
                              strerror(-result));
    return 0;
}

/* BCC's words in front; what was found out becomes the hint. */
static int explain(int result, pid_t pid, const char *path, const struct lbpf_error *cause,
                   struct lbpf_error *error)
{
    if (pid > 0)
        lbpf_error_set(error, -result, op, "USDT failed to instrument PID %d", (int)pid);
    else
        lbpf_error_set(error, -result, op, "USDT failed to instrument path %.300s", path);
    lbpf_error_hint(error, "%s%s%s", cause->message, cause->hint[0] ? "; " : "", cause->hint);
    return result;
}

static int compare_locations(const void *a, const void *b, void *context)
{
    const struct lbpf_usdt_location *left = a, *right = b;
    const struct lbpf_usdt *usdt = context;
    int order = strcmp(usdt->files[left->file].path, usdt->files[right->file].path);

    if (order != 0)
        return order;
    if (left->file != right->file)
        return left->file < right->file ? -1 : 1;
    return (left->address > right->address) - (left->address < right->address);
}

/* A linker that keeps a section twice keeps its notes twice. */
static void sort_locations(struct lbpf_usdt *usdt, struct lbpf_usdt_probe *probe)
{
    size_t kept = 0;

    qsort_r(probe->locations, probe->location_count, sizeof *probe->locations, compare_locations,
            usdt);
    for (size_t i = 1; i < probe->location_count; i++) {
        if (compare_locations(&probe->locations[kept], &probe->locations[i], usdt) == 0)
            free(probe->locations[i].arguments);
        else
            probe->locations[++kept] = probe->locations[i];
    }
    probe->location_count = kept + 1;
}

int lbpf_usdt_open(struct lbpf_usdt **out, pid_t pid, const char *path, struct lbpf_error *error)
{
    struct lbpf_usdt *usdt;
    struct lbpf_error cause = {0};
    int result = 0;

    *out = NULL;
    if (pid <= 0 && !path)
        return lbpf_error_set(error, EINVAL, op, "either a pid or a binary path must be specified");
    usdt = calloc(1, sizeof *usdt);
    if (!usdt)
        return lbpf_error_no_memory(error, op);
    if (pid > 0)
        result = look_at_process(usdt, pid, &cause);
    if (result == 0 && path)
        result = pid > 0 ? read_in_process(usdt, path, &cause) : read_by_path(usdt, path, &cause);
    else if (result == 0)
        result = lbpf_mapped_files_each(pid, read_mapped, usdt, &cause);
    if (result < 0) {
        explain(result, pid, path, &cause, error);
        lbpf_usdt_close(usdt);
    } else {
        for (size_t i = 0; i < usdt->probe_count; i++)
            sort_locations(usdt, &usdt->probes[i]);
        *out = usdt;
    }
    lbpf_error_clear(&cause);
    return result;
}

void lbpf_usdt_close(struct lbpf_usdt *usdt)
{
    if (!usdt)
        return;
    for (size_t i = 0; i < usdt->probe_count; i++)
        free_probe(&usdt->probes[i]);
    for (size_t i = 0; i < usdt->file_count; i++) {
        close(usdt->files[i].fd);
        free(usdt->files[i].path);
    }
    lbpf_strmap_free(&usdt->names);
    free(usdt->probes);
    free(usdt->files);
    free(usdt);
}
