/*
 * Attaching by the session, for the kinds that need no names resolved: trampolines, iterators, perf
 * events, network devices, cgroups. Each says how its attachments are told from one another.
 */
#include "session/wish.h"

#include <errno.h>
#include <stdlib.h>

/* The end of each attachment that lbpf_session_prepare has begun. result is the provider's. */
static int finish(struct lbpf_session *session, const struct lbpf_wish *wish, int result,
                  struct lbpf_link *made, char *asked, struct lbpf_link **link,
                  struct lbpf_error *error)
{
    if (result) {
        free(asked);
        return result;
    }
    return lbpf_session_keep(session, wish, made, asked, link, error);
}

int lbpf_session_attach_trampoline(struct lbpf_session *session,
                                   const struct lbpf_trampoline_options *options,
                                   struct lbpf_link **link, struct lbpf_error *error)
{
    static const char *const ops[] = {
        [LBPF_TRAMPOLINE_FENTRY] = "attach kfunc",
        [LBPF_TRAMPOLINE_FEXIT] = "attach kretfunc",
        [LBPF_TRAMPOLINE_FMOD_RET] = "attach fmod_ret",
        [LBPF_TRAMPOLINE_LSM] = "attach LSM",
    };
    struct lbpf_wish wish = {.family = lbpf_trampoline_family(options->kind),
                             .op = ops[options->kind]};
    char name[512], *asked = NULL;
    struct lbpf_link *made = NULL;
    int result;

    wish.function =
        lbpf_trampoline_function(lbpf_session_object(session), options, name, sizeof name);
    wish.asked = wish.function;
    result = lbpf_session_prepare(session, &wish, &asked, error);
    if (result)
        return result;
    result = lbpf_attach_trampoline(lbpf_session_object(session), options, &made, error);
    return finish(session, &wish, result, made, asked, link, error);
}

int lbpf_session_attach_iterator(struct lbpf_session *session,
                                 const struct lbpf_iterator_options *options,
                                 struct lbpf_link **link, struct lbpf_error *error)
{
    struct lbpf_wish wish = {.family = LBPF_LINK_ITERATOR,
                             .op = "attach iterator",
                             .offset = (uint64_t)options->map_fd,
                             .address = (uint64_t)options->tid,
                             .pid = options->pid};
    char name[512], *asked = NULL;
    struct lbpf_link *made = NULL;
    int result;

    wish.function =
        lbpf_iterator_function(lbpf_session_object(session), options->function, name, sizeof name);
    wish.asked = wish.function;
    result = lbpf_session_prepare(session, &wish, &asked, error);
    if (result)
        return result;
    result = lbpf_attach_iterator(lbpf_session_object(session), options, &made, error);
    return finish(session, &wish, result, made, asked, link, error);
}

int lbpf_session_attach_perf_event(struct lbpf_session *session,
                                   const struct lbpf_perf_event_options *options,
                                   struct lbpf_link **link, struct lbpf_error *error)
{
    struct lbpf_wish wish = {.family = LBPF_LINK_PERF_EVENT,
                             .op = "attach perf event",
                             .function = options->function,
                             .offset = (uint64_t)options->cpu,
                             .pid = options->pid};
    char target[512], *asked = NULL;
    struct lbpf_link *made = NULL;
    int result;

    if (lbpf_perf_event_target(options, target, sizeof target))
        return lbpf_error_set(error, ENAMETOOLONG, wish.op, "The cgroup's path is too long");
    wish.asked = target;
    result = lbpf_session_prepare(session, &wish, &asked, error);
    if (result)
        return result;
    result = lbpf_attach_perf_event(lbpf_session_object(session), options, &made, error);
    return finish(session, &wish, result, made, asked, link, error);
}

int lbpf_session_attach_raw_socket(struct lbpf_session *session,
                                   const struct lbpf_device_options *options,
                                   struct lbpf_link **link, struct lbpf_error *error)
{
    struct lbpf_wish wish = {.family = LBPF_LINK_RAW_SOCKET,
                             .op = "attach raw socket",
                             .asked = options->device,
                             .function = options->function};
    struct lbpf_link *made = NULL;
    char *asked = NULL;
    int result = lbpf_session_prepare(session, &wish, &asked, error);

    if (result)
        return result;
    result = lbpf_attach_raw_socket(lbpf_session_object(session), options, &made, error);
    return finish(session, &wish, result, made, asked, link, error);
}

int lbpf_session_attach_xdp(struct lbpf_session *session, const struct lbpf_device_options *options,
                            struct lbpf_link **link, struct lbpf_error *error)
{
    struct lbpf_wish wish = {.family = LBPF_LINK_XDP,
                             .op = "attach XDP",
                             .asked = options->device,
                             .function = options->function};
    struct lbpf_link *made = NULL, *old;
    char *asked = NULL;
    int result = lbpf_session_prepare(session, &wish, &asked, error);

    if (result)
        return result;
    old = lbpf_session_find(session, LBPF_LINK_XDP, options->device, NULL);
    if (old && lbpf_xdp_can_replace(old, options))
        result = lbpf_replace_xdp(lbpf_session_object(session), options, old, &made, error);
    else
        result = lbpf_attach_xdp(lbpf_session_object(session), options, &made, error);
    return finish(session, &wish, result, made, asked, link, error);
}

int lbpf_session_attach_descriptor(struct lbpf_session *session,
                                   const struct lbpf_descriptor_options *options,
                                   struct lbpf_link **link, struct lbpf_error *error)
{
    struct lbpf_wish wish = {
        .family = LBPF_LINK_DESCRIPTOR, .op = "attach func", .function = options->function};
    char target[LBPF_DESCRIPTOR_TARGET_SIZE], *asked = NULL;
    struct lbpf_link *made = NULL;
    int result;

    result =
        lbpf_descriptor_target(lbpf_session_object(session), options, target, sizeof target, error);
    if (result < 0)
        return result;
    wish.asked = target;
    result = lbpf_session_prepare(session, &wish, &asked, error);
    if (result)
        return result;
    result = lbpf_attach_descriptor(lbpf_session_object(session), options, &made, error);
    return finish(session, &wish, result, made, asked, link, error);
}
