/*
 * A session owns what one BPF{…} needs. Links are kept until the session closes, also those that
 * were detached, because the script may still hold them; so an attached probe is always found here.
 *
 * Closing follows one order: links first, all at once, so that no program runs any more; then the
 * buffers; then programs and maps.
 */
#include "session/session.h"

#include "base/array.h"
#include "session/wish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE     512
#define DEFAULT_QUOTA 1000

struct attachment {
    struct lbpf_link *link;
    char
        *asked; /* the target in the caller's words: "vfs_read", "c:malloc", "sched:sched_switch" */
    uint64_t offset, address;
    pid_t pid;
};

struct lbpf_session {
    struct lbpf_object *object;
    struct lbpf_stream *stream;         /* or NULL */
    struct lbpf_trace_pipe *trace_pipe; /* or NULL */
    struct attachment *attachments;
    size_t attachment_count, attachment_capacity;
    pid_t compiler; /* that is on its way out, or 0 */
};

/* ---- opening and closing -------------------------------------------------------------------- */

static int open_object(struct lbpf_session *session, const struct lbpf_session_options *options,
                       struct lbpf_error *error)
{
    struct lbpf_source source = options->source;
    struct lbpf_buffer compiled = {0};
    int result;

    if (options->elf)
        return lbpf_object_open(&session->object, options->elf, options->elf_size, options->debug,
                                options->device, error);
    source.compiler = &session->compiler;
    result = lbpf_compile(&source, &compiled, options->dump, error);
    if (!result)
        result = lbpf_object_open(&session->object, compiled.data, compiled.size, options->debug,
                                  options->device, error);
    lbpf_buffer_free(&compiled);
    return result;
}

int lbpf_session_open(struct lbpf_session **session, const struct lbpf_session_options *options,
                      struct lbpf_error *error)
{
    struct lbpf_session *made = calloc(1, sizeof *made);
    int result;

    *session = NULL;
    if (!made)
        return lbpf_error_no_memory(error, "open");
    result = open_object(made, options, error);
    if (result) {
        lbpf_session_close(made);
        return result;
    }
    *session = made;
    return 0;
}

/* All links at once; without memory for the list, one by one. */
static void close_links(struct lbpf_session *session)
{
    size_t count = session->attachment_count;
    struct lbpf_link **links = calloc(count + 1, sizeof(*links));

    for (size_t i = 0; links && i < count; i++)
        links[i] = session->attachments[i].link;
    if (links)
        lbpf_link_close_all(links, count);
    free(links);
    for (size_t i = 0; i < count; i++) {
        lbpf_link_free(session->attachments[i].link);
        free(session->attachments[i].asked);
    }
    free(session->attachments);
}

void lbpf_session_reap_compiler(struct lbpf_session *session)
{
    lbpf_compile_reap(session->compiler);
    session->compiler = 0;
}

void lbpf_session_close(struct lbpf_session *session)
{
    if (!session)
        return;
    lbpf_session_reap_compiler(session);
    close_links(session);
    lbpf_stream_free(session->stream);
    lbpf_trace_pipe_close(session->trace_pipe);
    lbpf_object_close(session->object);
    free(session);
}

struct lbpf_object *lbpf_session_object(struct lbpf_session *session)
{
    return session->object;
}

struct lbpf_stream *lbpf_session_stream(struct lbpf_session *session)
{
    struct lbpf_error ignored = {0};

    if (!session->stream)
        lbpf_stream_new(&session->stream, &ignored);
    lbpf_error_clear(&ignored);
    return session->stream;
}

struct lbpf_trace_pipe *lbpf_session_trace_pipe(struct lbpf_session *session,
                                                struct lbpf_error *error)
{
    if (!session->trace_pipe)
        lbpf_trace_pipe_open(&session->trace_pipe, error);
    return session->trace_pipe;
}

/* ---- quota ---------------------------------------------------------------------------------- */

static bool counts_against_quota(enum lbpf_link_family family)
{
    return family <= LBPF_LINK_URETPROBE;
}

static size_t quota(void)
{
    const char *text = getenv("BCC_PROBE_LIMIT");
    size_t value;

    if (!text || !*text || text[strspn(text, "0123456789")])
        return DEFAULT_QUOTA;
    errno = 0;
    value = strtoul(text, NULL, 10);
    return errno ? DEFAULT_QUOTA : value;
}

static int check_quota(const struct lbpf_session *session, size_t more, const char *op,
                       struct lbpf_error *error)
{
    size_t limit = quota(), open = more;

    for (size_t i = 0; i < session->attachment_count; i++) {
        const struct lbpf_link *link = session->attachments[i].link;

        if (lbpf_link_is_open(link) && counts_against_quota(lbpf_link_family(link)))
            open += lbpf_link_count(link);
    }
    if (open <= limit)
        return 0;
    lbpf_error_set(error, EDQUOT, op, "Number of open probes would exceed global quota");
    lbpf_error_hint(error,
                    "%zu probes would be open and %zu are allowed; the environment variable "
                    "BCC_PROBE_LIMIT sets another limit",
                    open, limit);
    return -EDQUOT;
}

