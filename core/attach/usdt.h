/*
 * Static user-space tracepoints (USDT): the probes that a program's authors put into it with
 * <sys/sdt.h>. A context holds those of one file, or of all files that a process has mapped; what
 * is enabled in it is attached when a session opens with it.
 *
 * Nothing is ever written into a process. A program that only fires a probe while somebody listens
 * looks at a counter (the semaphore), and the kernel raises that for as long as the link lives.
 */
#ifndef LBPF_ATTACH_USDT_H
#define LBPF_ATTACH_USDT_H

#include "attach/link.h"
#include "base/buffer.h"
#include "base/error.h"
#include "elf/usdt_argument.h"
#include "kernel/object.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lbpf_usdt;

struct lbpf_usdt_file {
    char *path;
    int fd; /* stays open: probes go to this very file */
    unsigned machine;
    bool is_32;
};

struct lbpf_usdt_location {
    size_t file;
    uint64_t address; /* in the file, as nm shows it */
    uint64_t offset, counter_offset;
    char *arguments;
    uint64_t cookie; /* how the readers know it; see lbpf_usdt_readers() */
};

struct lbpf_usdt_probe {
    char *provider, *name;
    uint64_t semaphore;                   /* in the first file that has the probe; 0: none */
    struct lbpf_usdt_location *locations; /* by path and address */
    size_t location_count, location_capacity;
    char *function; /* what it is enabled for, or NULL */
};

/* Exactly what pid (0: none) and path (NULL: none) say; with both, path as the process sees it.
 * Errors in BCC's words. */
int lbpf_usdt_open(struct lbpf_usdt **usdt, pid_t pid, const char *path, struct lbpf_error *error);
/* Links of a session do not need it any more. NULL is allowed. */
void lbpf_usdt_close(struct lbpf_usdt *usdt);

pid_t lbpf_usdt_pid(const struct lbpf_usdt *usdt); /* 0: none */
size_t lbpf_usdt_probe_count(const struct lbpf_usdt *usdt);
const struct lbpf_usdt_probe *lbpf_usdt_probe_at(const struct lbpf_usdt *usdt, size_t index);
const struct lbpf_usdt_file *lbpf_usdt_file_of(const struct lbpf_usdt *usdt,
                                               const struct lbpf_usdt_location *location);
size_t lbpf_usdt_argument_count(const struct lbpf_usdt *usdt,
                                const struct lbpf_usdt_location *location);

/* probe is "name" or "provider:name". */
int lbpf_usdt_enable(struct lbpf_usdt *usdt, const char *probe, const char *function,
                     struct lbpf_error *error);

/* The C type of argument index (from 0): the widest of all locations. NULL when there is no such
 * probe or argument. */
const char *lbpf_usdt_argument_ctype(const struct lbpf_usdt *usdt, const char *probe, size_t index);

/*
 * Appends the C functions behind bpf_usdt_readarg(), for all that the contexts have enabled; the
 * compiler reads them before the program. Gives each enabled location the cookie that they choose
 * by, so it comes before attaching.
 */
int lbpf_usdt_readers(struct lbpf_usdt *const *contexts, size_t count, struct lbpf_buffer *text,
                      struct lbpf_error *error);

/* One link over the locations of a probe in one file. pid 0: every process. -ENOENT without error
 * when the probe has none there. */
int lbpf_attach_usdt(struct lbpf_object *object, const struct lbpf_usdt *usdt,
                     const struct lbpf_usdt_probe *probe, size_t file, pid_t pid,
                     struct lbpf_link **link, struct lbpf_error *error);
size_t lbpf_usdt_file_count(const struct lbpf_usdt *usdt);
/* Whether the process is still the one that was looked into, running the same program. */
int lbpf_usdt_check_process(const struct lbpf_usdt *usdt, struct lbpf_error *error);

#endif
