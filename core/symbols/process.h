/*
 * The code that one process has mapped, and which function of it an address is in. Processes load
 * libraries, run other programs and end meanwhile: what is known is checked every millisecond of
 * use, and read again when an address is not found. Of a process that ended the last state stays.
 */
#ifndef LBPF_SYMBOLS_PROCESS_H
#define LBPF_SYMBOLS_PROCESS_H

#include "symbols/file.h"
#include "symbols/perf_map.h"

struct lbpf_symbol {
    const char *name;      /* NULL: unknown; lent until the next look-up */
    const char *demangled; /* "" when name is what people write */
    const char *module;    /* path of the file, "[vdso]", or NULL: outside of every file; lent */
    uint64_t offset;       /* from the start of the function, else from that of the module */
};

struct lbpf_module {
    struct lbpf_mapping mapping;
    struct lbpf_symbol_file *file; /* NULL until asked for */
    char *member;                  /* "ARCHIVE!/MEMBER" when that is what is mapped, or NULL */
    char *problem;                 /* why the file can not be read, or NULL */
};

struct lbpf_symbol_process {
    struct lbpf_foreign foreign;
    struct lbpf_module *modules; /* by address; executable mappings of files, and the vDSO */
    size_t module_count;
    struct lbpf_perf_map *perf_map;
    char *perf_map_problem;
    int64_t checked_ns, loaded_ns, load_cost_ns, map_ns, map_cost_ns;
    bool has_ended;
    struct lbpf_symbol_process *next;
};

/* NULL with the reason: no such process, or not allowed. */
struct lbpf_symbol_process *lbpf_symbol_process_open(struct lbpf_symbol_files *files, pid_t pid,
                                                     struct lbpf_error *error);
void lbpf_symbol_process_close(struct lbpf_symbol_process *process,
                               struct lbpf_symbol_files *files);

/* What is at address now; symbol->name is NULL where nothing is known. */
void lbpf_symbol_process_find(struct lbpf_symbol_process *process, struct lbpf_symbol_files *files,
                              uint64_t address, struct lbpf_symbol *symbol);

/* What people call a module: the path of its file, in an archive with the member's name. */
const char *lbpf_module_name(const struct lbpf_module *module);
/* The file of a module, opened when first asked for; NULL when it can not be read. */
struct lbpf_symbol_file *lbpf_module_file(struct lbpf_symbol_process *process,
                                          struct lbpf_symbol_files *files,
                                          struct lbpf_module *module);

#endif
