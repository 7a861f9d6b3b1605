/*
 * Ctrl-C. While bpf.until_interrupted runs, a handler of our own catches SIGINT, SIGTERM and
 * SIGHUP, and does what lua.c does: it sets a hook, so that the VM raises at the next instruction;
 * here a sentinel, which until_interrupted takes for its normal end. The functions that wait look
 * at the flag themselves, because a hook belongs to one coroutine only and the waiting one may be
 * another.
 *
 * The surprising fact: a second signal soon after the first is ignored, because timeout(1) sends
 * each signal twice; one that comes later, with the first still not acted upon, gets the default
 * action: a script that hangs can be killed.
 */
#include "interrupt.h"

#include "errors.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { SIGNAL_COUNT = 3, REARM_INSTRUCTIONS = 1000000 };
enum { MASK = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT };

static const int64_t SLICE_NS = 1000000000; /* bounds the delay of a signal that slips through */
static const int64_t REPEAT_NS = 500000000; /* a signal sent twice comes twice within this */
static const int64_t NS_PER_S = 1000000000;
static const char sentinel_name[] = "bpf.interrupted";
static const int signals[SIGNAL_COUNT] = {SIGINT, SIGTERM, SIGHUP};

/* One running until_interrupted; they nest. */
struct watch {
    lua_State *L;
    struct watch *outer;
    struct sigaction before[SIGNAL_COUNT];
    volatile sig_atomic_t is_interrupted;
    int64_t first_ns;
};

/* Signals belong to the process, so the innermost watch does too. One thread only touches it. */
static struct watch *volatile innermost;
static pthread_t watching_thread;
static atomic_flag is_watched = ATOMIC_FLAG_INIT;

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void push_sentinel(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, sentinel_name);
}

static void raise_in_vm(lua_State *L, lua_Debug *frame);

/*
 * What is raised now may be caught by the script, which then goes on; so the hook stays, but far
 * enough away for the __close of everything that is left. One that is far away is not put off.
 */
static void rearm(lua_State *L)
{
    if (lua_gethookcount(L) < REARM_INSTRUCTIONS)
        lua_sethook(L, raise_in_vm, LUA_MASKCOUNT, REARM_INSTRUCTIONS);
}

static void raise_in_vm(lua_State *L, lua_Debug *frame)
{
    (void)frame;
    rearm(L);
    push_sentinel(L);
    lua_error(L);
}

/* Async-signal-safe, as far as lua_sethook is (lua.c does the same). */
static void on_signal(int number)
{
    struct watch *watch = innermost;
    int saved = errno;
    int64_t now = now_ns();

    if (watch && !watch->is_interrupted) {
        watch->is_interrupted = 1;
        watch->first_ns = now;
        lua_sethook(watch->L, raise_in_vm, MASK, 1);
    } else if (!watch || now - watch->first_ns > REPEAT_NS) {
        signal(number, SIG_DFL);
        raise(number);
    }
    errno = saved;
}

void lbpf_interrupt_check(lua_State *L)
{
    struct watch *watch = innermost;

    if (watch && watch->is_interrupted && pthread_equal(watching_thread, pthread_self())) {
        rearm(watch->L);
        push_sentinel(L);
        lua_error(L);
    }
}

/* ---- waiting -------------------------------------------------------------------------------- */

void lbpf_wait_start(lua_State *L, struct lbpf_wait *wait, int64_t timeout_ns)
{
    wait->hook = lua_gethook(L);
    wait->is_endless = timeout_ns < 0;
    wait->deadline_ns = wait->is_endless ? 0 : now_ns() + timeout_ns;
}

/* Whether a signal waits for the VM. */
static bool is_signalled(lua_State *L, const struct lbpf_wait *wait)
{
    struct watch *watch = innermost;

    return lua_gethook(L) != wait->hook || (watch && watch->is_interrupted);
}

static int64_t next_slice(lua_State *L, const struct lbpf_wait *wait)
{
    int64_t rest = wait->is_endless ? SLICE_NS : wait->deadline_ns - now_ns();

    if (rest < 0 || is_signalled(L, wait))
        return 0;
    return rest < SLICE_NS ? rest : SLICE_NS;
}

int lbpf_wait_slice_ms(lua_State *L, const struct lbpf_wait *wait)
{
    return (int)((next_slice(L, wait) + 999999) / 1000000);
}

