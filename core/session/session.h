/*
 * What BPF{…} means: one compiled program, its maps, links and buffers, opened together and closed
 * together in one order (links, then buffers, then programs and maps). Two sessions do not know of
 * each other.
 *
 * Ownership, for all of core: whoever opens closes; getters lend; a function that keeps its
 * argument says "takes".
 */
#ifndef LBPF_SESSION_SESSION_H
#define LBPF_SESSION_SESSION_H

#include "attach/kinds.h"
#include "attach/link.h"
#include "attach/usdt.h"
#include "base/error.h"
#include "compile/compile.h"
#include "kernel/map.h"
#include "kernel/object.h"
#include "stream/stream.h"
#include "stream/trace_pipe.h"

struct lbpf_session;

struct lbpf_session_options {
    struct lbpf_source source; /* text to compile; text NULL when elf is given */
    const void *elf;           /* a ready object, or NULL */
    size_t elf_size;
    unsigned debug;           /* LBPF_DEBUG_* */
    unsigned device;          /* index of the network device that holds the maps, or 0 */
    struct lbpf_buffer *dump; /* receives what debug asks for; may be NULL */
};

/* Compiles (or takes the ready object) and creates the maps. Attaches nothing. The compiler's
 * process may still be on its way out. */
int lbpf_session_open(struct lbpf_session **session, const struct lbpf_session_options *options,
                      struct lbpf_error *error);
/* Attaches every function whose name has a known prefix (kprobe__, kretprobe__, tracepoint__,
 * raw_tracepoint__, kfunc__, kretfunc__, lsm__). Stops at the first failure; what was attached
 * stays until the session closes.
 */
int lbpf_session_attach_by_name(struct lbpf_session *session, struct lbpf_error *error);
/* Waits until the compiler's process is gone. */
void lbpf_session_reap_compiler(struct lbpf_session *session);
/* Closes everything; NULL is allowed. */
void lbpf_session_close(struct lbpf_session *session);

struct lbpf_object *lbpf_session_object(struct lbpf_session *session);
struct lbpf_stream *
lbpf_session_stream(struct lbpf_session *session); /* made on first use; NULL: no memory */
/* Opened on first use; NULL with error set when tracefs is not there. */
struct lbpf_trace_pipe *lbpf_session_trace_pipe(struct lbpf_session *session,
                                                struct lbpf_error *error);

/* Like the lbpf_attach_* functions of link.h, but the session owns the link: it stays valid (closed
 * or open) until the session closes. The same function on the same target twice is refused with
 * EEXIST. Kernel and user probes count against a quota of the session: $BCC_PROBE_LIMIT, else 1000.
 */
int lbpf_session_attach_kprobe(struct lbpf_session *session,
                               const struct lbpf_kprobe_options *options, struct lbpf_link **link,
                               struct lbpf_error *error);
int lbpf_session_attach_uprobe(struct lbpf_session *session,
                               const struct lbpf_uprobe_options *options, struct lbpf_link **link,
                               struct lbpf_error *error);
int lbpf_session_attach_tracepoint(struct lbpf_session *session,
                                   const struct lbpf_tracepoint_options *options,
                                   struct lbpf_link **link, struct lbpf_error *error);
int lbpf_session_attach_raw_tracepoint(struct lbpf_session *session,
                                       const struct lbpf_tracepoint_options *options,
                                       struct lbpf_link **link, struct lbpf_error *error);
/* All that a context has enabled; ignore_pid: in every process, not only in the context's. After
 * lbpf_usdt_readers(). */
int lbpf_session_attach_usdt(struct lbpf_session *session, const struct lbpf_usdt *usdt,
                             bool ignore_pid, struct lbpf_error *error);

int lbpf_session_attach_trampoline(struct lbpf_session *session,
                                   const struct lbpf_trampoline_options *options,
                                   struct lbpf_link **link, struct lbpf_error *error);
int lbpf_session_attach_iterator(struct lbpf_session *session,
                                 const struct lbpf_iterator_options *options,
                                 struct lbpf_link **link, struct lbpf_error *error);
int lbpf_session_attach_perf_event(struct lbpf_session *session,
                                   const struct lbpf_perf_event_options *options,
                                   struct lbpf_link **link, struct lbpf_error *error);
int lbpf_session_attach_raw_socket(struct lbpf_session *session,
                                   const struct lbpf_device_options *options,
                                   struct lbpf_link **link, struct lbpf_error *error);
/* On a device where the session has an XDP function already, the new one takes its place. */
int lbpf_session_attach_xdp(struct lbpf_session *session, const struct lbpf_device_options *options,
                            struct lbpf_link **link, struct lbpf_error *error);
int lbpf_session_attach_descriptor(struct lbpf_session *session,
                                   const struct lbpf_descriptor_options *options,
                                   struct lbpf_link **link, struct lbpf_error *error);

/* The open link of family to target whose function this is, or NULL; function NULL: any. Lent. */
struct lbpf_link *lbpf_session_find(const struct lbpf_session *session,
                                    enum lbpf_link_family family, const char *target,
                                    const char *function);
/* Closes the open links of family whose target is target (and function, when not NULL). Returns how
 * many; -ENOENT with BCC's text when there is none. */
int lbpf_session_detach(struct lbpf_session *session, enum lbpf_link_family family,
                        const char *target, const char *function, struct lbpf_error *error);

/* The same for what these options attach. Found by the file and the offsets, so that another name
 * of the place does as well. */
int lbpf_session_detach_uprobe(struct lbpf_session *session,
                               const struct lbpf_uprobe_options *options, struct lbpf_error *error);

/* Probes open now in this family: a link that covers n places counts n. */
size_t lbpf_session_open_count(const struct lbpf_session *session, enum lbpf_link_family family);

#endif
