/* attach_perf_event and attach_perf_event_raw: options to the kernel's perf_event_attr. */
#include "args.h"
#include "attach.h"
#include "bpf.h"
#include "class.h"
#include "errors.h"

#include <lauxlib.h>
#include <limits.h>
#include <linux/hw_breakpoint.h>
#include <string.h>

static const char *const event_names[] = {
    "ev_type",  "ev_config", "fn_name", "sample_period", "sample_freq", "pid", "cpu",
    "group_fd", "cgroup",    "bp_addr", "bp_type",       "bp_len",      NULL};
static const struct lbpf_options event_options = {"attach_perf_event", event_names};
static const char *const raw_names[] = {"attr",     "fn_name", "pid", "cpu",
                                        "group_fd", "cgroup",  NULL};
static const struct lbpf_options raw_options = {"attach_perf_event_raw", raw_names};
static const char *const attr_names[] = {"type",
                                         "config",
                                         "config1",
                                         "config2",
                                         "sample_period",
                                         "sample_freq",
                                         "sample_type",
                                         "bp_type",
                                         "bp_addr",
                                         "bp_len",
                                         "precise_ip",
                                         "inherit",
                                         "pinned",
                                         "exclusive",
                                         "exclude_user",
                                         "exclude_kernel",
                                         "exclude_hv",
                                         "exclude_idle",
                                         "exclude_host",
                                         "exclude_guest",
                                         "exclude_callchain_kernel",
                                         "exclude_callchain_user",
                                         NULL};
static const struct lbpf_options attr_options = {"attach_perf_event_raw", attr_names};
static const char *const detach_names[] = {"ev_type", "ev_config", "bp_addr", "cgroup", NULL};
static const struct lbpf_options detach_options = {"detach_perf_event", detach_names};

static uint64_t read_u64(lua_State *L, const struct lbpf_options *names, const char *name)
{
    return (uint64_t)lbpf_args_integer(L, names, name, 0);
}

/* Which accesses a watchpoint is for: "r", "w", "rw", "x", or the kernel's number. */
static uint32_t read_bp_type(lua_State *L, const struct lbpf_options *names)
{
    static const struct {
        const char *text;
        uint32_t type;
    } types[] = {{"r", HW_BREAKPOINT_R},
                 {"w", HW_BREAKPOINT_W},
                 {"rw", HW_BREAKPOINT_RW},
                 {"x", HW_BREAKPOINT_X}};
    uint32_t type = 0;

    if (lua_getfield(L, -1, "bp_type") == LUA_TSTRING) {
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            if (!strcmp(lua_tostring(L, -1), types[i].text))
                type = types[i].type;
        }
        if (!type)
            lbpf_misuse(L, "%s: option 'bp_type' must be \"r\", \"w\", \"rw\" or \"x\", not '%s'",
                        names->function, lua_tostring(L, -1));
        lua_pop(L, 1);
        return type;
    }
    lua_pop(L, 1);
    return (uint32_t)lbpf_args_in_range(L, names, "bp_type", HW_BREAKPOINT_W, 1, 7);
}

static void read_breakpoint(lua_State *L, const struct lbpf_options *names,
                            struct perf_event_attr *event)
{
    if (!lbpf_args_has(L, "bp_addr"))
        lbpf_misuse(L, "%s: option 'bp_addr' is missing: the address to watch", names->function);
    event->bp_addr = read_u64(L, names, "bp_addr");
    event->bp_type = read_bp_type(L, names);
    event->bp_len = (uint64_t)lbpf_args_in_range(
        L, names, "bp_len",
        event->bp_type == HW_BREAKPOINT_X ? (lua_Integer)sizeof(long) : HW_BREAKPOINT_LEN_4, 1, 8);
}

/* How often: exactly one of the two. A watchpoint tells of each access unless asked otherwise. */
static void read_rate(lua_State *L, const struct lbpf_options *names, struct perf_event_attr *event)
{
    lua_Integer period = lbpf_args_in_range(L, names, "sample_period", 0, 0, LLONG_MAX);
    lua_Integer frequency = lbpf_args_in_range(L, names, "sample_freq", 0, 0, LLONG_MAX);

    if (!period && !frequency && event->type == PERF_TYPE_BREAKPOINT)
        period = 1;
    if ((period > 0) == (frequency > 0))
        lbpf_misuse(L, "%s: Exactly one of sample_period / sample_freq should be set",
                    names->function);
    event->sample_period = (uint64_t)(period ? period : frequency);
    event->freq = frequency > 0;
}

/* Where: the options that both ways have. */
static void read_place(lua_State *L, const struct lbpf_options *names,
                       struct lbpf_perf_event_options *options)
{
    options->pid = (pid_t)lbpf_args_in_range(L, names, "pid", -1, -1, INT_MAX);
    options->cpu = (int)lbpf_args_in_range(L, names, "cpu", -1, -1, INT_MAX);
    options->group_fd = (int)lbpf_args_in_range(L, names, "group_fd", -1, -1, INT_MAX);
    options->cgroup = lbpf_args_string(L, names, "cgroup", NULL);
    if (options->cgroup && options->pid >= 0)
        lbpf_misuse(L, "%s: options 'cgroup' and 'pid' exclude each other", names->function);
}

