/*
 * A C program with luabpf inside: two Lua states that know nothing of each other, and one loop,
 * which is the program's own. It shows each program that is executed, and how many exit, for some
 * seconds.
 *
 *     cc -o embed embed.c $(pkg-config --cflags --libs lua5.4)
 *     ./embed 5        # as root
 *
 * Lua finds luabpf in its usual places; LUA_PATH and LUA_CPATH name others.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Each script returns the object to wait for, and a function to call when it is readable. */
static const char show_starts[] =
    "local bpf = require 'bpf'\n"
    "local b = bpf.BPF{ text = [[\n"
    "struct start_t { u32 pid; char comm[TASK_COMM_LEN]; };\n"
    "BPF_PERF_OUTPUT(starts);\n"
    "TRACEPOINT_PROBE(sched, sched_process_exec)\n"
    "{\n"
    "    struct start_t start = { .pid = bpf_get_current_pid_tgid() >> 32 };\n"
    "    bpf_get_current_comm(start.comm, sizeof(start.comm));\n"
    "    starts.perf_submit(args, &start, sizeof(start));\n"
    "    return 0;\n"
    "}\n"
    "]] }\n"
    "b.starts:open_perf_buffer(function(cpu, start) print('start', start.comm) end)\n"
    "return b, function() b:perf_buffer_poll(0) end\n";

static const char count_exits[] = "local bpf = require 'bpf'\n"
                                  "local count = 0\n"
                                  "local b = bpf.BPF{ text = [[\n"
                                  "BPF_RINGBUF_OUTPUT(exits, 8);\n"
                                  "TRACEPOINT_PROBE(sched, sched_process_exit)\n"
                                  "{\n"
                                  "    u32 pid = bpf_get_current_pid_tgid() >> 32;\n"
                                  "    exits.ringbuf_output(&pid, sizeof(pid), 0);\n"
                                  "    return 0;\n"
                                  "}\n"
                                  "]] }\n"
                                  "b.exits:open_ring_buffer(function() count = count + 1 end)\n"
                                  "return b, function(is_end)\n"
                                  "  b:ring_buffer_poll(0)\n"
                                  "  if is_end then print('exits', count) end\n"
                                  "end\n";

struct tracer {
    lua_State *L; /* the object at index 1, the function at 2 */
    int fd;
};

static void fail(lua_State *L, const char *what)
{
    fprintf(stderr, "%s: %s\n", what, luaL_tolstring(L, -1, NULL));
    exit(EXIT_FAILURE);
}

static struct tracer start(const char *script)
{
    struct tracer tracer = {.L = luaL_newstate()};
    lua_State *L = tracer.L;

    luaL_openlibs(L);
    if (luaL_loadstring(L, script) || lua_pcall(L, 0, 2, 0))
        fail(L, "could not trace");
    lua_getfield(L, 1, "pollfd");
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 1, 1, 0))
        fail(L, "pollfd");
    tracer.fd = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return tracer;
}

static void handle(struct tracer *tracer, int is_end)
{
    lua_pushvalue(tracer->L, 2);
    lua_pushboolean(tracer->L, is_end);
    if (lua_pcall(tracer->L, 1, 0, 0))
        fail(tracer->L, "in a callback");
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 5;
    struct tracer tracers[] = {start(show_starts), start(count_exits)};
    struct pollfd fds[] = {{.fd = tracers[0].fd, .events = POLLIN},
                           {.fd = tracers[1].fd, .events = POLLIN}};
    struct timespec now, begin;
    double rest = seconds;

    printf("tracing\n");
    fflush(stdout);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    while (rest > 0) {
        poll(fds, 2, (int)(rest * 1000) + 1); /* here a program has its other files, too */
        for (int i = 0; i < 2; i++)
            if (fds[i].revents)
                handle(&tracers[i], 0);
        clock_gettime(CLOCK_MONOTONIC, &now);
        rest = seconds - (double)(now.tv_sec - begin.tv_sec) -
               (double)(now.tv_nsec - begin.tv_nsec) / 1e9;
    }
    for (int i = 0; i < 2; i++) {
        handle(&tracers[i], 1);
        lua_close(tracers[i].L); /* detaches and frees all */
    }
    return 0;
}
