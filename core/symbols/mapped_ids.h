/*
 * Which running process has a file with a given build id mapped. All processes that may be looked
 * into are gone through when an id is not known yet, but not more often than once a second; of each
 * file only the notes are read, once.
 */
#ifndef LBPF_SYMBOLS_MAPPED_IDS_H
#define LBPF_SYMBOLS_MAPPED_IDS_H

#include "base/strmap.h"

#include <sys/types.h>

enum { LBPF_MAPPED_ID_SIZE = 20 };

struct lbpf_mapped_ids {
    struct lbpf_strmap pids;  /* a process by build id */
    struct lbpf_strmap files; /* by device and inode: where its build id is in pids */
    int64_t searched_ns, cost_ns;
};

void lbpf_mapped_ids_free(struct lbpf_mapped_ids *ids);

/* A process, or 0; it may have ended. */
pid_t lbpf_mapped_ids_find(const struct lbpf_mapped_ids *ids, const uint8_t *build_id);

/* Goes through all processes; false when that was done just now. */
bool lbpf_mapped_ids_search(struct lbpf_mapped_ids *ids);

#endif