/* ---- keeping links -------------------------------------------------------------------------- */

/* BCC's words, which people look for. */
static const char *const nouns[] = {
    [LBPF_LINK_KPROBE] = "Kprobe",
    [LBPF_LINK_KRETPROBE] = "Kprobe",
    [LBPF_LINK_UPROBE] = "Uprobe",
    [LBPF_LINK_URETPROBE] = "Uprobe",
    [LBPF_LINK_TRACEPOINT] = "Tracepoint",
    [LBPF_LINK_RAW_TRACEPOINT] = "Raw tracepoint",
    [LBPF_LINK_FENTRY] = "Kernel entry func",
    [LBPF_LINK_FEXIT] = "Kernel exit func",
    [LBPF_LINK_FMOD_RET] = "Fmod_ret func",
    [LBPF_LINK_LSM] = "LSM",
    [LBPF_LINK_ITERATOR] = "Iterator",
    [LBPF_LINK_PERF_EVENT] = "Perf event",
    [LBPF_LINK_RAW_SOCKET] = "Raw socket",
    [LBPF_LINK_XDP] = "XDP of device",
    [LBPF_LINK_DESCRIPTOR] = "Function at",
};

static int refuse_twice(const struct lbpf_wish *wish, struct lbpf_error *error)
{
    if (wish->family >= LBPF_LINK_RAW_TRACEPOINT && wish->family <= LBPF_LINK_LSM)
        return lbpf_error_set(error, EEXIST, wish->op, "%s %s has been attached",
                              nouns[wish->family], wish->asked);
    lbpf_error_set(error, EEXIST, wish->op, "Function %s is attached to %s already", wish->function,
                   wish->asked);
    lbpf_error_hint(error, "detach it first, or attach another function");
    return -EEXIST;
}

static bool is_same_kind(const struct attachment *attachment, const struct lbpf_wish *wish)
{
    return lbpf_link_is_open(attachment->link) &&
           lbpf_link_family(attachment->link) == wish->family && attachment->pid == wish->pid;
}

static bool is_asked_alike(const struct attachment *attachment, const struct lbpf_wish *wish)
{
    return attachment->offset == wish->offset && attachment->address == wish->address &&
           !strcmp(attachment->asked, wish->asked);
}

/* Whether the function would run twice for one event. */
static bool is_same(const struct attachment *attachment, const struct lbpf_wish *wish,
                    const char *target)
{
    const struct lbpf_link *link = attachment->link;

    if (!is_same_kind(attachment, wish) || strcmp(lbpf_link_function(link), wish->function) != 0)
        return false;
    if (wish->places)
        return lbpf_link_covers_any(link, wish->places);
    return is_asked_alike(attachment, wish) ||
           (target && attachment->offset == wish->offset && attachment->address == wish->address &&
            !strcmp(lbpf_link_target(link), target));
}

static bool is_there(const struct lbpf_session *session, const struct lbpf_wish *wish,
                     const char *target)
{
    for (size_t i = 0; i < session->attachment_count; i++) {
        if (is_same(&session->attachments[i], wish, target))
            return true;
    }
    return false;
}

int lbpf_session_prepare(struct lbpf_session *session, const struct lbpf_wish *wish, char **asked,
                         struct lbpf_error *error)
{
    struct attachment *grown;
    size_t count = wish->places ? lbpf_uprobe_places_count(wish->places) : 1;
    int result;

    if (is_there(session, wish, NULL))
        return refuse_twice(wish, error);
    result = counts_against_quota(wish->family) ? check_quota(session, count, wish->op, error) : 0;
    if (result)
        return result;
    grown = lbpf_array_grow(session->attachments, session->attachment_count,
                            &session->attachment_capacity, sizeof *grown);
    if (!grown)
        return lbpf_error_no_memory(error, wish->op);
    session->attachments = grown;
    *asked = strdup(wish->asked);
    return *asked ? 0 : lbpf_error_no_memory(error, wish->op);
}

int lbpf_session_keep(struct lbpf_session *session, const struct lbpf_wish *wish,
                      struct lbpf_link *made, char *asked, struct lbpf_link **link,
                      struct lbpf_error *error)
{
    int result = 0;

    if (is_there(session, wish, lbpf_link_target(made)))
        result = refuse_twice(wish, error);
    else if (counts_against_quota(wish->family))
        result = check_quota(session, lbpf_link_count(made), wish->op, error);
    if (result) {
        lbpf_link_free(made);
        free(asked);
        return result;
    }
    session->attachments[session->attachment_count++] =
        (struct attachment){made, asked, wish->offset, wish->address, wish->pid};
    if (link)
        *link = made;
    return 0;
}

static const char *either(const char *name, const char *expression)
{
    return name ? name : expression ? expression : "";
}

