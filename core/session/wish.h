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
};

/* Before attaching: what can be refused without a probe that fires in between. Makes room, too, so
 * that keeping the link cannot fail later. *asked is then the caller's, until it keeps the link. */
int lbpf_session_prepare(struct lbpf_session *session, const struct lbpf_wish *wish, char **asked,
                         struct lbpf_error *error);

/* After attaching: the target is known now, and how many places there are. Takes made and asked. */
int lbpf_session_keep(struct lbpf_session *session, const struct lbpf_wish *wish,
                      struct lbpf_link *made, char *asked, struct lbpf_link **link,
                      struct lbpf_error *error);

#endif
