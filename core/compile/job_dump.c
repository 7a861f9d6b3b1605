/* What BPF{debug=} shows of a compilation. Each view of it is a run of clang of its own. */
#include "compile/diagnostics.h"
#include "compile/dump.h"
#include "compile/job.h"

/* The plugin's time takes a run of its own, with clang's stop-watch on. */
void lbpf_job_dump_stages(struct lbpf_job *job, const struct lbpf_buffer *object, size_t start,
                          struct lbpf_buffer *dump)
{
    static const char *const timed[] = {"-c", "-ftime-report", NULL};
    struct lbpf_buffer report = {0}, ignored = {0};

    lbpf_job_run(job, timed, &ignored, &report);
    lbpf_buffer_printf(dump, "luabpf: kernel types: %.1f ms, %zu bytes of C\n", job->types_ms,
                       job->types_size);
    lbpf_buffer_printf(dump, "luabpf: clang: %.1f ms, of which the plugin %.1f ms\n", job->clang_ms,
                       lbpf_dump_plugin_time(lbpf_buffer_string(&report)));
    lbpf_buffer_printf(dump, "luabpf: code: %zu instructions, %zu bytes of object\n",
                       lbpf_dump_instruction_count(object->data + start, object->size - start),
                       object->size - start);
    lbpf_buffer_free(&report);
    lbpf_buffer_free(&ignored);
}

/* One mode's output, with the user's names in it. */
static void write_mode(struct lbpf_job *job, const char *const *mode, struct lbpf_buffer *dump)
{
    struct lbpf_buffer text = {0}, ignored = {0};

    lbpf_job_run(job, mode, &text, &ignored);
    lbpf_diagnostics_clean(&text, job->source->file_name);
    lbpf_buffer_append(dump, lbpf_buffer_string(&text), text.size);
    lbpf_buffer_free(&text);
    lbpf_buffer_free(&ignored);
}

void lbpf_job_dump(struct lbpf_job *job, const struct lbpf_buffer *object, size_t start,
                   struct lbpf_buffer *dump)
{
    static const char *const preprocess[] = {"-E", NULL}, *const assemble[] = {"-S", "-emit-llvm",
                                                                               NULL};
    const void *elf = object->data + start;
    size_t size = object->size - start;

    if (job->source->debug & LBPF_DEBUG_PREPROCESSOR)
        write_mode(job, preprocess, dump);
    if (job->source->debug & LBPF_DEBUG_LLVM_IR)
        write_mode(job, assemble, dump);
    if (job->source->debug & LBPF_DEBUG_SOURCE)
        lbpf_dump_source(elf, size, dump);
    if (job->source->debug & LBPF_DEBUG_BTF)
        lbpf_dump_btf(elf, size, dump);
}
