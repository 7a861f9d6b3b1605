/*
 * One program through the compiler. What clang reads lies in memory files: the kernel's types are
 * included first, then the prelude, then the program, each under the name /proc/self/fd/N, which
 * clang's debug information and our diagnostics replace by the user's own file name. Nothing
 * touches a disk but the cache.
 *
 * clang is started before the types are there, for half its time is its own start: what it includes
 * first is the gate, a pipe that ends when they are.
 */
#include "compile/compile.h"

#include "base/clock.h"
#include "base/fd.h"
#include "compile/assumptions.h"
#include "compile/file_stamps.h"
#include "compile/job.h"
#include "compile/kernel_types.h"
#include "compile/method_types.h"
#include "compile/portable.h"
#include "compile/strip.h"
#include "compile/targets.h"
#include "compile/undefined.h"
#include "host/features.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_LIMIT = 10 * 1000 * 1000, NUMBER_DIGITS = 6 };
/* A tool's program takes clang less than a second and 200 MB; a hundred thousand lines, ten. */
enum { SECONDS = 120, MEGABYTES = 4096 };

static double now_ms(void)
{
    return (double)lbpf_now_ns() / 1e6;
}

/* --- what clang reads ------------------------------------------------------------------------- */

static void write_program(const struct lbpf_source *source, struct lbpf_buffer *program)
{
    static const char footer[] = "\n#include <lbpf/footer.h>\n";
    size_t lines =
        source->first_line && source->first_line < LINE_LIMIT ? source->first_line - 1 : 0;
    char *start = lbpf_buffer_reserve(program, lines);

    if (start) {
        memset(start, '\n', lines);
        program->size += lines;
    }
    lbpf_buffer_append(program, source->text, source->size);
    lbpf_buffer_append(program, footer, sizeof footer - 1);
}

/* Another architecture's struct pt_regs stands for this kernel's, unless the program has its own.
 */
static int take_registers(struct lbpf_job *job, struct lbpf_buffer *types)
{
    if (lbpf_strmap_has(&job->inputs.identifiers.defined, "pt_regs"))
        return 0;
    lbpf_buffer_append_string(types, job->architecture->registers);
    return lbpf_strmap_set(&job->inputs.identifiers.defined, "pt_regs", strlen("pt_regs"),
                           LBPF_DEFINES_STRUCT);
}

static int read_headers(struct lbpf_job *job, struct lbpf_buffer *types)
{
    struct lbpf_kernel_headers_reader reader = {.clang = job->toolchain.clang,
                                                .cflags = job->source->cflags,
                                                .cflag_count = job->source->cflag_count,
                                                .seconds = job->seconds,
                                                .megabytes = job->megabytes,
                                                .paths = &job->header_paths};

    job->started = lbpf_file_stamps_now();
    return lbpf_kernel_headers_read(&job->headers, &reader, &job->inputs.kernel, types, job->error);
}

/* The tracepoint structures name kernel types, so these are chosen after them. */
static int write_types(struct lbpf_job *job, struct lbpf_buffer *types,
                       struct lbpf_buffer *tracepoints)
{
    static const char quiet[] = "#pragma clang system_header\n";
    int result;

    lbpf_buffer_append_string(types, quiet);
    lbpf_buffer_append_string(tracepoints, quiet);
    if (job->architecture != lbpf_architecture_own() && take_registers(job, types))
        return lbpf_error_no_memory(job->error, "compile");
    result = lbpf_tracepoint_types(&job->btf, &job->formats, tracepoints, job->error);
    if (!result && lbpf_identifiers_scan(&job->inputs.identifiers, lbpf_buffer_string(tracepoints),
                                         tracepoints->size))
        result = lbpf_error_no_memory(job->error, "compile");
    if (!result && job->source->headers)
        return read_headers(job, types);
    if (!result)
        result = lbpf_kernel_types(&job->btf, &job->inputs.identifiers, job->portable, types,
                                   job->error);
    lbpf_kernel_config(&job->btf, &job->inputs.identifiers, job->architecture, types);
    if (!result && !job->portable) {
        lbpf_targets_write(&job->btf, job->source, &job->inputs.identifiers, types);
        lbpf_portable_refuse_others(types);
    }
    return result;
}

static int refuse_file(struct lbpf_job *job, int code)
{
    lbpf_error_set(job->error, code, "compile", "no memory file for the compiler: %s",
                   strerror(code));
    if (code == EMFILE)
        lbpf_error_hint(job->error, "raise the limit of open files: ulimit -n");
    return -code;
}

