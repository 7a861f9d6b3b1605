#include "compile/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_LIMIT = 16 * 1024 * 1024 };

/* The first folders of the kernel's include path, and of the headers that programs take along from
 * user space by habit. */
static bool is_kernel_header(const char *name)
{
    static const char *const folders[] = {
        "linux/",   "net/",    "uapi/",        "asm/",    "asm-generic/", "trace/",     "crypto/",
        "bcc/",     "bpf/",    "sys/",         "scsi/",   "sound/",       "rdma/",      "drm/",
        "xen/",     "video/",  "acpi/",        "kvm/",    "media/",       "generated/", "vdso/",
        "block/",   "cgroup/", "clocksource/", "misc/",   "target/",      "soc/",       "ras/",
        "netinet/", "arpa/",   "bits/",        "kernel/",
    };
    static const char *const plain[] = {
        "stdint.h", "stddef.h", "stdbool.h", "stdarg.h", "string.h",   "errno.h",
        "limits.h", "stdlib.h", "stdio.h",   "time.h",   "inttypes.h", "vmlinux.h",
    };

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (!strncmp(name, folders[i], strlen(folders[i])))
            return true;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcmp(name, plain[i]))
            return true;
    return false;
}

/* The folder of an -I, -isystem or -iquote at flags[*at], which moves over a folder given apart;
 * else NULL. */
static const char *include_flag(const struct lbpf_source *source, size_t *at)
{
    static const char *const names[] = {"-isystem", "-iquote", "-I"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *flag = source->cflags[*at];
        size_t size = strlen(names[i]);

        if (strncmp(flag, names[i], size))
            continue;
        if (flag[size])
            return flag + size;
        return *at + 1 < source->cflag_count ? source->cflags[++*at] : NULL;
    }
    return NULL;
}

/* Reads a header. Opening a pipe would wait for its other end, and the compiler would do so too. */
static int read_header(struct lbpf_inputs *inputs, const char *path, const char *name,
                       struct lbpf_buffer *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    int result = -ENOENT;

    if (fd < 0)
        return -ENOENT;
    if (fstat(fd, &status))
        result = -ENOENT;
    else if (S_ISREG(status.st_mode))
        result = lbpf_buffer_read_fd(text, fd, HEADER_LIMIT);
    else if (!S_ISDIR(status.st_mode))
        snprintf(inputs->refused, sizeof inputs->refused, "%s", name);
    close(fd);
    return result;
}

/* Reads a header of the program's own and takes it into account. -ENOENT when it is not there. */
static int take_own(struct lbpf_inputs *inputs, const char *folder, const char *name)
{
    struct lbpf_buffer text = {0};
    char path[PATH_MAX];
    int result;

    if ((size_t)snprintf(path, sizeof path, "%s%s%s", folder, *folder ? "/" : "", name) >=
        sizeof path)
        return -ENOENT;
    result = read_header(inputs, path, name, &text);
    if (!result) {
        lbpf_buffer_printf(&inputs->files, "%s %zu\n", path, text.size);
        lbpf_buffer_append(&inputs->files, lbpf_buffer_string(&text), text.size);
        result = lbpf_identifiers_scan(&inputs->identifiers, lbpf_buffer_string(&text), text.size);
    }
    lbpf_buffer_free(&text);
    return result == -ENOMEM ? result : result ? -ENOENT : 0;
}

/* Looks for the header where the compiler will, in its order. */
static int find_own(struct lbpf_inputs *inputs, const struct lbpf_source *source, const char *name,
                    char quote)
{
    int result = -ENOENT;

    if (*name == '/' || quote == '"')
        result = take_own(inputs, "", name);
    for (size_t i = 0; result == -ENOENT && i < source->cflag_count; i++) {
        const char *folder = include_flag(source, &i);

        if (folder)
            result = take_own(inputs, folder, name);
    }
    return result;
}

static bool is_ours(const struct lbpf_inputs *inputs, const char *name)
{
    char path[PATH_MAX];

    return *name != '/' &&
           (size_t)snprintf(path, sizeof path, "%s/include/%s", inputs->folder, name) <
               sizeof path &&
           !access(path, R_OK);
}

static int resolve(struct lbpf_inputs *inputs, const struct lbpf_source *source, const char *name,
                   char quote)
{
    int result = source ? find_own(inputs, source, name, quote) : -ENOENT;

    if (result != -ENOENT)
        return result;
    if (is_ours(inputs, name))
        return lbpf_strmap_set(&inputs->ours, name, strlen(name), 0);
    if (!is_kernel_header(name)) {
        /* The compiler finds it in a folder that we do not know, or says that it is missing. */
        inputs->identifiers.computed_include =
            source != NULL || inputs->identifiers.computed_include;
        return 0;
    }
    lbpf_buffer_append(&inputs->kernel, name, strlen(name) + 1);
    return inputs->kernel.failed ? -ENOMEM : 0;
}

/* Resolves includes until no scanned text brings a new one. The map moves while it grows, so each
 * round starts anew. source is NULL for the prelude's own includes. */
