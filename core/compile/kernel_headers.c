/*
 * Kernel headers are written for the machine, and what keeps clang from reading them for BPF is
 * their inline assembly alone: layouts are the same. So clang preprocesses them for the machine;
 * the text that it makes goes without assembly, which no BPF program can use anyway, in front of
 * the program as the types out of BTF would. Macros follow behind the text, which has them expanded
 * already.
 */
#include "compile/kernel_headers.h"

#include "compile/arguments.h"
#include "compile/child.h"
#include "compile/header_folders.h"
#include "compile/tokens.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { FOLDER_COUNT = 8 };

/* --- finding ---------------------------------------------------------------------------------- */

static bool has_file(const char *folder, const char *name)
{
    char path[PATH_MAX];

    return (size_t)snprintf(path, sizeof path, "%s/%s", folder, name) < sizeof path &&
           !access(path, R_OK);
}

/* Whether the source lies in the folder that is called prefix, its first size bytes, and suffix. */
static bool take_source(struct lbpf_kernel_headers *headers, const char *prefix, size_t size,
                        const char *suffix)
{
    return (size_t)snprintf(headers->source, sizeof headers->source, "%.*s%s", (int)size, prefix,
                            suffix) < sizeof headers->source &&
           has_file(headers->source, "include/linux/kconfig.h");
}

/* The folder itself, what it names as its source, its neighbour in /lib/modules/VERSION, or
 * Debian's linux-headers-VERSION-common beside linux-headers-VERSION-FLAVOUR. */
static bool find_source(struct lbpf_kernel_headers *headers)
{
    const char *build = headers->build, *slash = strrchr(build, '/'), *flavour;
    char *real;
    bool found;

    if (take_source(headers, build, strlen(build), "") ||
        take_source(headers, build, strlen(build), "/source") ||
        (slash && take_source(headers, build, (size_t)(slash - build), "/source")))
        return true;
    real = realpath(build, NULL);
    flavour = real ? strrchr(real, '-') : NULL;
    found = flavour && take_source(headers, real, (size_t)(flavour - real), "-common");
    free(real);
    return found;
}

static int refuse_folder(const struct lbpf_kernel_headers *headers, bool own,
                         struct lbpf_error *error)
{
    static const char archive[] = "/sys/kernel/kheaders.tar.xz";

    lbpf_error_set(error, ENOENT, "compile", "there are no kernel headers in '%s'", headers->build);
    if (own && !access(archive, R_OK))
        lbpf_error_hint(error,
                        "the kernel carries its headers: unpack %s (tar -xf) into a folder, "
                        "and name that; or do without: types come from the kernel's BTF",
                        archive);
    else if (own)
        lbpf_error_hint(error, "install the headers of the running kernel (on Debian: apt install "
                               "linux-headers-$(uname -r)), name their folder, or do without: "
                               "types come from the kernel's BTF");
    else
        lbpf_error_hint(error, "name a folder that a kernel was configured in, with "
                               "include/generated/autoconf.h, as /lib/modules/VERSION/build");
    return -ENOENT;
}

/* Those of the running kernel. As for BCC, the variables count in this order, the second where
 * sources and build do not lie apart. */
static void find_own(struct lbpf_kernel_headers *headers)
{
    const char *given = getenv("BCC_KERNEL_SOURCE"), *suffix = getenv("BCC_KERNEL_MODULES_SUFFIX");
    char folder[sizeof "/lib/modules/" + sizeof(struct utsname)];
    struct utsname name = {0};
    bool parted;

    uname(&name);
    snprintf(folder, sizeof folder, "/lib/modules/%s", name.release);
    parted = has_file(folder, "build/.") && has_file(folder, "source/.");
    if (given && *given)
        snprintf(headers->build, sizeof headers->build, "%s", given);
    else
        snprintf(headers->build, sizeof headers->build, "%s/%s", folder,
                 suffix && *suffix && !parted ? suffix : "build");
}

int lbpf_kernel_headers_find(struct lbpf_kernel_headers *headers, const char *path,
                             const struct lbpf_architecture *architecture, struct lbpf_error *error)
{
    bool arm64 = !strcmp(architecture->target, "arm64");
    size_t size;

    headers->architecture = arm64 ? "arm64" : architecture->target;
    headers->target = arm64 ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
    if (*path)
        snprintf(headers->build, sizeof headers->build, "%s", path);
    else
        find_own(headers);
    size = strlen(headers->build);
    while (size > 1 && headers->build[size - 1] == '/')
        headers->build[--size] = '\0';
    if (!has_file(headers->build, "include/generated/autoconf.h") || !find_source(headers))
        return refuse_folder(headers, !*path, error);
    return 0;
}