static int open_file(struct lbpf_job *job, int index, const char *name, struct lbpf_buffer *content)
{
    int fd = content->failed ? -ENOMEM
                             : lbpf_memory_file(name, lbpf_buffer_string(content), content->size);

    job->files[index] = fd;
    return fd < 0 ? refuse_file(job, -fd) : 0;
}

static int fill_file(struct lbpf_job *job, int index, const struct lbpf_buffer *content)
{
    int result = content->failed
                     ? -ENOMEM
                     : lbpf_child_write(job->files[index], content->data, content->size);

    return result ? refuse_file(job, -result) : 0;
}

static int open_gate(struct lbpf_job *job)
{
    int ends[2], result = lbpf_child_pipe(ends);

    job->files[LBPF_FILE_GATE] = ends[0];
    job->gate = ends[1];
    return result;
}

/* All that clang needs to begin with, and room for the types. */
static int open_files(struct lbpf_job *job)
{
    struct lbpf_buffer program = {0}, overlay = {0}, readers = {0}, none = {0};
    int result;

    if (lbpf_inputs_scan_prelude(&job->inputs))
        return lbpf_error_no_memory(job->error, "compile");
    write_program(job->source, &program);
    lbpf_inputs_overlay(&job->inputs, &overlay);
    if (job->source->readers)
        lbpf_buffer_append_string(&readers, job->source->readers);
    result = open_file(job, LBPF_FILE_PROGRAM, "luabpf-program", &program);
    if (!result)
        result = open_file(job, LBPF_FILE_TYPES, "luabpf-types", &none);
    if (!result)
        result = open_file(job, LBPF_FILE_TRACEPOINTS, "luabpf-tracepoints", &none);
    if (!result)
        result = open_file(job, LBPF_FILE_OVERLAY, "luabpf-overlay", &overlay);
    if (!result)
        result = open_file(job, LBPF_FILE_READERS, "luabpf-readers", &readers);
    lbpf_buffer_free(&program);
    lbpf_buffer_free(&overlay);
    lbpf_buffer_free(&readers);
    return result;
}

static int fill_files(struct lbpf_job *job)
{
    struct lbpf_buffer types = {0}, tracepoints = {0};
    double started = now_ms();
    int result = lbpf_kernel_btf_open(&job->btf, NULL, job->error);

    if (!result)
        result = write_types(job, &types, &tracepoints);
    if (!result)
        result = fill_file(job, LBPF_FILE_TYPES, &types);
    if (!result)
        result = fill_file(job, LBPF_FILE_TRACEPOINTS, &tracepoints);
    job->types_size = types.size;
    job->types_ms = now_ms() - started;
    lbpf_buffer_free(&types);
    lbpf_buffer_free(&tracepoints);
    return result;
}

/* --- results ---------------------------------------------------------------------------------- */

static bool is_elf(const struct lbpf_buffer *buffer, size_t start)
{
    return buffer->size - start > 64 && !memcmp(buffer->data + start, "\177ELF", 4);
}

/* The line of the program that first has the word, or 0. */
static unsigned find_line(const struct lbpf_source *source, const char *word)
{
    const char *found = memmem(source->text, source->size, word, strlen(word));
    unsigned line = source->first_line ? source->first_line : 1;

    for (const char *at = source->text; found && at < found; at++)
        line += *at == '\n';
    return found ? line : 0;
}

/* libbpf would say that an object without it is none. */
static int refuse_undefined(struct lbpf_job *job, const struct lbpf_buffer *object, size_t start)
{
    char name[256];
    unsigned line;

    if (!lbpf_undefined_find(object->data + start, object->size - start, name, sizeof name))
        return 0;
    lbpf_error_set(job->error, EINVAL, "compile", "'%s' is declared and used, but not defined",
                   name);
    lbpf_error_hint(job->error,
                    "a BPF program is linked with nothing: define it in the program, or "
                    "declare it with __ksym when it is the kernel's");
    line = find_line(job->source, name);
    if (line)
        lbpf_error_where(job->error, "%s:%u", job->source->file_name, line);
    return -EINVAL;
}

