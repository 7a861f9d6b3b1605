/* What the files of kernel probes share: kprobe.c chooses the mechanism, the others carry it out.
 */
#ifndef LBPF_ATTACH_KPROBE_PRIVATE_H
#define LBPF_ATTACH_KPROBE_PRIVATE_H

#include "attach/link_private.h"
#include "base/buffer.h"

enum lbpf_kprobe_mechanism {
    LBPF_KPROBE_BEST,
    LBPF_KPROBE_FENTRY, /* or fexit */
    LBPF_KPROBE_MULTI,
    LBPF_KPROBE_PERF,
    LBPF_KPROBE_TRACEFS,
};

/* "kprobe", "fexit", …: what a user calls it, and what link:kind() tells. Static. */
const char *lbpf_kprobe_mechanism_name(enum lbpf_kprobe_mechanism mechanism, bool is_return);

const char *lbpf_kprobe_op(const struct lbpf_kprobe_options *options);

/* BCC's text for an event that can't be attached, with what is known of the cause. Returns -code.
 */
int lbpf_kprobe_refuse(const struct lbpf_kprobe_options *options, const char *event, int code,
                       struct lbpf_error *error);
/* For the mechanism that the user asked for and nothing else. Returns -code. */
int lbpf_kprobe_refuse_mechanism(const struct lbpf_kprobe_options *options,
                                 enum lbpf_kprobe_mechanism mechanism, int code, const char *reason,
                                 struct lbpf_error *error);

/* One function by a perf event. 0 or -errno. */
int lbpf_kprobe_perf_attach(struct lbpf_link *link, const struct bpf_program *program,
                            const struct lbpf_kprobe_options *options, const char *function);

/* One function by a direct call in it. program is loaded as a kprobe. 0; or -errno, and why in
 * reason. */
int lbpf_kprobe_fentry_attach(struct lbpf_link *link, struct lbpf_object *object,
                              const struct bpf_program *program,
                              const struct lbpf_kprobe_options *options, const char *function,
                              bool is_forced, struct lbpf_buffer *reason);

/* One function by an event in tracefs, which closing the link removes. 0 or -errno. */
int lbpf_kprobe_event_attach(struct lbpf_link *link, const struct bpf_program *program,
                             const struct lbpf_kprobe_options *options, const char *function);

/* All functions that options->event_re means; or one, by a link that could hold many. */
int lbpf_kprobe_attach_matching(struct lbpf_object *object,
                                const struct lbpf_kprobe_options *options,
                                enum lbpf_kprobe_mechanism mechanism, struct lbpf_link *link,
                                struct lbpf_error *error);
int lbpf_kprobe_attach_multi(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                             const char *function, struct lbpf_link *link,
                             struct lbpf_error *error);
/* The latter where another way is left: 0, or -errno and the link is empty as before. */
int lbpf_kprobe_try_multi(struct lbpf_object *object, const struct lbpf_kprobe_options *options,
                          const char *function, struct lbpf_link *link);

#endif