/* The kernel's own include path, in its order. */
static void write_folder(const struct lbpf_kernel_headers *headers, unsigned index, char *path,
                         size_t size)
{
    static const struct {
        bool generated, machine;
        const char *name;
    } folders[FOLDER_COUNT] = {
        {false, true, "include"},       {true, true, "include/generated"},
        {false, false, "include"},      {true, false, "include"},
        {false, true, "include/uapi"},  {true, true, "include/generated/uapi"},
        {false, false, "include/uapi"}, {true, false, "include/generated/uapi"},
    };
    const char *root = folders[index].generated ? headers->build : headers->source;

    if (folders[index].machine)
        snprintf(path, size, "%s/arch/%s/%s", root, headers->architecture, folders[index].name);
    else
        snprintf(path, size, "%s/%s", root, folders[index].name);
}

static bool has_header(const struct lbpf_kernel_headers *headers, const char *name)
{
    char folder[2 * PATH_MAX];

    for (unsigned i = 0; i < FOLDER_COUNT; i++) {
        write_folder(headers, i, folder, sizeof folder);
        if (has_file(folder, name))
            return true;
    }
    return false;
}

/* Headers of user space, which programs include by habit, stay empty. */
static bool is_kernels(const char *name)
{
    static const char *const folders[] = {"linux/", "uapi/",        "net/",
                                          "asm/",   "asm-generic/", "trace/"};

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (!strncmp(name, folders[i], strlen(folders[i])))
            return true;
    return false;
}

int lbpf_kernel_headers_filter(const struct lbpf_kernel_headers *headers, struct lbpf_buffer *names)
{
    struct lbpf_buffer kept = {0};
    size_t size;

    for (size_t at = 0; at < names->size; at += size) {
        size = strlen(names->data + at) + 1;
        if (!is_kernels(names->data + at) || has_header(headers, names->data + at))
            lbpf_buffer_append(&kept, names->data + at, size);
    }
    lbpf_buffer_free(names);
    *names = kept;
    return kept.failed ? -ENOMEM : 0;
}

/* --- assembly --------------------------------------------------------------------------------- */

struct cleaning {
    struct lbpf_tokens tokens;
    struct lbpf_buffer *text;
    struct lbpf_buffer macros;
    struct lbpf_strmap *paths; /* of the files that the text is from */
    bool failed;
    const char *copied; /* everything before it is dealt with */
    int depth;          /* of braces */
    bool own;           /* of the compiler itself, not of a header */
};

static void copy_until(struct cleaning *cleaning, const char *end)
{
    if (!cleaning->own)
        lbpf_buffer_append(cleaning->text, cleaning->copied, (size_t)(end - cleaning->copied));
    cleaning->copied = end;
}

/* The file that the text is from, up to a quote; bytes other than of ASCII are \\ and octal digits.
 */
static void note_file(struct cleaning *cleaning, const char *at, const char *end)
{
    char path[PATH_MAX];
    size_t size = 0;

    for (; at < end && *at != '"' && size < sizeof path; size++) {
        char digits[4] = "";

        if (*at == '\\' && end - at > 3 && strspn(at + 1, "01234567") >= 3) {
            memcpy(digits, at + 1, 3);
            path[size] = (char)strtoul(digits, NULL, 8);
            at += 4;
        } else {
            at += *at == '\\' && at + 1 < end;
            path[size] = *at++;
        }
    }
    if (size == sizeof path || lbpf_strmap_set(cleaning->paths, path, size, 0))
        cleaning->failed = true;
}

static bool line_starts(const char *line, const char *end, const char *word)
{
    size_t size = strlen(word);

    return (size_t)(end - line) >= size && !memcmp(line, word, size);
}

/* A # line: where the text is from, a macro, or a pragma, of which layouts need one. */
static void take_directive(struct cleaning *cleaning, const char *line)
{
    const char *end = memchr(line, '\n', (size_t)(cleaning->tokens.end - line)), *name;

    copy_until(cleaning, line);
    end = end ? end + 1 : cleaning->tokens.end;
    name = memchr(line, '"', (size_t)(end - line));
    if (line_starts(line, end, "# ")) {
        cleaning->own = name && line_starts(name, end, "\"<");
        if (name && !cleaning->own && !line_starts(name, end, "\"/proc/self/"))
            note_file(cleaning, name + 1, end);
    } else if (!cleaning->own &&
               (line_starts(line, end, "#define ") || line_starts(line, end, "#undef "))) {
        lbpf_buffer_append(&cleaning->macros, line, (size_t)(end - line));
    } else if (!cleaning->own && line_starts(line, end, "#pragma pack")) {
        lbpf_buffer_append(cleaning->text, line, (size_t)(end - line));
    }
    cleaning->copied = end;
    cleaning->tokens.at = end;
    cleaning->tokens.line_start = true;
}