/* Lets a portable object say what it takes for granted of this kernel. */
static int write_facts(struct lbpf_job *job)
{
    static const char *const mode[] = {"-fsyntax-only", "-w", "-Xclang", "-ast-dump", NULL};
    struct lbpf_assumptions assumptions = {.identifiers = &job->inputs.identifiers};
    struct lbpf_buffer tree = {0}, messages = {0}, text = {0};
    const struct lbpf_source *source = job->source;
    int result = lbpf_job_run(job, mode, &tree, &messages);

    if (result) {
        result = lbpf_job_explain(job, result, &messages);
    } else {
        lbpf_assumptions_scan_tree(&assumptions, &tree);
        lbpf_assumptions_scan_text(&assumptions, source->text, source->size);
        lbpf_assumptions_scan_text(&assumptions, lbpf_buffer_string(&job->inputs.files),
                                   job->inputs.files.size);
        result = lbpf_assumptions_write(&assumptions, source, &job->btf, &text)
                     ? lbpf_error_no_memory(job->error, "compile")
                     : open_file(job, LBPF_FILE_FACTS, "luabpf-facts", &text);
    }
    lbpf_assumptions_free(&assumptions);
    lbpf_buffer_free(&tree);
    lbpf_buffer_free(&messages);
    lbpf_buffer_free(&text);
    return result;
}

/* Whether clang may start before the types are there: not where it is run for them, too, nor where
 * the stages' times are told. */
static bool can_overlap(const struct lbpf_job *job)
{
    return !job->portable && !job->source->headers && !job->source->debug;
}

/* Chooses the types while clang starts, if it can be started so; without room for the gate's files
 * it can't. */
static int make_object(struct lbpf_job *job, struct lbpf_buffer *object,
                       struct lbpf_buffer *messages)
{
    static const char *const mode[] = {"-c", NULL};
    size_t start = object->size;
    double started = now_ms();
    struct lbpf_child clang;
    bool early =
        can_overlap(job) && !open_gate(job) && !lbpf_job_start(job, mode, object, messages, &clang);
    int result;

    lbpf_close_fd(&job->files[LBPF_FILE_GATE]);
    result = fill_files(job);
    if (!result && job->portable)
        result = write_facts(job);
    lbpf_close_fd(&job->gate);
    if (result) {
        if (early)
            lbpf_child_abort(&clang);
        return result;
    }
    if (!early) {
        started = now_ms();
        result = lbpf_job_start(job, mode, object, messages, &clang);
    }
    if (!result) {
        result = lbpf_job_finish(job, &clang);
        job->compiler = clang.pid;
    }
    job->clang_ms = now_ms() - started;
    return result || !is_elf(object, start) ? lbpf_job_explain(job, result, messages) : 0;
}

static int compile_program(struct lbpf_job *job, struct lbpf_buffer *object,
                           struct lbpf_buffer *dump)
{
    struct lbpf_buffer messages = {0};
    size_t start = object->size;
    int result = open_files(job);

    if (!result)
        result = make_object(job, object, &messages);
    if (!result)
        result = lbpf_method_types_check(job->source, &messages, job->error);
    if (!result)
        result = refuse_undefined(job, object, start);
    if (!job->source->debug)
        dump = NULL;
    if (!result && dump) { /* with DWARF: older disassemblers know lines by it only */
        lbpf_buffer_append(dump, lbpf_buffer_string(&messages), messages.size);
        lbpf_job_dump(job, object, start, dump);
    }
    if (!result && lbpf_strip(object, start))
        result = lbpf_error_no_memory(job->error, "compile");
    if (!result && dump)
        lbpf_job_dump_stages(job, object, start, dump);
    if (!result)
        lbpf_job_keep(job, object, start);
    else
        object->size = start;
    lbpf_buffer_free(&messages);
    return result;
}

/* Which line asks for the tracepoint that the error is about. */
static void locate_tracepoint(struct lbpf_job *job)
{
    const struct lbpf_strmap *tracepoints = &job->inputs.identifiers.tracepoints;

    for (size_t i = 0; job->error && i < tracepoints->slot_count; i++) {
        const char *name = tracepoints->slots[i].key, *event = name, *at;
        unsigned line;

        if (!name)
            continue;
        for (at = name; *at; at++)
            if (*at == ':' || !strncmp(at, "__", 2))
                event = at + (*at == ':' ? 1 : 2);
        line = strstr(job->error->message, event) ? find_line(job->source, event) : 0;
        if (line) {
            lbpf_error_where(job->error, "%s:%u", job->source->file_name, line);
            return;
        }
    }
}

static int refuse_include(struct lbpf_job *job)
{
    const char *name = job->inputs.refused;
    unsigned line = find_line(job->source, name);

    lbpf_error_set(job->error, EINVAL, "compile", "'%s' cannot be included: it is no regular file",
                   name);
    if (line)
        lbpf_error_where(job->error, "%s:%u", job->source->file_name, line);
    return -EINVAL;
}

