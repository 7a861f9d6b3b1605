/* Waiting that Ctrl-C ends, and the end of a script by Ctrl-C. */
#ifndef LUA_INTERRUPT_H
#define LUA_INTERRUPT_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

/* Registers the sentinel that interruption raises. */
void lbpf_interrupt_open(lua_State *L);

/* Raises the sentinel when a signal has come for the until_interrupted that runs. For functions
 * that wait; those that do not must stay usable in a __close that runs because of the signal. */
void lbpf_interrupt_check(lua_State *L);

/*
 * Waiting in slices. A signal that comes between the last check and the system call that waits
 * would otherwise be noticed only when the wait ends by itself, perhaps never.
 */
struct lbpf_wait {
    lua_Hook hook; /* at the start; the standalone interpreter's Ctrl-C shows as a new one */
    int64_t deadline_ns;
    bool is_endless;
};

void lbpf_wait_start(lua_State *L, struct lbpf_wait *wait, int64_t timeout_ns);
/* How long to wait next, in ms; 0 at the end of the wait, and when the VM has to run because a
 * signal waits for it. */
int lbpf_wait_slice_ms(lua_State *L, const struct lbpf_wait *wait);
/* Sleeps for the rest of the wait; returns early, with the rest in ns, when a signal came. */
int64_t lbpf_wait_sleep(lua_State *L, struct lbpf_wait *wait);

/* bpf.sleep and bpf.until_interrupted */
int lbpf_interrupt_sleep(lua_State *L);
int lbpf_interrupt_until(lua_State *L);

#endif
