/* Lines of trace_pipe. What prints and formats them is in lua/bpf/trace.lua. */
#include "args.h"
#include "bpf.h"
#include "class.h"
#include "errors.h"
#include "interrupt.h"

#include <errno.h>
#include <lauxlib.h>

static const char *const readline_names[] = {"nonblocking", NULL};
static const struct lbpf_options readline_options = {"trace_readline", readline_names};
static const struct lbpf_options fields_options = {"trace_fields", readline_names};

/*
 * The next line, lent by the pipe; its size or 0 when nothing came: at once when nonblocking, else
 * only because the VM has to run.
 */
static int next_line(lua_State *L, const struct lbpf_options *options, const char **line)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_error error = {0};
    struct lbpf_trace_pipe *pipe;
    struct lbpf_wait wait;
    bool nonblocking;
    int result, slice;

    lbpf_args_collect(L, 2, options);
    nonblocking = lbpf_args_boolean(L, options, "nonblocking");
    pipe = lbpf_session_trace_pipe(bpf->session, &error);
    if (!pipe)
        return lbpf_raise(L, &error);
    lbpf_wait_start(L, &wait, nonblocking ? 0 : -1);
    do {
        slice = lbpf_wait_slice_ms(L, &wait);
        result = lbpf_trace_pipe_readline(pipe, slice, line, &error);
    } while (result == -EAGAIN && slice > 0);
    if (!nonblocking && (result >= 0 || result == -EAGAIN || result == -EINTR))
        lbpf_interrupt_check(L);
    if (result < 0 && result != -EAGAIN && result != -EINTR)
        return lbpf_raise(L, &error);
    return result;
}

/* b:trace_readline{nonblocking=}: a line, or nil when none came. */
static int bpf_trace_readline(lua_State *L)
{
    const char *line;
    int size = next_line(L, &readline_options, &line);

    if (size < 0)
        lua_pushnil(L);
    else
        lua_pushlstring(L, line, (size_t)size);
    return 1;
}

/* b:trace_fields{nonblocking=}: task, pid, cpu, flags, timestamp, message; nothing when no line
 * came. */
static int bpf_trace_fields(lua_State *L)
{
    struct lbpf_trace_fields fields;
    const char *line;
    int size;

    for (;;) {
        size = next_line(L, &fields_options, &line);
        if (size < 0)
            return 0;
        if (lbpf_trace_parse(line, (size_t)size, &fields))
            break; /* others, such as "CPU:3 [LOST 17 EVENTS]", are no events */
    }
    lbpf_trace_pipe_join(lbpf_session_trace_pipe(lbpf_bpf_check(L, 1)->session, NULL), &fields);
    lua_pushstring(L, fields.task);
    lua_pushinteger(L, fields.pid);
    lua_pushinteger(L, fields.cpu);
    lua_pushstring(L, fields.flags);
    lua_pushnumber(L, fields.timestamp);
    lua_pushlstring(L, fields.message, fields.message_size);
    return 6;
}

void lbpf_trace_methods(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"trace_readline", bpf_trace_readline},
        {"trace_fields", bpf_trace_fields},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
}
