/*
 * User probes of a session. The file and the offsets are found first and attached second: what is
 * there already, or too much, is refused before a probe fires.
 */
#include "session/wish.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static struct lbpf_wish make_wish(const struct lbpf_uprobe_options *options,
                                  const struct lbpf_uprobe_places *places, char *text, size_t size)
{
    if (options->has_address)
        snprintf(text, size, "%s:0x%llx", options->path, (unsigned long long)options->address);
    else
        snprintf(text, size, "%s:%s", options->path,
                 options->symbol ? options->symbol : options->symbol_re);
    return (struct lbpf_wish){
        .family = options->is_return ? LBPF_LINK_URETPROBE : LBPF_LINK_UPROBE,
        .op = options->is_return ? "attach uretprobe" : "attach uprobe",
        .asked = text,
        .function = options->function,
        .offset = options->offset,
        .address = options->has_address ? options->address : 0,
        .pid = options->pid > 0 ? options->pid : -1,
        .places = places,
    };
}

static int attach(struct lbpf_session *session, const struct lbpf_uprobe_options *options,
                  struct lbpf_uprobe_places *places, struct lbpf_link **link,
                  struct lbpf_error *error)
{
    char text[PATH_MAX + 512], *asked = NULL;
    struct lbpf_wish wish = make_wish(options, places, text, sizeof text);
    struct lbpf_link *made = NULL;
    int result = lbpf_session_prepare(session, &wish, &asked, error);

    if (result < 0)
        return result;
    result = lbpf_attach_uprobe(lbpf_session_object(session), options, places, &made, error);
    if (result < 0) {
        free(asked);
        return result;
    }
    return lbpf_session_keep(session, &wish, made, asked, link, error);
}

int lbpf_session_attach_uprobe(struct lbpf_session *session,
                               const struct lbpf_uprobe_options *options, struct lbpf_link **link,
                               struct lbpf_error *error)
{
    struct lbpf_uprobe_places *places;
    int result = lbpf_uprobe_find(options, &places, error);

    if (result < 0)
        return result;
    result = attach(session, options, places, link, error);
    lbpf_uprobe_places_free(places);
    return result;
}

int lbpf_session_detach_uprobe(struct lbpf_session *session,
                               const struct lbpf_uprobe_options *options, struct lbpf_error *error)
{
    struct lbpf_uprobe_places *places;
    char text[PATH_MAX + 512];
    struct lbpf_wish wish;
    int result;

    lbpf_uprobe_find(options, &places, NULL); /* without places the words have to do */
    wish = make_wish(options, places, text, sizeof text);
    result = lbpf_session_detach_wish(session, &wish, error);
    lbpf_uprobe_places_free(places);
    return result;
}
