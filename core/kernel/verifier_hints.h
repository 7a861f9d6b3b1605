/* What a verifier's complaint means, and what to write instead. */
#ifndef LBPF_KERNEL_VERIFIER_HINTS_H
#define LBPF_KERNEL_VERIFIER_HINTS_H

#include "base/buffer.h"

/*
 * Appends the cause in plain words, and advice (nothing when there is none), for the verifier's
 * final words, which may be several lines. Words that no rule knows become the cause as they are.
 */
void lbpf_verifier_hint(const char *words, struct lbpf_buffer *cause, struct lbpf_buffer *advice);

#endif
