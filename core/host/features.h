/*
 * What the running kernel offers to us. Each probe asks the kernel once and remembers; the answer
 * comes with the reason when it is no.
 */
#ifndef LBPF_HOST_FEATURES_H
#define LBPF_HOST_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

struct lbpf_feature {
    const char *name; /* "kprobe", "tracepoint", "uprobe", "ring_buffer", "btf", "batch", … */
    bool available;
    char reason[160]; /* why not and what to do; "" when available */
};

/* Fills up to capacity entries and returns how many there are in all. */
size_t lbpf_features(struct lbpf_feature *features, size_t capacity);

/* Asks for one of them by name, and fills feature when it is not NULL. Whether it is available; an
 * unknown name is not. */
bool lbpf_feature(const char *name, struct lbpf_feature *feature);

/* Why the kernel may have said EPERM, for a hint: which of CAP_BPF, CAP_PERFMON this process lacks
 * (CAP_SYS_ADMIN stands for both), the sysctls, user namespace, lockdown and seccomp. Into text; ""
 * when nothing is known to stand in the way. */
void lbpf_explain_permission(char *text, size_t size);

/* The running kernel's release, version and build id as one string that can be a file name. Into
 * text, cut at size; 256 bytes hold it. */
void lbpf_kernel_identity(char *text, size_t size);

#endif
