/*
 * What a program's object depends on, as the key that the cache keeps it under. Kernel headers are
 * no part of it, for which of them are read is known only when they were; in front of an object
 * that was made with them lies a list of them, and the object counts as long as all of the list is
 * as it was.
 */
#include "compile/arguments.h"
#include "compile/cache.h"
#include "compile/file_stamps.h"
#include "compile/job.h"
#include "host/features.h"

#include <errno.h>
#include <string.h>

/* Whether the object depends on nothing but what the key holds, and kernel headers. */
static bool can_cache(const struct lbpf_job *job)
{
    static const char *const opaque[] = {"-include", "-imacros", "-X", "-f", "@", "--", "-i"};

    if (job->source->no_cache || job->inputs.identifiers.computed_include)
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
    if (source->headers) {
        lbpf_buffer_printf(&job->key, "headers %s:%s\n", job->headers.build, job->headers.source);
        lbpf_buffer_append(&job->key, lbpf_buffer_string(&job->inputs.kernel),
                           job->inputs.kernel.size);
    }
    lbpf_buffer_printf(&job->key, "readers %s\n", source->readers ? source->readers : "");
    lbpf_buffer_printf(&job->key, "text %zu\n", source->size);
    lbpf_buffer_append(&job->key, source->text, source->size);
    return job->key.failed ? -ENOMEM : 0;
}

/* Of an entry: the list's size, the list, the object. */
static bool take_with_headers(const struct lbpf_buffer *entry, struct lbpf_buffer *object)
{
    uint64_t size;

    if (entry->size < sizeof size)
        return false;
    memcpy(&size, entry->data, sizeof size);
    if (size > entry->size - sizeof size ||
        !lbpf_file_stamps_hold(entry->data + sizeof size, (size_t)size))
        return false;
    lbpf_buffer_append(object, entry->data + sizeof size + size,
                       entry->size - sizeof size - (size_t)size);
    return !object->failed;
}

bool lbpf_job_look_up(const struct lbpf_job *job, struct lbpf_buffer *object)
{
    struct lbpf_buffer entry = {0};
    bool found;

    if (!can_cache(job))
        return false;
    if (!job->source->headers)
        return lbpf_cache_read(job->key.data, job->key.size, object);
    found =
        lbpf_cache_read(job->key.data, job->key.size, &entry) && take_with_headers(&entry, object);
    lbpf_buffer_free(&entry);
    return found;
}

static void keep_with_headers(const struct lbpf_job *job, const char *object, size_t object_size)
{
    struct lbpf_buffer entry = {0};
    uint64_t size = 0;

    lbpf_buffer_append(&entry, &size, sizeof size);
    if (lbpf_file_stamps_write(&job->header_paths, job->started, &entry)) {
        size = entry.size - sizeof size;
        memcpy(entry.data, &size, sizeof size);
        lbpf_buffer_append(&entry, object, object_size);
        if (!entry.failed)
            lbpf_cache_write(job->key.data, job->key.size, entry.data, entry.size);
    }
    lbpf_buffer_free(&entry);
}

void lbpf_job_keep(const struct lbpf_job *job, const struct lbpf_buffer *object, size_t start)
{
    /* A module can be replaced by another with the same name under the same kernel. */
    if (!can_cache(job) || job->btf.module_count)
        return;
    if (job->source->headers)
        keep_with_headers(job, object->data + start, object->size - start);
    else
        lbpf_cache_write(job->key.data, job->key.size, object->data + start, object->size - start);
}
