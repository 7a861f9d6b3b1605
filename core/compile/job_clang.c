/*
 * clang over a job's files, and what its failures mean. The files are its descriptors from
 * LBPF_CHILD_FIRST_FD on, in the order of their numbers.
 */
#include "compile/arguments.h"
#include "compile/diagnostics.h"
#include "compile/job.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { CRASH_BASE = 128 }; /* clang catches its own crash and exits with 128 + the signal */

/* --- running ---------------------------------------------------------------------------------- */

static void add_files(struct lbpf_arguments *arguments, const struct lbpf_job *job)
{
    int first = LBPF_CHILD_FIRST_FD;

    lbpf_arguments_add(arguments, "-ivfsoverlay");
    lbpf_arguments_add(arguments, "/proc/self/fd/%d", first + LBPF_FILE_OVERLAY);
    lbpf_arguments_add(arguments, "-iquote.");
    lbpf_arguments_add(arguments, "-isystem");
    lbpf_arguments_add(arguments, "%s/include", job->toolchain.folder);
    lbpf_arguments_add(arguments, "-isystem");
    lbpf_arguments_add(arguments, LBPF_VIRTUAL_INCLUDE);
    if (job->ring_output)
        lbpf_arguments_add(arguments, "-DLBPF_RING_OUTPUT");
    if (job->portable)
        lbpf_arguments_add(arguments, "-DLBPF_PORTABLE");
    if (job->source->headers)
        lbpf_arguments_add(arguments, "-DLBPF_HEADERS");
    if (job->files[LBPF_FILE_GATE] >= 0) {
        lbpf_arguments_add(arguments, "-include");
        lbpf_arguments_add(arguments, "/proc/self/fd/%d", first + LBPF_FILE_GATE);
    }
    lbpf_arguments_add(arguments, "-include");
    lbpf_arguments_add(arguments, "/proc/self/fd/%d", first + LBPF_FILE_TYPES);
    lbpf_arguments_add(arguments, "-include");
    lbpf_arguments_add(arguments, "lbpf/prelude.h");
    lbpf_arguments_add(arguments, "-include");
    lbpf_arguments_add(arguments, "/proc/self/fd/%d", first + LBPF_FILE_TRACEPOINTS);
    lbpf_arguments_add(arguments, "-include");
    lbpf_arguments_add(arguments, "/proc/self/fd/%d", first + LBPF_FILE_READERS);
    lbpf_arguments_add(arguments, "-ffile-prefix-map=/proc/self/fd/%d=%s",
                       first + LBPF_FILE_PROGRAM, job->source->file_name);
    lbpf_arguments_add(arguments, "-ffile-prefix-map=/proc/self/fd/%d=kernel types",
                       first + LBPF_FILE_TYPES);
    lbpf_arguments_add(arguments, "-ffile-prefix-map=/proc/self/fd/%d=tracepoint types",
                       first + LBPF_FILE_TRACEPOINTS);
    lbpf_arguments_add(arguments, "-ffile-prefix-map=/proc/self/fd/%d=USDT readers",
                       first + LBPF_FILE_READERS);
    if (job->files[LBPF_FILE_FACTS] >= 0) {
        lbpf_arguments_add(arguments, "-include");
        lbpf_arguments_add(arguments, "/proc/self/fd/%d", first + LBPF_FILE_FACTS);
        lbpf_arguments_add(arguments, "-ffile-prefix-map=/proc/self/fd/%d=kernel facts",
                           first + LBPF_FILE_FACTS);
    }
    lbpf_arguments_add(arguments, "-fpass-plugin=%s", job->toolchain.plugin);
}

int lbpf_job_start(struct lbpf_job *job, const char *const *mode, struct lbpf_buffer *output,
                   struct lbpf_buffer *messages, struct lbpf_child *child)
{
    struct lbpf_arguments *arguments = calloc(1, sizeof *arguments);
    int result;

