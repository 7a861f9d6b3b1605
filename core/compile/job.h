/*
 * One compilation on its way: what was found out about the program, and the memory files that clang
 * reads. compile.c owns it and leads it through its stages.
 */
#ifndef LBPF_COMPILE_JOB_H
#define LBPF_COMPILE_JOB_H

#include "base/architecture.h"
#include "compile/child.h"
#include "compile/compile.h"
#include "compile/inputs.h"
#include "compile/kernel_btf.h"
#include "compile/kernel_headers.h"
#include "compile/toolchain.h"

#include <time.h>

enum {
    LBPF_FILE_PROGRAM,
    LBPF_FILE_TYPES,
    LBPF_FILE_TRACEPOINTS,
    LBPF_FILE_OVERLAY,
    LBPF_FILE_READERS,
    LBPF_FILE_FACTS,
    LBPF_FILE_GATE,
    LBPF_FILE_COUNT
};

/* Everything about one compilation; owned by lbpf_compile. */
struct lbpf_job {
    const struct lbpf_source *source;
    struct lbpf_error *error;
    struct lbpf_toolchain toolchain;
    struct lbpf_inputs inputs;
    struct lbpf_buffer formats, key;
    struct lbpf_kernel_btf btf;
    struct lbpf_kernel_headers headers; /* when source->headers is given */
    struct lbpf_strmap header_paths;    /* what tells whether they were changed */
    struct timespec started;            /* by the clock of files */
    int files[LBPF_FILE_COUNT];         /* -1: none */
    int gate;                           /* the gate's other end, or -1 */
    unsigned seconds, megabytes;        /* what clang may use */
    const struct lbpf_architecture *architecture;
    bool portable;
    bool ring_output;          /* perf outputs are rings */
    pid_t compiler;            /* a clang that is on its way out, or 0 */
    double types_ms, clang_ms; /* what the stages took */
    size_t types_size;
};

/* --- job_cache.c --- */

/* Fills the key. 0 or -ENOMEM. */
int lbpf_job_make_key(struct lbpf_job *job);

/* Appends the object that the cache has for the key; false if it has none. */
bool lbpf_job_look_up(const struct lbpf_job *job, struct lbpf_buffer *object);

/* Keeps the object that starts at start, if it depends on nothing but the key. */
void lbpf_job_keep(const struct lbpf_job *job, const struct lbpf_buffer *object, size_t start);

/* --- job_clang.c --- */

/* Starts clang over the files with the mode's flags (up to a NULL); what it makes will be appended
 * to output. 0 or -errno. */
int lbpf_job_start(struct lbpf_job *job, const char *const *mode, struct lbpf_buffer *output,
                   struct lbpf_buffer *messages, struct lbpf_child *child);

/* Waits until clang has made its output, and puts the user's names into its messages. Returns what
 * lbpf_child_finish() does. */
int lbpf_job_finish(const struct lbpf_job *job, struct lbpf_child *child);

/* Both, until clang has gone. */
int lbpf_job_run(struct lbpf_job *job, const char *const *mode, struct lbpf_buffer *output,
                 struct lbpf_buffer *messages);

/* Fills the job's error by what these returned and what clang said. Returns its -errno. */
int lbpf_job_explain(struct lbpf_job *job, int status, const struct lbpf_buffer *messages);

/* --- job_dump.c --- */

/* Appends what source->debug asks for about the object that starts at start. */
void lbpf_job_dump(struct lbpf_job *job, const struct lbpf_buffer *object, size_t start,
                   struct lbpf_buffer *dump);

/* Appends a line for each stage: how long it took, and how much it made. */
void lbpf_job_dump_stages(struct lbpf_job *job, const struct lbpf_buffer *object, size_t start,
                          struct lbpf_buffer *dump);

#endif
