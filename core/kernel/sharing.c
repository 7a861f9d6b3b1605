/*
 * Section .lbpf.tables of an object holds what libbpf's map definitions have no word for, as
 * strings "TABLE WORD REST" (LBPF_NOTE in the prelude):
 *
 *     counts public                    other objects of this process may use it
 *     counts type extern               … and this is such a use
 *     counts pinned /sys/fs/bpf/x      opened there, or made and pinned there
 *     outer type hash_of_maps$inner    the kernel wants a map like inner when outer is made
 *
 * A map that exists already is given to libbpf by descriptor before it creates the others. libbpf
 * then renames its own record of the map, which is why the object keeps names of its own.
 */
#include "kernel/sharing.h"

#include "base/buffer.h"
#include "kernel/object_private.h"
#include "kernel/shared_maps.h"
#include "kernel/sys.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

struct note {
    char *table, *word, *rest; /* in text */
    bool found;                /* pinned: the map was there already */
    bool pinned;               /* … or was pinned by this object */
};

struct lbpf_sharing {
    struct lbpf_buffer text;
    struct note *notes;
    size_t note_count;
    struct lbpf_shared_map **held; /* room for one a note */
    size_t held_count;
    int *inner_fds; /* patterns of inner maps, until the maps are created */
    size_t inner_count;
};

/* ---- notes ---------------------------------------------------------------------------------- */

/* Parts "TABLE WORD REST" in place; false when it is none. */
static bool part_note(char *string, struct note *note)
{
    memset(note, 0, sizeof *note);
    note->table = string;
    note->word = strchr(string, ' ');
    if (!note->word)
        return false;
    *note->word++ = '\0';
    note->rest = strchr(note->word, ' ');
    if (!note->rest)
        return false;
    *note->rest++ = '\0';
    return true;
}

static int read_notes(const struct lbpf_object *object, struct lbpf_sharing *sharing)
{
    int result = lbpf_object_copy_section(object, ".lbpf.tables", &sharing->text);
    char *at = sharing->text.data, *end = at + sharing->text.size;
    size_t count = 1;

    if (result || !sharing->text.size)
        return result;
    end[-1] = '\0'; /* as it is anyway, unless someone made the object by hand */
    for (const char *byte = at; byte < end; byte++)
        count += !*byte;
    sharing->notes = calloc(count, sizeof *sharing->notes);
    sharing->held = calloc(count, sizeof(*sharing->held));
    sharing->inner_fds = calloc(count, sizeof *sharing->inner_fds);
    if (!sharing->notes || !sharing->held || !sharing->inner_fds)
        return -ENOMEM;
    while (at < end) {
        char *next = at + strlen(at) + 1;

        if (part_note(at, &sharing->notes[sharing->note_count]))
            sharing->note_count++;
        at = next;
    }
    return 0;
}

/* The libbpf map of a name, which is the object's own name for it; NULL when there is none. */
static struct bpf_map *find_map(struct lbpf_object *object, const char *name)
{
    const struct lbpf_map *map = lbpf_object_map(object, name);

    return map ? object->libbpf_maps[map - object->maps] : NULL;
}

/* ---- maps that exist ------------------------------------------------------------------------ */

/* What the first difference between a map and its declaration is, into text; false: none. Entries
 * and flags count only where a declaration says them. */
static bool describe_difference(const struct bpf_map *map, const struct bpf_map_info *info,
                                bool is_extern, char *text, size_t size)
{
    const struct {
        const char *what;
        uint32_t declared, there;
        bool is_compared;
    } facts[] = {
        {"type", bpf_map__type(map), info->type, !is_extern},
        {"key size", bpf_map__key_size(map), info->key_size, true},
        {"leaf size", bpf_map__value_size(map), info->value_size, true},
        {"number of entries", bpf_map__max_entries(map), info->max_entries, !is_extern},
        {"flags", bpf_map__map_flags(map), info->map_flags, !is_extern},
    };

    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        if (!facts[i].is_compared || facts[i].declared == facts[i].there)
            continue;
        if (i == 0)
            snprintf(text, size, "that is a %s, here it is declared as %s",
                     lbpf_map_type_name((enum bpf_map_type)facts[i].there),
                     lbpf_map_type_name((enum bpf_map_type)facts[i].declared));
        else
            snprintf(text, size, "it has %s %u there, and %u in this program", facts[i].what,
                     facts[i].there, facts[i].declared);
        return true;
    }
    return false;
}

static int use_existing(struct bpf_map *map, const struct note *note, int fd, bool is_extern,
                        struct lbpf_error *error)
{
    struct bpf_map_info info = {0};
    __u32 size = sizeof info;
    char difference[160];
    int result = bpf_obj_get_info_by_fd(fd, &info, &size);

