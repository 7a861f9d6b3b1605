/* Tables that a program declares public, for other BPF objects of this process. */
#ifndef LBPF_KERNEL_SHARED_MAPS_H
#define LBPF_KERNEL_SHARED_MAPS_H

struct lbpf_shared_map;

/* Makes the map with this descriptor known by name; of several with one name the newest is taken.
 * NULL: no memory or no descriptor (errno). */
struct lbpf_shared_map *lbpf_shared_map_publish(const char *name, int fd);
/* The map of this name, or NULL. */
struct lbpf_shared_map *lbpf_shared_map_take(const char *name);
/* Its descriptor; lent until release. */
int lbpf_shared_map_fd(const struct lbpf_shared_map *shared);
/* Ends one publish or take. The map is known as long as one of them lasts. NULL is allowed. */
void lbpf_shared_map_release(struct lbpf_shared_map *shared);

#endif
