/* Where user probes go: a file, by what it is and not by what it is called, and offsets in it. */
#ifndef LBPF_ATTACH_UPROBE_PLACES_H
#define LBPF_ATTACH_UPROBE_PLACES_H

#include "attach/link.h"
#include "elf/binary.h"

struct lbpf_uprobe_places {
    struct lbpf_binary binary;
    dev_t device;
    ino_t inode;
    uint64_t *offsets; /* ascending, unique; in the file that processes map */
    size_t count, capacity;
};

/* "attach uprobe" or "attach uretprobe", for errors. */
const char *lbpf_uprobe_op(const struct lbpf_uprobe_options *options);

#endif
