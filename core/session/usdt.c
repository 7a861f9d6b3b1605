/* What a session attaches because it was opened with USDT contexts. */
#include "session/wish.h"

#include <errno.h>
#include <stdlib.h>

static int attach_in_file(struct lbpf_session *session, const struct lbpf_usdt *usdt,
                          const struct lbpf_usdt_probe *probe, size_t file, pid_t pid,
                          struct lbpf_error *error)
{
    struct lbpf_link *made = NULL;
    struct lbpf_wish wish = {.family = LBPF_LINK_UPROBE,
                             .op = "attach USDT probe",
                             .function = probe->function,
                             .pid = pid};
    char *asked = NULL;
    int result =
        lbpf_attach_usdt(lbpf_session_object(session), usdt, probe, file, pid, &made, error);

    if (result == -ENOENT && !made)
        return 0; /* the probe is in other files */
    if (result < 0)
        return result;
    wish.asked = lbpf_link_target(made);
    result = lbpf_session_prepare(session, &wish, &asked, error);
    if (result < 0) {
        lbpf_link_free(made);
        return result;
    }
    return lbpf_session_keep(session, &wish, made, asked, NULL, error);
}

int lbpf_session_attach_usdt(struct lbpf_session *session, const struct lbpf_usdt *usdt,
                             bool ignore_pid, struct lbpf_error *error)
{
    pid_t pid = ignore_pid ? 0 : lbpf_usdt_pid(usdt);
    int result = ignore_pid ? 0 : lbpf_usdt_check_process(usdt, error);

    for (size_t i = 0; result == 0 && i < lbpf_usdt_probe_count(usdt); i++) {
        const struct lbpf_usdt_probe *probe = lbpf_usdt_probe_at(usdt, i);

        for (size_t file = 0; result == 0 && probe->function && file < lbpf_usdt_file_count(usdt);
             file++)
            result = attach_in_file(session, usdt, probe, file, pid, error);
    }
    return result;
}