    *child = (struct lbpf_child){.path = job->toolchain.clang,
                                 .fds = job->files,
                                 .fd_count = LBPF_FILE_COUNT,
                                 .output = output,
                                 .messages = messages,
                                 .seconds = job->seconds,
                                 .megabytes = job->megabytes,
                                 .reports = true};
    if (!arguments)
        return -ENOMEM;
    lbpf_arguments_add(arguments, "%s", job->toolchain.clang);
    lbpf_arguments_add(arguments, "--no-default-config");
    lbpf_arguments_add_language(arguments, job->architecture);
    add_files(arguments, job);
    for (size_t i = 0; i < job->source->cflag_count; i++)
        lbpf_arguments_add(arguments, "%s", job->source->cflags[i]);
    for (; *mode; mode++)
        lbpf_arguments_add(arguments, "%s", *mode);
    lbpf_arguments_add(arguments, "-o");
    lbpf_arguments_add(arguments, "-");
    lbpf_arguments_add(arguments, "-x");
    lbpf_arguments_add(arguments, "c");
    lbpf_arguments_add(arguments, "/proc/self/fd/%d", LBPF_CHILD_FIRST_FD + LBPF_FILE_PROGRAM);
    child->arguments = arguments->vector;
    result = lbpf_arguments_finish(arguments) ? lbpf_child_begin(child) : -E2BIG;
    lbpf_arguments_free(arguments);
    free(arguments);
    return result;
}

int lbpf_job_finish(const struct lbpf_job *job, struct lbpf_child *child)
{
    int result = lbpf_child_finish(child);

    lbpf_diagnostics_clean(child->messages, job->source->file_name);
    return result;
}

int lbpf_job_run(struct lbpf_job *job, const char *const *mode, struct lbpf_buffer *output,
                 struct lbpf_buffer *messages)
{
    struct lbpf_child child;
    int result = lbpf_job_start(job, mode, output, messages, &child);

    if (result)
        return result;
    result = lbpf_job_finish(job, &child);
    lbpf_child_reap(child.pid);
    return result;
}

/* --- failures --------------------------------------------------------------------------------- */

/* clang says it in one of three ways, by where it was. */
static bool lacked_memory(const struct lbpf_buffer *messages)
{
    static const char *const signs[] = {"out of memory", "bad_alloc", "Cannot allocate memory"};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strstr(lbpf_buffer_string(messages), signs[i]))
            return true;
    return false;
}

static int explain_limit(struct lbpf_job *job, int code)
{
    if (code == ENOMEM)
        lbpf_error_set(job->error, ENOMEM, "compile", "clang needs more than %u MB of memory",
                       job->megabytes);
    else if (code == EFBIG)
        lbpf_error_set(job->error, EFBIG, "compile", "clang makes more than 64 MB of output");
    else
        lbpf_error_set(job->error, ETIMEDOUT, "compile", "clang did not end within %u seconds",
                       job->seconds);
    lbpf_error_hint(job->error, "is the program far larger than it looks, by macros or unrolled "
                                "loops? LUABPF_CLANG_SECONDS and LUABPF_CLANG_MEGABYTES set other "
                                "limits");
    return -code;
}

static int explain_signal(struct lbpf_job *job, int number, const struct lbpf_buffer *messages)
{
    if (number == SIGXCPU)
        return explain_limit(job, ETIMEDOUT);
    lbpf_error_set(job->error, ECHILD, "compile", "clang was ended by signal %d (%s)", number,
                   strsignal(number));
    lbpf_error_hint(job->error, "if it was not you who ended it, memory may be short, the "
                                "program nested too deeply, or it has met a bug in clang: see "
                                "the log");
    lbpf_error_take_log(job->error, strdup(lbpf_buffer_string(messages)));
    return -ECHILD;
}

int lbpf_job_explain(struct lbpf_job *job, int status, const struct lbpf_buffer *messages)
{
    struct lbpf_diagnostics diagnostics = {
        .source = job->source, .identifiers = &job->inputs.identifiers, .btf = &job->btf};

    if (status == -ETIMEDOUT || status == -EFBIG)
        return explain_limit(job, -status);
    if (status < 0)
        return lbpf_error_set(job->error, -status, "compile", "%s cannot be run: %s",
                              job->toolchain.clang, strerror(-status));
    if (status && lacked_memory(messages))
        return explain_limit(job, ENOMEM);
    if (status > CRASH_BASE)
        return explain_signal(job, status >= 256 ? status - 256 : status - CRASH_BASE, messages);
    lbpf_inputs_scan_kernel(&job->inputs); /* without memory, fewer names are compared */
    return lbpf_diagnostics_error(&diagnostics, messages, job->error);
}
