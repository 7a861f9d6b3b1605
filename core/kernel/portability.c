/*
 * Section .lbpf.kernel of an object holds what it takes for granted and no relocation sets right:
 * lines "machine NAME"; of a portable object "FACT<tab>ANSWER<tab>FILE:LINE", where the fact is one
 * of compile/kernel_facts.h, of others "kernel IDENTITY RELEASE". An object that was made with
 * kernel headers names no kernel: headers of another one than the running one are believed.
 */
#include "kernel/portability.h"

#include "base/architecture.h"
#include "base/buffer.h"
#include "compile/kernel_btf.h"
#include "compile/kernel_facts.h"
#include "host/features.h"
#include "kernel/object_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* How a fact's kind is told, and what to write so that the loader sets it right. */
static const struct {
    const char *kind, *prefix, *hint;
} kinds[] = {
    {"constant ", "", "write bpf_core_enum_value(enum TYPE, NAME), which is set right when loaded"},
    {"size ", "the size of ",
     "write bpf_core_type_size(TYPE) or bpf_core_field_size(pointer->member), which are set right "
     "when loaded"},
    {"offset ", "the offset of ",
     "write bpf_core_field_offset(pointer->member), which is set right when loaded"},
    {"layout ", "the layout of ",
     "copy the members that are needed to a structure of the program's own"},
    {"field ", "",
     "read it with BPF_CORE_READ_BITFIELD_PROBED(pointer, member), which reads any width"},
};

/* Of a layout, the size: the rest of the answer is a hash. */
static int told_size(const struct lbpf_kernel_fact *fact, const char *answer)
{
    return strncmp(fact->text, "layout ", 7) != 0 ? (int)strlen(answer) : (int)strcspn(answer, ",");
}

static void describe(const struct lbpf_kernel_fact *fact, struct lbpf_buffer *text)
{
    const char *name = fact->text, *prefix = "", *here = lbpf_buffer_string(&fact->here);

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strncmp(name, kinds[i].kind, strlen(kinds[i].kind))) {
            name += strlen(kinds[i].kind);
            prefix = kinds[i].prefix;
            break;
        }
    lbpf_buffer_printf(text, "%s%s is %.*s where the object was compiled, and ", prefix, name,
                       told_size(fact, fact->there), fact->there);
    if (!*here)
        lbpf_buffer_append_string(text, "this kernel has none");
    else if (told_size(fact, here) < (int)strlen(here) &&
             !strncmp(fact->there, here, (size_t)told_size(fact, here) + 1))
        lbpf_buffer_append_string(text, "on this kernel its members lie otherwise");
    else
        lbpf_buffer_printf(text, "%.*s on this kernel", told_size(fact, here), here);
}

static int refuse_facts(const struct lbpf_kernel_fact *facts, const char *const *places,
                        size_t count, const struct lbpf_kernel_fact *first,
                        struct lbpf_error *error)
{
    struct lbpf_buffer text = {0}, log = {0};
    const char *where = places[first - facts];

    describe(first, &text);
    lbpf_error_set(error, EINVAL, "open", "%s", lbpf_buffer_string(&text));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strncmp(first->text, kinds[i].kind, strlen(kinds[i].kind)))
            lbpf_error_hint(error, "%s; or compile the program for this kernel", kinds[i].hint);
    if (*where)
        lbpf_error_where(error, "%s", where);
    for (size_t i = 0; i < count; i++)
        if (!facts[i].holds) {
            lbpf_buffer_printf(&log, "%s%s", places[i], *places[i] ? ": " : "");
            describe(&facts[i], &log);
            lbpf_buffer_append_string(&log, "\n");
        }
    lbpf_error_take_log(error, lbpf_buffer_take(&log));
    lbpf_buffer_free(&text);
    lbpf_buffer_free(&log);
    return -EINVAL;
}

static int compare_facts(struct lbpf_kernel_fact *facts, const char *const *places, size_t count,
                         struct lbpf_error *error)
{
    struct lbpf_kernel_btf btf;
    int result = lbpf_kernel_btf_open(&btf, NULL, error);