    if (!result && describe_difference(map, &info, is_extern, difference, sizeof difference)) {
        if (is_extern)
            lbpf_error_set(error, EEXIST, "create map",
                           "Table %s is not as the other program declares it: %s", note->table,
                           difference);
        else
            lbpf_error_set(error, EEXIST, "create map",
                           "Table %s is not like the map that is pinned at %s: %s", note->table,
                           note->rest, difference);
        lbpf_error_hint(error, is_extern ? "declare both alike"
                                         : "declare it alike, pin it elsewhere, or remove the file "
                                           "if no other program needs it");
        return -EEXIST;
    }
    if (!result)
        result = bpf_map__reuse_fd(map, fd);
    if (result) {
        int code = lbpf_libbpf_code(result);

        return lbpf_error_set(error, code, "create map", "Could not use the map for table %s: %s",
                              note->table, strerror(code));
    }
    return 0;
}

static int take_extern(struct lbpf_sharing *sharing, struct bpf_map *map, const struct note *note,
                       struct lbpf_error *error)
{
    struct lbpf_shared_map *shared = lbpf_shared_map_take(note->table);

    if (!shared) {
        lbpf_error_set(error, ENOENT, "create map", "reference to undefined table: %s",
                       note->table);
        lbpf_error_hint(error, "it is declared \"extern\": first open the BPF object that declares "
                               "it with BPF_TABLE_PUBLIC, in this process, and keep it open");
        return -ENOENT;
    }
    sharing->held[sharing->held_count++] = shared;
    return use_existing(map, note, lbpf_shared_map_fd(shared), true, error);
}

/* ---- pins ----------------------------------------------------------------------------------- */

static int refuse_pin(const struct note *note, int code, struct lbpf_error *error)
{
    lbpf_error_set(error, code, "create map", "Could not pin table %s at %s: %s", note->table,
                   note->rest, strerror(code));
    if (code == EPERM)
        lbpf_permission_hint(error);
    return -code;
}

static bool is_bpf_fs(const char *folder)
{
    struct statfs status;

    return statfs(folder, &status) == 0 && status.f_type == BPF_FS_MAGIC;
}

