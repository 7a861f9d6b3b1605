/*
 * /tmp/perf-PID.map: what a just-in-time compiler tells about the code that it made, one line for
 * each function: "START SIZE NAME". Anybody can write to /tmp, and the file grows while it is read.
 */
#ifndef LBPF_SYMBOLS_PERF_MAP_H
#define LBPF_SYMBOLS_PERF_MAP_H

#include "symbols/foreign.h"

struct lbpf_perf_map;

/*
 * Opens the map of a process: in its own root under the pid that it has there, else in ours. NULL
 * when there is none; with error set when there is one that is not taken (another user's, a link,
 * too large).
 */
struct lbpf_perf_map *lbpf_perf_map_open(const struct lbpf_foreign *foreign,
                                         struct lbpf_error *error);
/* Takes the descriptor of a regular file, also on failure. */
struct lbpf_perf_map *lbpf_perf_map_open_fd(int fd, const char *path, struct lbpf_error *error);
void lbpf_perf_map_close(struct lbpf_perf_map *map);

/* Reads what was added since. 1 when something was, else 0, or -errno with the reason. */
int lbpf_perf_map_refresh(struct lbpf_perf_map *map, struct lbpf_error *error);

/* The function around address; of several the one that was written last. Lent until the next
 * refresh; NULL when there is none. */
const char *lbpf_perf_map_find(const struct lbpf_perf_map *map, uint64_t address, uint64_t *start);

const char *lbpf_perf_map_path(const struct lbpf_perf_map *map);
size_t lbpf_perf_map_memory(const struct lbpf_perf_map *map);

#endif