static bool is_any(const struct lbpf_token *token, const char *const *words)
{
    for (; *words; words++)
        if (lbpf_token_is(token, *words))
            return true;
    return false;
}

/* asm, its qualifiers, and its parentheses; the semicolon stays. */
static void skip_assembly(struct cleaning *cleaning, const struct lbpf_token *start)
{
    struct lbpf_token token;
    int depth = 0;

    copy_until(cleaning, start->at);
    do {
        token = lbpf_tokens_next(&cleaning->tokens);
        if (lbpf_token_is_mark(&token, '('))
            depth++;
        else if (lbpf_token_is_mark(&token, ')'))
            depth--;
    } while (token.kind != LBPF_TOKEN_END && (depth || !lbpf_token_is_mark(&token, ')')));
    cleaning->copied = cleaning->tokens.at;
}

static void clean(struct cleaning *cleaning)
{
    static const char *const assembly[] = {"asm", "__asm__", "__asm", NULL};
    struct lbpf_token token;

    while ((token = lbpf_tokens_next(&cleaning->tokens)).kind != LBPF_TOKEN_END) {
        if (lbpf_token_is_mark(&token, '#')) {
            take_directive(cleaning, token.at);
        } else if (is_any(&token, assembly)) {
            skip_assembly(cleaning, &token);
        } else if (lbpf_token_is(&token, "register")) {
            /* At file scope it names a register of the machine. */
            copy_until(cleaning, token.at);
            lbpf_buffer_append_string(cleaning->text, cleaning->depth ? "" : "extern");
            cleaning->copied = cleaning->tokens.at;
        } else if (lbpf_token_is_mark(&token, '{')) {
            cleaning->depth++;
        } else if (lbpf_token_is_mark(&token, '}')) {
            cleaning->depth--;
        }
    }
    copy_until(cleaning, cleaning->tokens.end);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* What every program gets, and what it includes. */
static void write_includes(const struct lbpf_kernel_headers *headers,
                           const struct lbpf_buffer *names, struct lbpf_buffer *text)
{
    lbpf_buffer_append_string(text, "#include <linux/types.h>\n"
                                    "#include <linux/ptrace.h>\n"
                                    "#include <linux/version.h>\n"
                                    "#include <uapi/linux/bpf.h>\n"
                                    "#include <uapi/linux/bpf_perf_event.h>\n");
    for (size_t at = 0; at < names->size; at += strlen(names->data + at) + 1)
        if (has_header(headers, names->data + at))
            lbpf_buffer_printf(text, "#include <%s>\n", names->data + at);
}

static void add_program_flags(struct lbpf_arguments *arguments,
                              const struct lbpf_kernel_headers_reader *reader)
{
    for (size_t i = 0; i < reader->cflag_count; i++) {
        const char *flag = reader->cflags[i];

        if (flag[0] != '-' || !flag[1] || !strchr("DUI", flag[1]))
            continue;
        lbpf_arguments_add(arguments, "%s", flag);
        if (!flag[2] && i + 1 < reader->cflag_count)
            lbpf_arguments_add(arguments, "%s", reader->cflags[++i]);
    }
}

static void add_arguments(struct lbpf_arguments *arguments,
                          const struct lbpf_kernel_headers *headers,
                          const struct lbpf_kernel_headers_reader *reader)
{
    static const char *const flags[] = {
        "-E",
        "-dD",
        "-nostdinc",
        "-w",
        "-fno-color-diagnostics",
        "-D__KERNEL__",
        "-D__BPF_TRACING__",
        "-DKBUILD_MODNAME=\"luabpf\"",
    };
    char folder[2 * PATH_MAX];

    lbpf_arguments_add(arguments, "%s", reader->clang);
    lbpf_arguments_add(arguments, "--no-default-config");
    lbpf_arguments_add(arguments, "-target");
    lbpf_arguments_add(arguments, "%s", headers->target);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        lbpf_arguments_add(arguments, "%s", flags[i]);
    add_program_flags(arguments, reader);
    for (unsigned i = 0; i < FOLDER_COUNT; i++) {
        write_folder(headers, i, folder, sizeof folder);
        lbpf_arguments_add(arguments, "-isystem");
        lbpf_arguments_add(arguments, "%s", folder);
    }
    lbpf_arguments_add(arguments, "-include");
    lbpf_arguments_add(arguments, "linux/kconfig.h");
    lbpf_arguments_add(arguments, "-include");
    lbpf_arguments_add(arguments, "linux/compiler_types.h");
    lbpf_arguments_add(arguments, "-x");
    lbpf_arguments_add(arguments, "c");
    lbpf_arguments_add(arguments, "/proc/self/fd/%d", LBPF_CHILD_FIRST_FD);
}

static int refuse_headers(const struct lbpf_kernel_headers *headers, int status,
                          const struct lbpf_buffer *messages, struct lbpf_error *error)
{
    const char *text = lbpf_buffer_string(messages), *first = strstr(text, "error: ");
    int code = status < 0 ? -status : EINVAL;

    first = first ? first + strlen("error: ") : strerror(code);
    lbpf_error_set(error, code, "compile", "the kernel headers in '%s' cannot be read: %.*s",
                   headers->build, (int)strcspn(first, "\n"), first);
    lbpf_error_hint(error, "do its files belong together? Without 'headers', types come from the "
                           "kernel's BTF");
    lbpf_error_take_log(error, strdup(text));
    return -code;
}

static int preprocess(const struct lbpf_kernel_headers *headers,
                      const struct lbpf_kernel_headers_reader *reader,
                      const struct lbpf_buffer *includes, struct lbpf_buffer *output,
                      struct lbpf_error *error)
{
    struct lbpf_arguments *arguments = calloc(1, sizeof *arguments);
    struct lbpf_buffer messages = {0};
    int fd = arguments
                 ? lbpf_memory_file("luabpf-includes", lbpf_buffer_string(includes), includes->size)
                 : -ENOMEM;
    struct lbpf_child child = {.path = reader->clang,
                               .fds = &fd,
                               .fd_count = 1,
                               .output = output,
                               .messages = &messages,
                               .seconds = reader->seconds,
                               .megabytes = reader->megabytes};
    int status = fd;

    if (fd >= 0) {
        add_arguments(arguments, headers, reader);
        child.arguments = arguments->vector;
        status = lbpf_arguments_finish(arguments) ? lbpf_child_run(&child) : -E2BIG;
        close(fd);
    }
    if (arguments)
        lbpf_arguments_free(arguments);
    free(arguments);
    if (status)
        status = refuse_headers(headers, status, &messages, error);
    lbpf_buffer_free(&messages);
    return status;
}

/* Where clang looks for headers: here (for what -include names), then in its folders. */
static void write_search(const struct lbpf_kernel_headers *headers,
                         const struct lbpf_kernel_headers_reader *reader,
                         struct lbpf_buffer *search)
{
    char folder[2 * PATH_MAX];

    lbpf_buffer_append(search, ".", 2);
    for (size_t i = 0; i < reader->cflag_count; i++) {
        const char *flag = reader->cflags[i];

        if (strncmp(flag, "-I", 2) != 0)
            continue;
        flag = flag[2] || i + 1 == reader->cflag_count ? flag + 2 : reader->cflags[++i];
        lbpf_buffer_append(search, flag, strlen(flag) + 1);
    }
    for (unsigned i = 0; i < FOLDER_COUNT; i++) {
        write_folder(headers, i, folder, sizeof folder);
        lbpf_buffer_append(search, folder, strlen(folder) + 1);
    }
}

static int add_folders(const struct lbpf_kernel_headers *headers,
                       const struct lbpf_kernel_headers_reader *reader,
                       const struct lbpf_buffer *names)
{
    struct lbpf_buffer search = {0};
    int result;

    write_search(headers, reader, &search);
    result = search.failed ? -ENOMEM : lbpf_header_folders_add(reader->paths, &search, names);
    lbpf_buffer_free(&search);
    return result;
}

int lbpf_kernel_headers_read(const struct lbpf_kernel_headers *headers,
                             const struct lbpf_kernel_headers_reader *reader,
                             const struct lbpf_buffer *names, struct lbpf_buffer *types,
                             struct lbpf_error *error)
{
    struct lbpf_buffer includes = {0}, output = {0};
    struct cleaning cleaning = {.text = types, .paths = reader->paths};
    int result;

    write_includes(headers, names, &includes);
    result = includes.failed ? lbpf_error_no_memory(error, "compile")
                             : preprocess(headers, reader, &includes, &output, error);
    if (!result) {
        cleaning.copied = lbpf_buffer_string(&output);
        cleaning.tokens = (struct lbpf_tokens){
            .at = cleaning.copied, .end = cleaning.copied + output.size, .line_start = true};
        clean(&cleaning);
        lbpf_buffer_append(types, lbpf_buffer_string(&cleaning.macros), cleaning.macros.size);
        if (cleaning.macros.failed || cleaning.failed || types->failed ||
            add_folders(headers, reader, names))
            result = lbpf_error_no_memory(error, "compile");
    }
    lbpf_buffer_free(&cleaning.macros);
    lbpf_buffer_free(&includes);
    lbpf_buffer_free(&output);
    return result;
}