/* The folder of a path, into folder; "." and "/" where there is no other. */
static void folder_of(const char *path, char *folder, size_t size)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        snprintf(folder, size, ".");
    else
        snprintf(folder, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

/* Maps can be pinned only on a BPF file system; a folder there that is missing is made. */
static int prepare_folder(const struct note *note, struct lbpf_error *error)
{
    char folder[PATH_MAX], above[PATH_MAX];

    if (strlen(note->rest) >= sizeof folder)
        return refuse_pin(note, ENAMETOOLONG, error);
    folder_of(note->rest, folder, sizeof folder);
    if (is_bpf_fs(folder))
        return 0;
    folder_of(folder, above, sizeof above);
    if (access(folder, F_OK) != 0 && errno == ENOENT && is_bpf_fs(above))
        return mkdir(folder, 0700) && errno != EEXIST ? refuse_pin(note, errno, error) : 0;
    lbpf_error_set(error, EINVAL, "create map",
                   "Could not pin table %s at %s: %s is not on a BPF file system", note->table,
                   note->rest, folder);
    lbpf_error_hint(error, "mount one: mount -t bpf bpf /sys/fs/bpf");
    return -EINVAL;
}

static int open_pin(struct bpf_map *map, struct note *note, struct lbpf_error *error)
{
    int result = prepare_folder(note, error), fd;

    if (result)
        return result;
    fd = bpf_obj_get(note->rest);
    if (fd == -ENOENT)
        return 0;
    if (fd < 0) {
        lbpf_error_set(error, -fd, "create map", "Could not open the map for table %s at %s: %s",
                       note->table, note->rest, strerror(-fd));
        if (fd == -EPERM)
            lbpf_permission_hint(error);
        return fd;
    }
    note->found = true;
    result = use_existing(map, note, fd, false, error);
    close(fd);
    return result;
}

static int pin(const struct bpf_map *map, struct note *note, struct lbpf_error *error)
{
    int result = bpf_obj_pin(bpf_map__fd(map), note->rest);

    note->pinned = !result;
    if (result == -EEXIST) {
        lbpf_error_set(error, EEXIST, "create map",
                       "Could not pin table %s: another map was pinned at %s just now", note->table,
                       note->rest);
        lbpf_error_hint(error, "start again to share it");
        return -EEXIST;
    }
    return result ? refuse_pin(note, -result, error) : 0;
}

/* ---- maps of maps --------------------------------------------------------------------------- */

static int refuse_inner(const struct note *note, const char *reason, const char *inner,
                        struct lbpf_error *error)
{
    lbpf_error_set(error, EINVAL, "create map", "Table %s is to hold maps like '%s', but %s",
                   note->table, inner, reason);
    lbpf_error_hint(error, "declare a table '%s' in the same program, as BPF_HASH(%s, u32, u64)",
                    inner, inner);
    return -EINVAL;
}

/* Makes a map like inner, which the kernel only looks at. */
static int set_inner(struct lbpf_object *object, struct bpf_map *outer, const struct note *note,
                     const char *inner, struct lbpf_error *error)
{
    LIBBPF_OPTS(bpf_map_create_opts, options);
    const struct bpf_map *pattern = find_map(object, inner);
    enum bpf_map_type type = pattern ? bpf_map__type(pattern) : BPF_MAP_TYPE_UNSPEC;
    int fd, result;

    if (!pattern)
        return refuse_inner(note, "there is no such table", inner, error);
    if (type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_HASH_OF_MAPS)
        return refuse_inner(note, "that one holds maps itself", inner, error);
    options.map_flags = bpf_map__map_flags(pattern);
    fd = bpf_map_create(type, "pattern", bpf_map__key_size(pattern), bpf_map__value_size(pattern),
                        bpf_map__max_entries(pattern), &options);
    if (fd < 0)
        return refuse_inner(note, strerror(-fd), inner, error);
    object->sharing->inner_fds[object->sharing->inner_count++] = fd;
    result = bpf_map__set_inner_map_fd(outer, fd);
    return result ? refuse_inner(note, strerror(lbpf_libbpf_code(result)), inner, error) : 0;
}

static void close_inner(struct lbpf_sharing *sharing)
{
    while (sharing->inner_count)
        close(sharing->inner_fds[--sharing->inner_count]);
}

/* ---- public --------------------------------------------------------------------------------- */

static int prepare_note(struct lbpf_object *object, struct note *note, struct lbpf_error *error)
{
    struct bpf_map *map = find_map(object, note->table);
    const char *inner = strstr(note->rest, "of_maps$");

    if (!map) /* an object made by hand: nothing to do for this note */
        return 0;
    if (!strcmp(note->word, "pinned"))
        return open_pin(map, note, error);
    if (strcmp(note->word, "type") != 0)
        return 0;
    if (!strcmp(note->rest, "extern"))
        return take_extern(object->sharing, map, note, error);
    return inner ? set_inner(object, map, note, inner + strlen("of_maps$"), error) : 0;
}

int lbpf_sharing_prepare(struct lbpf_object *object, struct lbpf_error *error)
{
    struct lbpf_sharing *sharing = calloc(1, sizeof *sharing);
    int result;

    object->sharing = sharing;
    if (!sharing || read_notes(object, sharing))
        return lbpf_error_no_memory(error, "open");
    result = 0;
    for (size_t i = 0; !result && i < sharing->note_count; i++)
        result = prepare_note(object, &sharing->notes[i], error);
    return result;
}

static int finish_note(struct lbpf_object *object, struct note *note, struct lbpf_error *error)
{
    struct lbpf_sharing *sharing = object->sharing;
    const struct bpf_map *map = find_map(object, note->table);
    struct lbpf_shared_map *shared;

    if (map && !strcmp(note->word, "pinned") && !note->found)
        return pin(map, note, error);
    if (!map || strcmp(note->word, "public") != 0)
        return 0;
    shared = lbpf_shared_map_publish(note->table, bpf_map__fd(map));
    if (!shared)
        return lbpf_error_set(error, errno, "create map", "Could not share table %s: %s",
                              note->table, strerror(errno));
    sharing->held[sharing->held_count++] = shared;
    return 0;
}

int lbpf_sharing_finish(struct lbpf_object *object, struct lbpf_error *error)
{
    struct lbpf_sharing *sharing = object->sharing;
    int result = 0;

    close_inner(sharing);
    for (size_t i = 0; !result && i < sharing->note_count; i++)
        result = finish_note(object, &sharing->notes[i], error);
    for (size_t i = 0; result && i < sharing->note_count; i++)
        if (sharing->notes[i].pinned)
            unlink(sharing->notes[i].rest);
    return result;
}

void lbpf_sharing_free(struct lbpf_sharing *sharing)
{
    if (!sharing)
        return;
    close_inner(sharing);
    while (sharing->held_count)
        lbpf_shared_map_release(sharing->held[--sharing->held_count]);
    lbpf_buffer_free(&sharing->text);
    free(sharing->notes);
    free(sharing->held);
    free(sharing->inner_fds);
    free(sharing);
}
