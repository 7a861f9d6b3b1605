/*
 * A file is known by device and inode as /proc/PID/maps has them, so that a search opens only what
 * is new since the last one. An inode that is used again for another file hides that one until the
 * lists are full and start anew.
 */
#include "symbols/mapped_ids.h"

#include "base/clock.h"
#include "elf/image.h"
#include "symbols/foreign.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT = 16384, SECOND_NS = 1000 * 1000 * 1000 };

void lbpf_mapped_ids_free(struct lbpf_mapped_ids *ids)
{
    for (size_t i = 0; i < ids->files.slot_count; i++) {
        if (ids->files.slots[i].key)
            free((void *)ids->files.slots[i].value);
    }
    lbpf_strmap_free(&ids->pids);
    lbpf_strmap_free(&ids->files);
    *ids = (struct lbpf_mapped_ids){0};
}

pid_t lbpf_mapped_ids_find(const struct lbpf_mapped_ids *ids, const uint8_t *build_id)
{
    const struct lbpf_strmap_entry *entry =
        lbpf_strmap_get(&ids->pids, (const char *)build_id, LBPF_MAPPED_ID_SIZE);

    return entry ? (pid_t)entry->value : 0;
}

/* --- searching -------------------------------------------------------------------------------- */

struct search {
    struct lbpf_mapped_ids *ids;
    struct lbpf_foreign foreign;
    bool is_open; /* foreign; only a process with new files is looked into */
};

/* The build id of a mapped file, from malloc; NULL when it has none of the usual size. */
static uint8_t *read_build_id(struct search *search, pid_t pid, const struct lbpf_mapping *mapping)
{
    uint8_t *id = NULL;
    struct lbpf_elf_image image;
    int fd;

    if (!search->is_open && lbpf_foreign_open(&search->foreign, pid, NULL) < 0)
        return NULL;
    search->is_open = true;
    fd = lbpf_foreign_open_mapped(&search->foreign, mapping, NULL);
    if (fd < 0 || lbpf_elf_image_open(&image, fd, "", NULL) < 0)
        return NULL;
    id = calloc(1, LBPF_MAPPED_ID_SIZE);
    if (id && lbpf_elf_image_build_id(&image, id, LBPF_MAPPED_ID_SIZE) == 0) {
        free(id);
        id = NULL;
    }
    lbpf_elf_image_close(&image);
    return id;
}

static int look_at(void *context, const struct lbpf_mapping *mapping)
{
    struct search *search = context;
    struct lbpf_mapped_ids *ids = search->ids;
    const struct lbpf_strmap_entry *known;
    const char *id;
    char key[64];
    int size;

    if (!mapping->is_executable || !lbpf_mapping_is_file(mapping) || ids->files.count >= FILE_LIMIT)
        return 0;
    size = snprintf(key, sizeof key, "%x:%x %llx", mapping->major, mapping->minor,
                    (unsigned long long)mapping->inode);
    known = lbpf_strmap_get(&ids->files, key, (size_t)size);
    if (known) {
        id = (const char *)known->value;
    } else {
        id = (const char *)read_build_id(search, search->foreign.pid, mapping);
        if (lbpf_strmap_set(&ids->files, key, (size_t)size, (uintptr_t)id) < 0) {
            free((void *)id);
            return 0;
        }
    }
    if (id)
        lbpf_strmap_set(&ids->pids, id, LBPF_MAPPED_ID_SIZE, (uintptr_t)search->foreign.pid);
    return 0;
}

static void look_into(struct lbpf_mapped_ids *ids, pid_t pid)
{
    struct search search = {.ids = ids, .foreign.pid = pid};
    struct lbpf_buffer text = {0};

    if (lbpf_maps_read(pid, &text) == 0 && text.size > 0)
        lbpf_maps_scan(text.data, look_at, &search);
    if (search.is_open)
        lbpf_foreign_close(&search.foreign);
    lbpf_buffer_free(&text);
}

bool lbpf_mapped_ids_search(struct lbpf_mapped_ids *ids)
{
    int64_t started = lbpf_now_ns();
    const struct dirent *entry;
    DIR *folder;

    if (ids->searched_ns > 0 &&
        (started - ids->searched_ns < SECOND_NS || started - ids->searched_ns < 4 * ids->cost_ns))
        return false;
    folder = opendir("/proc");
    if (!folder)
        return false;
    if (ids->files.count >= FILE_LIMIT)
        lbpf_mapped_ids_free(ids);
    while ((entry = readdir(folder))) {
        long pid = strtol(entry->d_name, NULL, 10);

        if (pid > 0)
            look_into(ids, (pid_t)pid);
    }
    closedir(folder);
    ids->searched_ns = lbpf_now_ns();
    ids->cost_ns = ids->searched_ns - started;
    return true;
}