int64_t lbpf_wait_sleep(lua_State *L, struct lbpf_wait *wait)
{
    int64_t slice;

    while ((slice = next_slice(L, wait)) > 0) {
        struct timespec time = {.tv_sec = slice / NS_PER_S, .tv_nsec = slice % NS_PER_S};

        if (nanosleep(&time, NULL) && errno == EINTR)
            break;
    }
    slice = wait->is_endless ? 0 : wait->deadline_ns - now_ns();
    return slice > 0 ? slice : 0;
}

int lbpf_interrupt_sleep(lua_State *L)
{
    lua_Number seconds = luaL_checknumber(L, 1);
    struct lbpf_wait wait;
    int64_t rest;

    luaL_argcheck(L, seconds >= 0, 1, "seconds must not be negative");
    lbpf_wait_start(L, &wait, seconds < 9e9 ? (int64_t)(seconds * 1e9) : -1);
    rest = lbpf_wait_sleep(L, &wait);
    if (seconds > 0)
        lbpf_interrupt_check(L);
    lua_pushnumber(L, (lua_Number)rest / 1e9);
    return 1;
}

/* ---- until_interrupted ---------------------------------------------------------------------- */

/* A signal that is ignored (nohup, a background job) stays ignored. */
static void watch_start(struct watch *watch)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal; /* without SA_RESTART: system calls that wait must end */
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < SIGNAL_COUNT; i++)
        sigaddset(&action.sa_mask, signals[i]);
    watch->outer = innermost;
    innermost = watch;
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        sigaction(signals[i], NULL, &watch->before[i]);
        if (watch->before[i].sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

static void watch_stop(struct watch *watch)
{
    for (int i = SIGNAL_COUNT; i-- > 0;)
        sigaction(signals[i], &watch->before[i], NULL);
    innermost = watch->outer;
    if (lua_gethook(watch->L) == raise_in_vm)
        lua_sethook(watch->L, NULL, 0, 0);
}

/* What until_interrupted runs when it gets no function. */
static int wait_for_ever(lua_State *L)
{
    struct lbpf_wait wait;

    for (;;) {
        lbpf_wait_start(L, &wait, -1);
        lbpf_wait_sleep(L, &wait);
        lbpf_interrupt_check(L);
        if (lua_gethook(L) != wait.hook)
            return 0; /* a hook that is not ours: the VM runs it on the way out */
    }
}

static bool is_sentinel(lua_State *L, int index)
{
    bool is_one;

    push_sentinel(L);
    is_one = lua_rawequal(L, index < 0 ? index - 1 : index, -1);
    lua_pop(L, 1);
    return is_one;
}

int lbpf_interrupt_until(lua_State *L)
{
    struct watch watch = {.L = L};
    lua_Hook hook = lua_gethook(L);
    int mask = lua_gethookmask(L), count = lua_gethookcount(L), status, top = lua_gettop(L);
    bool is_outermost = !innermost || !pthread_equal(watching_thread, pthread_self());

    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_pushcfunction(L, wait_for_ever);
        top = 1;
    }
    luaL_checkstack(L, 4, NULL);
    if (is_outermost) {
        if (atomic_flag_test_and_set(&is_watched))
            return lbpf_misuse(L, "until_interrupted: another thread waits for the interruption");
        watching_thread = pthread_self();
    }
    watch_start(&watch);
    status = lua_pcall(L, top - 1, LUA_MULTRET, 0);
    watch_stop(&watch);
    if (is_outermost)
        atomic_flag_clear(&is_watched);
    if (watch.is_interrupted && hook && hook != raise_in_vm)
        lua_sethook(L, hook, mask, count);
    if (status != LUA_OK && !(watch.is_interrupted && is_sentinel(L, -1)))
        return lua_error(L);
    if (status != LUA_OK)
        lua_settop(L, 0);
    lua_pushboolean(L, watch.is_interrupted != 0);
    lua_insert(L, 1);
    return lua_gettop(L);
}

static int sentinel_tostring(lua_State *L)
{
    lua_pushliteral(L, "interrupted!");
    return 1;
}

void lbpf_interrupt_open(lua_State *L)
{
    lua_newtable(L);
    lua_newtable(L);
    lua_pushcfunction(L, sentinel_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, sentinel_name);
}
