/* The BPF object, as the other files of the binding see it. */
#ifndef LUA_BPF_H
#define LUA_BPF_H

#include "lbpf.h"

#include <lua.h>

struct lbpf_bpf {
    struct lbpf_session *session; /* NULL: not open yet, or closed */
    unsigned debug;
    bool is_polling;
    bool close_pending; /* closed by one of its own callbacks: the poll closes it at its end */
    /* while polling; stack indices of the polling function */
    lua_State *L;
    int handlers_index, failure_index;
    lua_Integer handled; /* events */
    bool has_failed;     /* a callback raised what lies at failure_index */
    bool has_stopped;    /* a callback ended the drain */
};

/* User values of the userdata. */
enum {
    LBPF_BPF_TABLES = 1, /* name -> table userdata, made on first use */
    LBPF_BPF_TYPES,      /* types userdata, or nil for an object without BTF */
    LBPF_BPF_HANDLERS,   /* event handlers, see stream.c */
    LBPF_BPF_USER_VALUES = LBPF_BPF_HANDLERS
};

/* The open BPF object at index; raises when it is something else, or closed. */
struct lbpf_bpf *lbpf_bpf_check(lua_State *L, int index);
/* The same for what is at index, open or closed; NULL for anything else. */
struct lbpf_bpf *lbpf_bpf_test(lua_State *L, int index);
/* Raises when the object that something belongs to is closed. */
void lbpf_bpf_check_open(lua_State *L, const struct lbpf_bpf *bpf);
/* Closes what close_pending has put off. */
void lbpf_bpf_finish_close(struct lbpf_bpf *bpf);

/* Prints what the verifier said about the last load, if the script's debug flags ask for it. */
void lbpf_bpf_print_load_log(const struct lbpf_bpf *bpf);

/* Each registers metatables and adds methods to the table at index methods; `statics` gets
 * functions that need no object. */
void lbpf_bpf_open(lua_State *L, int methods, int statics);
void lbpf_attach_methods(lua_State *L, int methods);
void lbpf_attach_kernel_methods(lua_State *L, int methods);
void lbpf_attach_perf_methods(lua_State *L, int methods);
void lbpf_attach_net_methods(lua_State *L, int methods, int statics);
void lbpf_stream_methods(lua_State *L, int methods, int table_methods);
void lbpf_trace_methods(lua_State *L, int methods);
void lbpf_program_methods(lua_State *L, int methods);
void lbpf_inspect_methods(lua_State *L, int methods, int statics);

#endif
