/* Return probes with a number of instances of their own: only tracefs can be asked for them. */
#ifndef LBPF_ATTACH_KPROBE_EVENT_H
#define LBPF_ATTACH_KPROBE_EVENT_H

struct bpf_link;
struct bpf_program;
struct lbpf_link;

/* Attaches program to the return of function and adds it to link, which removes the event when it
 * closes. 0 or -errno. */
int lbpf_kprobe_event_attach(struct lbpf_link *link, const struct bpf_program *program,
                             const char *function, unsigned max_active);

#endif
