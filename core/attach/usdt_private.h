/* What usdt.c and usdt_*.c share. */
#ifndef LBPF_ATTACH_USDT_PRIVATE_H
#define LBPF_ATTACH_USDT_PRIVATE_H

#include "attach/usdt.h"

#include "base/strmap.h"

/* Which process, and which program in it: ids are used again, and exec keeps them. */
struct lbpf_usdt_process {
    pid_t pid;
    unsigned long long start_time;
    uint64_t device, inode; /* of the executable */
};

struct lbpf_usdt {
    struct lbpf_usdt_process process; /* pid 0: by path */
    struct lbpf_usdt_file *files;     /* those with probes */
    size_t file_count, file_capacity;
    struct lbpf_usdt_probe *probes;
    size_t probe_count, probe_capacity;
    struct lbpf_strmap names; /* where each probe is in probes */
    size_t unread_count;      /* mapped files that could not be read … */
    char unread[400];         /* … and why not the first of them */
};

/* Reads it off /proc. -ESRCH when it is gone. */
int lbpf_usdt_process_look(struct lbpf_usdt_process *process, pid_t pid);

#endif