static int attach(lua_State *L, const struct lbpf_perf_event_options *options)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_error error = {0};
    struct lbpf_link *link = NULL;
    int result = lbpf_session_attach_perf_event(bpf->session, options, &link, &error);

    return lbpf_attach_give_link(L, bpf, result, link, &error);
}

static uint32_t read_type(lua_State *L, const struct lbpf_options *names, const char *name)
{
    if (!lbpf_args_has(L, name))
        lbpf_misuse(L, "%s: option '%s' is missing (bpf.PerfType.SOFTWARE, …)", names->function,
                    name);
    return (uint32_t)lbpf_args_in_range(L, names, name, 0, 0, UINT32_MAX);
}

static int bpf_attach_perf_event(lua_State *L)
{
    struct lbpf_perf_event_options options = {0};

    lbpf_bpf_check(L, 1);
    lbpf_args_collect(L, 2, &event_options);
    options.function = lbpf_args_required(L, &event_options, "fn_name");
    options.event.type = read_type(L, &event_options, "ev_type");
    if (options.event.type == PERF_TYPE_BREAKPOINT)
        read_breakpoint(L, &event_options, &options.event);
    else if (!lbpf_args_has(L, "ev_config"))
        return lbpf_misuse(L, "attach_perf_event: option 'ev_config' is missing "
                              "(bpf.PerfSWConfig.CPU_CLOCK, …)");
    else
        options.event.config = read_u64(L, &event_options, "ev_config");
    read_rate(L, &event_options, &options.event);
    read_place(L, &event_options, &options);
    options.event.inherit = options.pid > 0;
    return attach(L, &options);
}

/* The table attr, which is on top of the stack, by the names of the kernel's struct. */
static void read_attr(lua_State *L, struct perf_event_attr *event)
{
    const struct lbpf_options *names = &attr_options;

    event->type = read_type(L, names, "type");
    event->config = read_u64(L, names, "config");
    event->config1 = read_u64(L, names, "config1");
    event->config2 = read_u64(L, names, "config2");
    event->sample_type = read_u64(L, names, "sample_type");
    if (event->type == PERF_TYPE_BREAKPOINT)
        read_breakpoint(L, names, event);
    read_rate(L, names, event);
    event->precise_ip = (unsigned)lbpf_args_in_range(L, names, "precise_ip", 0, 0, 3) & 3;
    event->inherit = lbpf_args_boolean(L, names, "inherit");
    event->pinned = lbpf_args_boolean(L, names, "pinned");
    event->exclusive = lbpf_args_boolean(L, names, "exclusive");
    event->exclude_user = lbpf_args_boolean(L, names, "exclude_user");
    event->exclude_kernel = lbpf_args_boolean(L, names, "exclude_kernel");
    event->exclude_hv = lbpf_args_boolean(L, names, "exclude_hv");
    event->exclude_idle = lbpf_args_boolean(L, names, "exclude_idle");
    event->exclude_host = lbpf_args_boolean(L, names, "exclude_host");
    event->exclude_guest = lbpf_args_boolean(L, names, "exclude_guest");
    event->exclude_callchain_kernel = lbpf_args_boolean(L, names, "exclude_callchain_kernel");
    event->exclude_callchain_user = lbpf_args_boolean(L, names, "exclude_callchain_user");
}

static int bpf_attach_perf_event_raw(lua_State *L)
{
    struct lbpf_perf_event_options options = {.is_raw = true};

    lbpf_bpf_check(L, 1);
    lbpf_args_collect(L, 2, &raw_options);
    options.function = lbpf_args_required(L, &raw_options, "fn_name");
    read_place(L, &raw_options, &options);
    if (lua_getfield(L, -1, "attr") != LUA_TTABLE)
        return lbpf_misuse(L, "attach_perf_event_raw: option 'attr' must be a table like "
                              "{type =, config =, sample_period =}");
    lbpf_args_collect(L, lua_gettop(L), &attr_options);
    read_attr(L, &options.event);
    return attach(L, &options);
}

/* The same type and config on whatever process and CPU. */
static int bpf_detach_perf_event(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_perf_event_options options = {0};
    struct lbpf_error error = {0};
    char target[512];

    lbpf_args_collect(L, 2, &detach_options);
    options.event.type = read_type(L, &detach_options, "ev_type");
    options.event.config = read_u64(L, &detach_options, "ev_config");
    options.event.bp_addr = read_u64(L, &detach_options, "bp_addr");
    options.cgroup = lbpf_args_string(L, &detach_options, "cgroup", NULL);
    if (lbpf_perf_event_target(&options, target, sizeof target))
        return lbpf_misuse(L, "detach_perf_event: the cgroup's path is too long");
    return lbpf_attach_give_detached(
        L, lbpf_session_detach(bpf->session, LBPF_LINK_PERF_EVENT, target, NULL, &error), &error);
}

void lbpf_attach_perf_methods(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"attach_perf_event", bpf_attach_perf_event},
        {"attach_perf_event_raw", bpf_attach_perf_event_raw},
        {"detach_perf_event", bpf_detach_perf_event},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
}
