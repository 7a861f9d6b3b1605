/* explain FILE…: what the loader makes of a verifier's log: message, where and hint, a line each.
 */
#include "base/buffer.h"
#include "kernel/verifier_log.h"

#include <errno.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct lbpf_rejection rejection = {.code = EACCES, .function = "probe"};
        struct lbpf_buffer log = {0};
        struct lbpf_error error = {0};

        if (lbpf_buffer_read_file(&log, argv[i], 1 << 20) < 0)
            return 1;
        lbpf_verifier_explain(&rejection, lbpf_buffer_take(&log), &error);
        printf("%s\n%s\n%s\n", error.message, error.where, error.hint);
        lbpf_error_clear(&error);
    }
    return 0;
}
