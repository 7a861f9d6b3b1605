/* How the session comes to keep a link, for all kinds of attachments alike. */
#ifndef LBPF_SESSION_WISH_H
#define LBPF_SESSION_WISH_H

#include "session/session.h"

/* What an attachment is going to be, before it is made. */
struct lbpf_wish {
    enum lbpf_link_family family;
    const char *op, *asked, *function;
    uint64_t offset, address;
    pid_t pid;
    const struct lbpf_uprobe_places *places; /* of a user probe: what it is goes by them, and not by
                                              * asked, offset and address; or NULL */
};

/* Before attaching: what can be refused without a probe that fires in between. Makes room, too, so
 * that keeping the link cannot fail later. *asked is then the caller's, until it keeps the link. */
int lbpf_session_prepare(struct lbpf_session *session, const struct lbpf_wish *wish, char **asked,
                         struct lbpf_error *error);

/* After attaching: the target is known now, and how many places there are. Takes made and asked. */
int lbpf_session_keep(struct lbpf_session *session, const struct lbpf_wish *wish,
                      struct lbpf_link *made, char *asked, struct lbpf_link **link,
                      struct lbpf_error *error);

/* Closes the links of the wish's family and process that are at its places, or were asked for in
 * its words: a file may be gone by now. Returns how many; -ENOENT when there is none. */
int lbpf_session_detach_wish(struct lbpf_session *session, const struct lbpf_wish *wish,
                             struct lbpf_error *error);

#endif