static int resolve_all(struct lbpf_inputs *inputs, const struct lbpf_source *source)
{
    const struct lbpf_strmap *includes = &inputs->identifiers.includes;

    for (size_t i = 0; i < includes->slot_count; i++) {
        const struct lbpf_strmap_entry *entry = &includes->slots[i];
        char name[512], quote = (char)entry->value;
        size_t count = includes->slot_count, known = includes->count;
        int result;

        if (!entry->key || entry->size >= sizeof name ||
            lbpf_strmap_has(&inputs->visited, entry->key))
            continue;
        memcpy(name, entry->key, entry->size + 1);
        result = lbpf_strmap_set(&inputs->visited, name, strlen(name), 0);
        if (!result)
            result = resolve(inputs, source, name, quote);
        if (result)
            return result;
        if (includes->slot_count != count || includes->count != known)
            i = (size_t)-1;
    }
    return 0;
}

int lbpf_inputs_scan(struct lbpf_inputs *inputs, const struct lbpf_source *source,
                     const char *folder)
{
    int result;

    memset(inputs, 0, sizeof *inputs);
    inputs->folder = folder;
    result = lbpf_identifiers_scan(&inputs->identifiers, source->text, source->size);
    if (!result && source->readers)
        result =
            lbpf_identifiers_scan(&inputs->identifiers, source->readers, strlen(source->readers));
    if (!result)
        result =
            lbpf_identifiers_scan_flags(&inputs->identifiers, source->cflags, source->cflag_count);
    if (!result)
        result = resolve_all(inputs, source);
    return inputs->files.failed ? -ENOMEM : result;
}

static int scan_ours(struct lbpf_inputs *inputs, const char *name)
{
    struct lbpf_buffer text = {0};
    char path[PATH_MAX];
    int result = 0;

    snprintf(path, sizeof path, "%s/include/%s", inputs->folder, name);
    if (!lbpf_buffer_read_file(&text, path, HEADER_LIMIT))
        result = lbpf_identifiers_scan(&inputs->identifiers, lbpf_buffer_string(&text), text.size);
    lbpf_buffer_free(&text);
    return result;
}

/* Marks a header of the prelude as included. */
static int include_ours(struct lbpf_inputs *inputs, const char *name)
{
    return lbpf_strmap_has(&inputs->ours, name)
               ? 0
               : lbpf_strmap_set(&inputs->ours, name, strlen(name), 0);
}

int lbpf_inputs_scan_prelude(struct lbpf_inputs *inputs)
{
    int result = include_ours(inputs, "lbpf/prelude.h");

    inputs->identifiers.prelude = true;
    if (!result && inputs->kernel.size)
        result = include_ours(inputs, "lbpf/kernel.h");
    for (size_t i = 0; !result && i < inputs->ours.slot_count; i++) {
        struct lbpf_strmap_entry *entry = &inputs->ours.slots[i];
        size_t known = inputs->ours.count;

        if (!entry->key || entry->value)
            continue;
        entry->value = 1; /* scanned */
        result = scan_ours(inputs, entry->key);
        if (!result)
            result = resolve_all(inputs, NULL);
        if (inputs->ours.count != known)
            i = (size_t)-1;
    }
    return result;
}

int lbpf_inputs_scan_kernel(struct lbpf_inputs *inputs)
{
    int result = include_ours(inputs, "lbpf/kernel.h");

    return result ? result : lbpf_inputs_scan_prelude(inputs);
}

static void append_escaped(struct lbpf_buffer *out, const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == '"' || *text == '\\')
            lbpf_buffer_printf(out, "\\u%04x", (unsigned char)*text);
        else
            lbpf_buffer_append(out, text, 1);
    }
}

void lbpf_inputs_overlay(const struct lbpf_inputs *inputs, struct lbpf_buffer *overlay)
{
    char path[PATH_MAX];

    if ((size_t)snprintf(path, sizeof path, "%s/include/lbpf/kernel.h", inputs->folder) >=
            sizeof path ||
        access(path, R_OK))
        snprintf(path, sizeof path, "/dev/null");
    lbpf_buffer_append_string(overlay,
                              "{\"version\":0,\"case-sensitive\":\"true\",\"use-external-names\":"
                              "\"false\",\"roots\":[");
    for (size_t at = 0; at < inputs->kernel.size; at += strlen(inputs->kernel.data + at) + 1) {
        lbpf_buffer_printf(overlay, "%s{\"type\":\"file\",\"name\":\"%s/", at ? "," : "",
                           LBPF_VIRTUAL_INCLUDE);
        append_escaped(overlay, inputs->kernel.data + at);
        lbpf_buffer_append_string(overlay, "\",\"external-contents\":\"");
        append_escaped(overlay, path);
        lbpf_buffer_append_string(overlay, "\"}");
    }
    lbpf_buffer_append_string(overlay, "]}");
}

void lbpf_inputs_free(struct lbpf_inputs *inputs)
{
    lbpf_identifiers_free(&inputs->identifiers);
    lbpf_strmap_free(&inputs->visited);
    lbpf_strmap_free(&inputs->ours);
    lbpf_buffer_free(&inputs->kernel);
    lbpf_buffer_free(&inputs->files);
}