    if (result)
        return result;
    if (lbpf_kernel_facts_answer(&btf, facts, count))
        result = lbpf_error_no_memory(error, "open");
    lbpf_kernel_btf_close(&btf);
    for (size_t i = 0; !result && i < count; i++) {
        /* libbpf names a member that is missing, where the program reads it. */
        if (!facts[i].here.size && !strncmp(facts[i].text, "field ", 6))
            facts[i].holds = true;
    }
    for (size_t i = 0; !result && i < count; i++)
        if (!facts[i].holds)
            result = refuse_facts(facts, places, count, &facts[i], error);
    return result;
}

static int check_machine(const char *name, struct lbpf_error *error)
{
    const char *own = lbpf_architecture_own()->name;

    if (!strcmp(name, own))
        return 0;
    lbpf_error_set(error, EINVAL, "open", "the object was compiled for %s, and this machine is %s",
                   name, own);
    lbpf_error_hint(error, "compile it here, or elsewhere with luabpf compile --arch %s", own);
    return -EINVAL;
}

/* The identity holds the build, for two kernels may have one release. */
static int check_kernel(const char *identity, struct lbpf_error *error)
{
    const char *release = strchr(identity, ' ');
    struct utsname own;
    char here[256];

    lbpf_kernel_identity(here, sizeof here);
    if (!release || uname(&own) ||
        (strlen(here) == (size_t)(release - identity) &&
         !strncmp(identity, here, (size_t)(release - identity))))
        return 0;
    release++;
    if (strcmp(release, own.release) != 0)
        lbpf_error_set(error, EINVAL, "open",
                       "the object was compiled for Linux %s, and this is Linux %s", release,
                       own.release);
    else
        lbpf_error_set(error, EINVAL, "open",
                       "the object was compiled for another build of Linux %s than this one",
                       release);
    lbpf_error_hint(error, "compile it here, or for other kernels: luabpf compile without "
                           "--this-kernel, or bpf.compile{portable = true}");
    return -EINVAL;
}

/* Ends the part that *at points to at its mark and moves *at behind that. */
static char *next_part(char **at, char mark)
{
    char *start = *at, *stop = start + strcspn(start, (const char[]){mark, '\0'});

    *at = *stop ? stop + 1 : stop;
    *stop = '\0';
    return start;
}

static int check_text(char *at, char *end, struct lbpf_error *error)
{
    size_t limit = 1, count = 0;
    struct lbpf_kernel_fact *facts;
    const char **places, *kernel = NULL;
    int result = 0;

    for (const char *byte = at; byte < end; byte++)
        limit += *byte == '\t';
    facts = calloc(limit, sizeof *facts);
    places = calloc(limit, sizeof *places);
    if (!facts || !places)
        result = lbpf_error_no_memory(error, "open");
    while (!result && at < end) {
        char *line = next_part(&at, '\n');

        while (at < end && !*at) /* each string ends with a NUL */
            at++;
        if (!strncmp(line, "machine ", 8)) {
            result = check_machine(line + 8, error);
        } else if (!strncmp(line, "kernel ", 7)) {
            kernel = line + 7;
        } else if (strchr(line, '\t')) {
            facts[count].text = next_part(&line, '\t');
            facts[count].there = next_part(&line, '\t');
            places[count++] = line;
        }
    }
    if (!result && kernel)
        result = check_kernel(kernel, error);
    if (!result && count)
        result = compare_facts(facts, places, count, error);
    lbpf_kernel_facts_free(facts, facts ? count : 0);
    free(facts);
    free(places);
    return result;
}

int lbpf_portability_check(const struct lbpf_object *object, struct lbpf_error *error)
{
    struct lbpf_buffer text = {0};
    int result = lbpf_object_copy_section(object, ".lbpf.kernel", &text);

    if (result)
        result = lbpf_error_no_memory(error, "open");
    else if (text.size)
        result = check_text(text.data, text.data + text.size, error); /* a NUL follows */
    lbpf_buffer_free(&text);
    return result;
}
