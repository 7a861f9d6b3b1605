/*
 * The expression is compiled twice: as the user wrote it, so that "a)(b" is refused, and between
 * anchors, which lets regexec answer without looking for where the match lies. Of the kernel's
 * 160,000 symbols most differ in what an expression like "vfs_.*" begins with: they never see
 * regexec.
 */
#include "host/match.h"

#include "base/buffer.h"

#include <errno.h>
#include <string.h>

/* The plain characters at the beginning, unless there are alternatives or the last one may be
 * absent. */
static void take_start(struct lbpf_match *match, const char *expression)
{
    size_t size = strcspn(expression, "\\^$.[]|()*+?{}");

    if (size > 0 && expression[size] && strchr("*?{", expression[size]))
        size--;
    if (strchr(expression, '|'))
        size = 0;
    match->start_size = size < sizeof match->start ? size : sizeof match->start;
    memcpy(match->start, expression, match->start_size);
}

int lbpf_match_open(struct lbpf_match *match, const char *expression, const char *op,
                    struct lbpf_error *error)
{
    struct lbpf_buffer whole = {0};
    char reason[128];
    int code = regcomp(&match->expression, expression, REG_EXTENDED | REG_NOSUB);

    if (code == 0) {
        regfree(&match->expression);
        lbpf_buffer_printf(&whole, "^(%s)$", expression);
        if (whole.failed)
            return lbpf_error_no_memory(error, op);
        code = regcomp(&match->expression, whole.data, REG_EXTENDED | REG_NOSUB);
        lbpf_buffer_free(&whole);
    }
    if (code == 0) {
        take_start(match, expression);
        return 0;
    }
    regerror(code, NULL, reason, sizeof reason);
    lbpf_error_set(error, EINVAL, op, "regular expression \"%.200s\": %s", expression, reason);
    lbpf_error_hint(error,
                    "POSIX extended syntax, which must match the whole name, as in \"vfs_.*\"");
    return -EINVAL;
}

void lbpf_match_close(struct lbpf_match *match)
{
    regfree(&match->expression);
}

bool lbpf_match_name(const struct lbpf_match *match, const char *name)
{
    if (strncmp(name, match->start, match->start_size) != 0)
        return false;
    return regexec(&match->expression, name, 0, NULL, 0) == 0;
}
