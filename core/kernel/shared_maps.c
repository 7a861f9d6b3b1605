/*
 * The one list that belongs to the whole process rather than to a session: BCC's BPF_TABLE_PUBLIC
 * and "extern" mean tables of other BPF objects in this process, whichever Lua state they are in.
 * A lock protects it. An entry has a descriptor of its own and counts its users, so that the order
 * in which objects close does not matter, and nothing stays behind when the last one has closed.
 */
#include "kernel/shared_maps.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lbpf_shared_map {
    struct lbpf_shared_map *next;
    unsigned user_count;
    int fd;
    char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lbpf_shared_map *newest;

struct lbpf_shared_map *lbpf_shared_map_publish(const char *name, int fd)
{
    size_t size = strlen(name) + 1;
    struct lbpf_shared_map *shared = calloc(1, sizeof *shared + size);

    if (!shared)
        return NULL;
    shared->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (shared->fd < 0) {
        free(shared);
        return NULL;
    }
    shared->user_count = 1;
    memcpy(shared->name, name, size);
    pthread_mutex_lock(&lock);
    shared->next = newest;
    newest = shared;
    pthread_mutex_unlock(&lock);
    return shared;
}

struct lbpf_shared_map *lbpf_shared_map_take(const char *name)
{
    struct lbpf_shared_map *shared;

    pthread_mutex_lock(&lock);
    for (shared = newest; shared && strcmp(shared->name, name) != 0;)
        shared = shared->next;
    if (shared)
        shared->user_count++;
    pthread_mutex_unlock(&lock);
    return shared;
}

int lbpf_shared_map_fd(const struct lbpf_shared_map *shared)
{
    return shared->fd;
}

void lbpf_shared_map_release(struct lbpf_shared_map *shared)
{
    struct lbpf_shared_map **link = &newest;
    unsigned users;

    if (!shared)
        return;
    pthread_mutex_lock(&lock);
    users = --shared->user_count;
    while (!users && *link != shared)
        link = &(*link)->next;
    if (!users)
        *link = shared->next;
    pthread_mutex_unlock(&lock);
    if (!users) {
        close(shared->fd);
        free(shared);
    }
}