int lbpf_session_attach_kprobe(struct lbpf_session *session,
                               const struct lbpf_kprobe_options *options, struct lbpf_link **link,
                               struct lbpf_error *error)
{
    struct lbpf_wish wish = {
        .family = options->is_return ? LBPF_LINK_KRETPROBE : LBPF_LINK_KPROBE,
        .op = options->is_return ? "attach kretprobe" : "attach kprobe",
        .asked = either(options->event, options->event_re),
        .function = options->function,
        .offset = options->offset,
    };
    struct lbpf_link *made = NULL;
    char *asked = NULL;
    int result = lbpf_session_prepare(session, &wish, &asked, error);

    if (result)
        return result;
    result = lbpf_attach_kprobe(session->object, options, &made, error);
    if (result) {
        free(asked);
        return result;
    }
    return lbpf_session_keep(session, &wish, made, asked, link, error);
}

static int attach_tracepoint(struct lbpf_session *session,
                             const struct lbpf_tracepoint_options *options, bool raw,
                             struct lbpf_link **link, struct lbpf_error *error)
{
    struct lbpf_wish wish = {
        .family = raw ? LBPF_LINK_RAW_TRACEPOINT : LBPF_LINK_TRACEPOINT,
        .op = raw ? "attach raw tracepoint" : "attach tracepoint",
        .asked = either(options->name, options->name_re),
        .function = options->function,
    };
    struct lbpf_link *made = NULL;
    char *asked = NULL;
    int result = lbpf_session_prepare(session, &wish, &asked, error);

    if (result)
        return result;
    result = (raw ? lbpf_attach_raw_tracepoint : lbpf_attach_tracepoint)(session->object, options,
                                                                         &made, error);
    if (result) {
        free(asked);
        return result;
    }
    return lbpf_session_keep(session, &wish, made, asked, link, error);
}

int lbpf_session_attach_tracepoint(struct lbpf_session *session,
                                   const struct lbpf_tracepoint_options *options,
                                   struct lbpf_link **link, struct lbpf_error *error)
{
    return attach_tracepoint(session, options, false, link, error);
}

int lbpf_session_attach_raw_tracepoint(struct lbpf_session *session,
                                       const struct lbpf_tracepoint_options *options,
                                       struct lbpf_link **link, struct lbpf_error *error)
{
    return attach_tracepoint(session, options, true, link, error);
}

/* ---- detaching ------------------------------------------------------------------------------ */

static int refuse_detach(enum lbpf_link_family family, const char *target, struct lbpf_error *error)
{
    return lbpf_error_set(error, ENOENT, "detach", "%s %s is not attached", nouns[family], target);
}

struct lbpf_link *lbpf_session_find(const struct lbpf_session *session,
                                    enum lbpf_link_family family, const char *target,
                                    const char *function)
{
    for (size_t i = 0; i < session->attachment_count; i++) {
        struct lbpf_link *link = session->attachments[i].link;

        if (lbpf_link_is_open(link) && lbpf_link_family(link) == family &&
            !strcmp(lbpf_link_target(link), target) &&
            (!function || !strcmp(lbpf_link_function(link), function)))
            return link;
    }
    return NULL;
}

int lbpf_session_detach(struct lbpf_session *session, enum lbpf_link_family family,
                        const char *target, const char *function, struct lbpf_error *error)
{
    struct lbpf_link **found = calloc(session->attachment_count + 1, sizeof(*found));
    size_t count = 0;

    if (!found)
        return lbpf_error_no_memory(error, "detach");
    for (size_t i = 0; i < session->attachment_count; i++) {
        const struct attachment *attachment = &session->attachments[i];
        struct lbpf_link *link = attachment->link;

        if (lbpf_link_is_open(link) && lbpf_link_family(link) == family &&
            (!strcmp(attachment->asked, target) || !strcmp(lbpf_link_target(link), target)) &&
            (!function || !strcmp(lbpf_link_function(link), function)))
            found[count++] = link;
    }
    if (count)
        lbpf_link_close_all(found, count);
    free(found);
    return count ? (int)count : refuse_detach(family, target, error);
}

int lbpf_session_detach_wish(struct lbpf_session *session, const struct lbpf_wish *wish,
                             struct lbpf_error *error)
{
    struct lbpf_link **found = calloc(session->attachment_count + 1, sizeof(*found));
    size_t count = 0;

    if (!found)
        return lbpf_error_no_memory(error, "detach");
    for (size_t i = 0; i < session->attachment_count; i++) {
        const struct attachment *attachment = &session->attachments[i];

        if (is_same_kind(attachment, wish) &&
            (is_asked_alike(attachment, wish) ||
             (wish->places && lbpf_link_covers_exactly(attachment->link, wish->places))))
            found[count++] = attachment->link;
    }
    lbpf_link_close_all(found, count);
    free(found);
    return count ? (int)count : refuse_detach(wish->family, wish->asked, error);
}

size_t lbpf_session_open_count(const struct lbpf_session *session, enum lbpf_link_family family)
{
    size_t count = 0;

    for (size_t i = 0; i < session->attachment_count; i++) {
        const struct lbpf_link *link = session->attachments[i].link;

        if (lbpf_link_is_open(link) && lbpf_link_family(link) == family)
            count += lbpf_link_count(link);
    }
    return count;
}