/* A limit from the environment, if it is a number above 0. */
static unsigned read_limit(const char *name, unsigned fallback)
{
    const char *text = getenv(name);
    size_t size = text ? strlen(text) : 0;

    if (!size || size > NUMBER_DIGITS || text[strspn(text, "0123456789")] || !atoi(text))
        return fallback;
    return (unsigned)atoi(text);
}

static int find_headers(struct lbpf_job *job)
{
    int result;

    if (!job->source->headers)
        return 0;
    if (job->portable) {
        lbpf_error_set(job->error, EINVAL, "compile",
                       "a portable object can't be made with kernel headers");
        lbpf_error_hint(job->error, "headers tell one kernel's layouts: leave out 'headers', or "
                                    "'portable' and 'arch'");
        return -EINVAL;
    }
    result = lbpf_kernel_headers_find(&job->headers, job->source->headers, job->architecture,
                                      job->error);
    if (!result && lbpf_kernel_headers_filter(&job->headers, &job->inputs.kernel))
        result = lbpf_error_no_memory(job->error, "compile");
    return result;
}

/* Whether perf outputs can be rings: not when the program uses one as what it is called. */
static bool can_ring(const struct lbpf_job *job)
{
    static const char *const perf_only[] = {
        "perf_submit_skb", "bpf_perf_event_output", "bpf_skb_output",     "bpf_xdp_output",
        "perf_read",       "perf_counter_value",    "bpf_perf_event_read"};
    const struct lbpf_strmap *names = &job->inputs.identifiers.names;

    if (job->source->perf_output || job->portable || !lbpf_strmap_has(names, "BPF_PERF_OUTPUT"))
        return false;
    for (size_t i = 0; i < sizeof perf_only / sizeof *perf_only; i++)
        if (lbpf_strmap_has(names, perf_only[i]))
            return false;
    return lbpf_feature("ring_buffer", NULL);
}

static int choose_architecture(struct lbpf_job *job)
{
    const char *name = job->source->architecture;

    job->architecture = name ? lbpf_architecture_find(name) : lbpf_architecture_own();
    if (!job->architecture)
        return lbpf_error_set(job->error, EINVAL, "compile",
                              "Programs can't be compiled for '%s', only for %s", name,
                              lbpf_architecture_names());
    job->portable = job->source->portable || job->architecture != lbpf_architecture_own();
    return 0;
}

static int prepare(struct lbpf_job *job)
{
    int result = choose_architecture(job);

    if (result)
        return result;
    result = lbpf_toolchain_find(&job->toolchain, job->error);

    if (result)
        return result;
    if (lbpf_inputs_scan(&job->inputs, job->source, job->toolchain.folder))
        return lbpf_error_no_memory(job->error, "compile");
    if (job->inputs.refused[0])
        return refuse_include(job);
    result = find_headers(job);
    if (result)
        return result;
    result = lbpf_tracepoint_formats(&job->inputs.identifiers, &job->formats, job->error);
    if (result)
        locate_tracepoint(job);
    job->ring_output = can_ring(job);
    if (!result && lbpf_job_make_key(job))
        result = lbpf_error_no_memory(job->error, "compile");
    return result;
}

void lbpf_compile_reap(pid_t compiler)
{
    lbpf_child_reap(compiler);
}

int lbpf_compile(const struct lbpf_source *source, struct lbpf_buffer *object,
                 struct lbpf_buffer *dump, struct lbpf_error *error)
{
    struct lbpf_job *job = calloc(1, sizeof *job);
    int result;

    if (!job)
        return lbpf_error_no_memory(error, "compile");
    job->source = source;
    job->error = error;
    job->seconds = read_limit("LUABPF_CLANG_SECONDS", SECONDS);
    job->megabytes = read_limit("LUABPF_CLANG_MEGABYTES", MEGABYTES);
    for (int i = 0; i < LBPF_FILE_COUNT; i++)
        job->files[i] = -1;
    job->gate = -1;
    result = prepare(job);
    if (!result && (source->debug || !lbpf_job_look_up(job, object)))
        result = compile_program(job, object, dump);
    if (!result && job->portable && source->notes)
        lbpf_portable_notes(&job->inputs.identifiers, source->notes);
    for (int i = 0; i < LBPF_FILE_COUNT; i++)
        lbpf_close_fd(&job->files[i]);
    lbpf_close_fd(&job->gate);
    if (source->compiler)
        *source->compiler = job->compiler;
    else
        lbpf_child_reap(job->compiler);
    lbpf_strmap_free(&job->header_paths);
    lbpf_inputs_free(&job->inputs);
    lbpf_buffer_free(&job->formats);
    lbpf_buffer_free(&job->key);
    lbpf_kernel_btf_close(&job->btf);
    free(job);
    return result;
}
