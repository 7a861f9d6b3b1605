/*
 * User addresses to names, for any number of processes. Memory is bounded: the tables of files and
 * the processes that were not asked about for longest go first. One symbolizer is for one thread.
 */
#ifndef LBPF_SYMBOLS_SYMBOLIZER_H
#define LBPF_SYMBOLS_SYMBOLIZER_H

#include "symbols/process.h"

struct lbpf_symbolizer;

/* NULL without memory. */
struct lbpf_symbolizer *lbpf_symbolizer_new(void);
void lbpf_symbolizer_free(struct lbpf_symbolizer *symbolizer);

/* What is at an address of a process (or thread). A process that is not there, or may not be looked
 * into, is an error, and symbol is empty. */
int lbpf_symbolizer_find(struct lbpf_symbolizer *symbolizer, pid_t pid, uint64_t address,
                         struct lbpf_symbol *symbol, struct lbpf_error *error);

/* Where a function of a process is now; module is the path of its file or the end of that
 * ("libc.so.6"), or NULL for any. -ENOENT when there is none. */
int lbpf_symbolizer_find_name(struct lbpf_symbolizer *symbolizer, pid_t pid, const char *module,
                              const char *name, uint64_t *address, struct lbpf_error *error);

/* Makes a file known by its build id. */
int lbpf_symbolizer_add_file(struct lbpf_symbolizer *symbolizer, const char *path,
                             struct lbpf_error *error);
/* What is at an offset of the file with a build id (20 bytes): one that was added, one that the
 * process has mapped (pid > 0), one that lies where build ids lead to (elf/build_id.h), or one that
 * any process has mapped. */
void lbpf_symbolizer_find_build_id(struct lbpf_symbolizer *symbolizer, const uint8_t *build_id,
                                   uint64_t offset, pid_t pid, struct lbpf_symbol *symbol);

/* What of the process could not be read so far, one sentence each, until visit returns non-zero. */
int lbpf_symbolizer_each_problem(struct lbpf_symbolizer *symbolizer, pid_t pid,
                                 int (*visit)(void *context, const char *problem), void *context,
                                 struct lbpf_error *error);

/* Drops what is known about a process. */
void lbpf_symbolizer_forget(struct lbpf_symbolizer *symbolizer, pid_t pid);

struct lbpf_symbolizer_use {
    size_t processes, files, bytes, limit; /* bytes of tables */
};

void lbpf_symbolizer_describe(const struct lbpf_symbolizer *symbolizer,
                              struct lbpf_symbolizer_use *use);

#endif
