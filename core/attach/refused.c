/* What to say when the kernel refuses an attachment, for all providers alike. */
#include "attach/link_private.h"
#include "kernel/sys.h"

#include <errno.h>
#include <string.h>

enum { KERNEL_ENOTSUPP = 524 }; /* the kernel's own, which leaks out of some attach paths */

int lbpf_attach_refused(struct lbpf_error *error, int code, const char *op, const char *what)
{
    if (code == KERNEL_ENOTSUPP)
        code = EOPNOTSUPP;
    lbpf_error_set(error, code, op, "%s: %s", what, strerror(code));
    switch (code) {
    case EPERM:
    case EACCES:
        lbpf_permission_hint(error);
        break;
    case EMFILE:
    case ENFILE:
        lbpf_error_hint(error,
                        "each probe keeps a file descriptor: raise the limit (ulimit -n), or "
                        "match fewer functions");
        break;
    case ESRCH:
        lbpf_error_hint(error, "does the process still run?");
        break;
    default:
        break;
    }
    return -code;
}
