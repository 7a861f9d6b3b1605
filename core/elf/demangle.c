/*
 * Demangling, by libiberty, which knows C++ and both of Rust's schemes. A short name can stand for
 * an endless text, because parts of it may refer to earlier parts: output stops at a limit by
 * jumping out of the library, which keeps nothing on the heap meanwhile.
 */
#include "elf/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <string.h>

enum { INPUT_LIMIT = 16 * 1024, OUTPUT_LIMIT = 16 * 1024 };

struct output {
    struct lbpf_buffer *text;
    size_t limit;
    jmp_buf too_long;
};

static void add(const char *bytes, size_t size, void *context)
{
    struct output *output = context;

    if (size > output->limit - output->text->size)
        longjmp(output->too_long, 1);
    lbpf_buffer_append(output->text, bytes, size);
    if (output->text->failed)
        longjmp(output->too_long, 1);
}

bool lbpf_is_mangled(const char *name)
{
    return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R' || strncmp(name + 1, "__Z", 3) == 0);
}

/*
 * A function or trait object of Rust says how many lifetimes it has ("FG" or "DG", digits, "_"), up
 * to 2^64, and the library counts them one by one, in parts of the name that are not shown as well,
 * where nothing stops it. Two digits mean more than 62.
 */
static bool has_many_lifetimes(const char *name)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *end;

    for (; *name; name = *end ? end + 1 : end) {
        end = name + strspn(name, digits);
        for (; *end == '_' && end - name >= 4; name++)
            if ((name[0] == 'F' || name[0] == 'D') && name[1] == 'G')
                return true;
    }
    return false;
}

static bool demangle(const char *name, struct output *output)
{
    enum { OPTIONS = DMGL_PARAMS | DMGL_ANSI };

    if (setjmp(output->too_long))
        return false;
    return rust_demangle_callback(name, OPTIONS, add, output) ||
           (name[1] != 'R' && cplus_demangle_v3_callback(name, OPTIONS, add, output));
}

bool lbpf_demangle(const char *name, struct lbpf_buffer *text)
{
    size_t start = text->size;
    struct output output = {.text = text, .limit = start + OUTPUT_LIMIT};

    if (strnlen(name, INPUT_LIMIT) == INPUT_LIMIT || (name[1] == 'R' && has_many_lifetimes(name)))
        return false;
    if (strncmp(name, "___Z", 4) == 0) /* blocks of Apple's C and old linkers */
        name += 2;
    if (demangle(name, &output) && text->size > start)
        return true;
    if (text->data && !text->failed) {
        text->size = start;
        text->data[start] = '\0';
    }
    return false;
}
