/* What a program's object depends on, as the key that the cache keeps it under. */
#include "compile/arguments.h"
#include "compile/job.h"
#include "host/features.h"

#include <errno.h>
#include <string.h>

bool lbpf_job_can_cache(const struct lbpf_job *job)
{
    static const char *const opaque[] = {"-include", "-imacros", "-X", "-f", "@", "--", "-i"};

    /* Thousands of kernel headers would belong to the key. */
    if (job->source->no_cache || job->source->headers || job->inputs.identifiers.computed_include)
        return false;
    for (size_t i = 0; i < job->source->cflag_count; i++)
        for (size_t j = 0; j < sizeof opaque / sizeof *opaque; j++) {
            const char *flag = job->source->cflags[i];

            /* Code generation flags are pure, but some -f… and -i… name files. */
            if (!strncmp(flag, opaque[j], strlen(opaque[j])) && strncmp(flag, "-isystem", 8) &&
                strncmp(flag, "-iquote", 7) && (flag[1] != 'f' || strchr(flag, '/')))
                return false;
        }
    return true;
}

int lbpf_job_make_key(struct lbpf_job *job)
{
    const struct lbpf_source *source = job->source;
    char kernel[256];

    lbpf_kernel_identity(kernel, sizeof kernel);
    lbpf_buffer_printf(&job->key, "kernel %s\n", kernel);
    lbpf_buffer_printf(&job->key, "version %u\n", lbpf_kernel_version_code());
    lbpf_buffer_printf(&job->key, "ring output %d\n", job->ring_output);
    lbpf_buffer_printf(&job->key, "portable %d %s\n", job->portable, job->architecture->name);
    lbpf_toolchain_identity(&job->toolchain, &job->key);
    lbpf_buffer_printf(&job->key, "file %u %s\n", source->first_line, source->file_name);
    for (size_t i = 0; i < source->cflag_count; i++)
        lbpf_buffer_printf(&job->key, "flag %zu %s\n", strlen(source->cflags[i]),
                           source->cflags[i]);
    lbpf_buffer_printf(&job->key, "files %zu\n", job->inputs.files.size);
    lbpf_buffer_append(&job->key, lbpf_buffer_string(&job->inputs.files), job->inputs.files.size);
    lbpf_buffer_printf(&job->key, "formats %zu\n", job->formats.size);
    lbpf_buffer_append(&job->key, lbpf_buffer_string(&job->formats), job->formats.size);
    lbpf_buffer_printf(&job->key, "readers %s\n", source->readers ? source->readers : "");
    lbpf_buffer_printf(&job->key, "text %zu\n", source->size);
    lbpf_buffer_append(&job->key, source->text, source->size);
    return job->key.failed ? -ENOMEM : 0;
}
