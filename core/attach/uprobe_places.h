/* Where user probes go: a file, by what it is and not by what it is called, and offsets in it. */
#ifndef LBPF_ATTACH_UPROBE_PLACES_H
#define LBPF_ATTACH_UPROBE_PLACES_H

#include "attach/link.h"
#include "elf/binary.h"

/* One of them while they are looked for. */
struct lbpf_uprobe_place {
    uint64_t offset;
    char *name;
};

struct lbpf_uprobe_places {
    struct lbpf_binary binary;
    dev_t device;
    ino_t inode;
    struct lbpf_uprobe_place *found; /* not in use once offsets and names are there */
    uint64_t *offsets;               /* ascending, unique; in the file that processes map */
    char **names;                    /* of each offset; the link takes them */
    size_t count, capacity;
};

/* "attach uprobe" or "attach uretprobe", for errors. */
const char *lbpf_uprobe_op(const struct lbpf_uprobe_options *options);

#endif
