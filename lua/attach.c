/* Attaching and detaching: option tables to core's option structs. */
#include "attach.h"
#include "args.h"
#include "bpf.h"
#include "class.h"
#include "errors.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>

/* Exactly one of two string options; gives the first, which is NULL when the second is there. */
static const char *one_of(lua_State *L, const struct lbpf_options *options, const char *name,
                          const char *other, const char **other_text)
{
    const char *text = lbpf_args_string(L, options, name, NULL);

    *other_text = lbpf_args_string(L, options, other, NULL);
    if (text && !*text)
        text = NULL;
    if (*other_text && !**other_text)
        *other_text = NULL;
    if (!text && !*other_text)
        lbpf_misuse(L, "%s: option '%s' or '%s' is missing", options->function, name, other);
    if (text && *other_text)
        lbpf_misuse(L, "%s: options '%s' and '%s' exclude each other", options->function, name,
                    other);
    return text;
}

/* ---- kprobes -------------------------------------------------------------------------------- */

static const char *const kprobe_names[] = {"event",    "event_off", "fn_name",
                                           "event_re", "mechanism", NULL};
static const struct lbpf_options kprobe_options = {"attach_kprobe", kprobe_names};
static const char *const kretprobe_names[] = {"event",     "fn_name",   "event_re",
                                              "maxactive", "mechanism", NULL};
static const struct lbpf_options kretprobe_options = {"attach_kretprobe", kretprobe_names};
static const char *const detach_names[] = {"event", "fn_name", NULL};
static const struct lbpf_options detach_kprobe_options = {"detach_kprobe", detach_names};
static const struct lbpf_options detach_kretprobe_options = {"detach_kretprobe", detach_names};

static int bpf_attach_kprobe(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_kprobe_options options = {0};
    struct lbpf_error error = {0};
    struct lbpf_link *link = NULL;
    int result;

    lbpf_args_collect(L, 2, &kprobe_options);
    options.function = lbpf_args_required(L, &kprobe_options, "fn_name");
    options.event = one_of(L, &kprobe_options, "event", "event_re", &options.event_re);
    options.offset = (uint64_t)lbpf_args_in_range(L, &kprobe_options, "event_off", 0, 0, LLONG_MAX);
    options.mechanism = lbpf_args_string(L, &kprobe_options, "mechanism", NULL);
    result = lbpf_session_attach_kprobe(bpf->session, &options, &link, &error);
    return lbpf_attach_give_link(L, bpf, result, link, &error);
}

static int bpf_attach_kretprobe(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_kprobe_options options = {.is_return = true};
    struct lbpf_error error = {0};
    struct lbpf_link *link = NULL;
    int result;

    lbpf_args_collect(L, 2, &kretprobe_options);
    options.function = lbpf_args_required(L, &kretprobe_options, "fn_name");
    options.event = one_of(L, &kretprobe_options, "event", "event_re", &options.event_re);
    options.max_active =
        (unsigned)lbpf_args_in_range(L, &kretprobe_options, "maxactive", 0, 0, INT_MAX);
    options.mechanism = lbpf_args_string(L, &kretprobe_options, "mechanism", NULL);
    result = lbpf_session_attach_kprobe(bpf->session, &options, &link, &error);
    return lbpf_attach_give_link(L, bpf, result, link, &error);
}

static int detach_kprobe(lua_State *L, enum lbpf_link_family family,
                         const struct lbpf_options *names)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_error error = {0};
    const char *event, *function;

    lbpf_args_collect(L, 2, names);
    event = lbpf_args_required(L, names, "event");
    function = lbpf_args_string(L, names, "fn_name", NULL);
    return lbpf_attach_give_detached(
        L, lbpf_session_detach(bpf->session, family, event, function, &error), &error);
}

static int bpf_detach_kprobe(lua_State *L)
{
    return detach_kprobe(L, LBPF_LINK_KPROBE, &detach_kprobe_options);
}

static int bpf_detach_kretprobe(lua_State *L)
{
    return detach_kprobe(L, LBPF_LINK_KRETPROBE, &detach_kretprobe_options);
}

/* ---- uprobes -------------------------------------------------------------------------------- */

static const char *const uprobe_names[] = {"name", "sym",     "sym_re",    "addr", "fn_name",
                                           "pid",  "sym_off", "mechanism", NULL};
static const struct lbpf_options uprobe_options = {"attach_uprobe", uprobe_names};
static const char *const uretprobe_names[] = {"name",    "sym", "sym_re",    "addr",
                                              "fn_name", "pid", "mechanism", NULL};
static const struct lbpf_options uretprobe_options = {"attach_uretprobe", uretprobe_names};
static const char *const detach_uprobe_names[] = {"name",    "sym",    "addr", "pid",
                                                  "sym_off", "sym_re", NULL};
static const struct lbpf_options detach_uprobe_options = {"detach_uprobe", detach_uprobe_names};
static const char *const detach_uretprobe_names[] = {"name", "sym", "addr", "pid", "sym_re", NULL};
static const struct lbpf_options detach_uretprobe_options = {"detach_uretprobe",
                                                             detach_uretprobe_names};

/* What names the place, for attaching and detaching alike. */
static void read_place(lua_State *L, const struct lbpf_options *names,
                       struct lbpf_uprobe_options *options)
{
    options->path = lbpf_args_required(L, names, "name");
    options->symbol = lbpf_args_string(L, names, "sym", NULL);
    options->symbol_re = lbpf_args_string(L, names, "sym_re", NULL);
    if (options->symbol && !*options->symbol)
        options->symbol = NULL;
    if (options->symbol_re && !*options->symbol_re)
        options->symbol_re = NULL;
    options->has_address = lbpf_args_has(L, "addr");
    options->address = (uint64_t)lbpf_args_integer(L, names, "addr", 0);
    options->pid = (pid_t)lbpf_args_in_range(L, names, "pid", -1, -1, INT_MAX);
    options->offset = (uint64_t)lbpf_args_in_range(L, names, "sym_off", 0, 0, LLONG_MAX);
    if ((options->symbol != NULL) + (options->symbol_re != NULL) + options->has_address != 1)
        lbpf_misuse(L, "%s: exactly one of 'sym', 'sym_re' and 'addr' has to be given",
                    names->function);
    if (options->offset && options->has_address)
        lbpf_misuse(L, "%s: offset with addr is not supported", names->function);
}

static int attach_uprobe(lua_State *L, bool is_return, const struct lbpf_options *names)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_uprobe_options options = {.is_return = is_return};
    struct lbpf_error error = {0};
    struct lbpf_link *link = NULL;
    int result;

    lbpf_args_collect(L, 2, names);
    options.function = lbpf_args_required(L, names, "fn_name");
    options.mechanism = lbpf_args_string(L, names, "mechanism", NULL);
    read_place(L, names, &options);
    result = lbpf_session_attach_uprobe(bpf->session, &options, &link, &error);
    return lbpf_attach_give_link(L, bpf, result, link, &error);
}

static int bpf_attach_uprobe(lua_State *L)
{
    return attach_uprobe(L, false, &uprobe_options);
}

static int bpf_attach_uretprobe(lua_State *L)
{
    return attach_uprobe(L, true, &uretprobe_options);
}

static int detach_uprobe(lua_State *L, enum lbpf_link_family family,
                         const struct lbpf_options *names)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_uprobe_options options = {.is_return = family == LBPF_LINK_URETPROBE};
    struct lbpf_error error = {0};

    lbpf_args_collect(L, 2, names);
    read_place(L, names, &options);
    return lbpf_attach_give_detached(L, lbpf_session_detach_uprobe(bpf->session, &options, &error),
                                     &error);
}

static int bpf_detach_uprobe(lua_State *L)
{
    return detach_uprobe(L, LBPF_LINK_UPROBE, &detach_uprobe_options);
}

static int bpf_detach_uretprobe(lua_State *L)
{
    return detach_uprobe(L, LBPF_LINK_URETPROBE, &detach_uretprobe_options);
}

/* ---- tracepoints ---------------------------------------------------------------------------- */

static const char *const tracepoint_names[] = {"tp", "tp_re", "fn_name", NULL};
static const struct lbpf_options tracepoint_options = {"attach_tracepoint", tracepoint_names};
static const char *const raw_tracepoint_names[] = {"tp", "fn_name", NULL};
static const struct lbpf_options raw_tracepoint_options = {"attach_raw_tracepoint",
                                                           raw_tracepoint_names};
static const char *const detach_tracepoint_names[] = {"tp", NULL};
static const struct lbpf_options detach_tracepoint_options = {"detach_tracepoint",
                                                              detach_tracepoint_names};
static const struct lbpf_options detach_raw_tracepoint_options = {"detach_raw_tracepoint",
                                                                  detach_tracepoint_names};

static int bpf_attach_tracepoint(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_tracepoint_options options = {0};
    struct lbpf_error error = {0};
    struct lbpf_link *link = NULL;
    int result;

    lbpf_args_collect(L, 2, &tracepoint_options);
    options.function = lbpf_args_required(L, &tracepoint_options, "fn_name");
    options.name = one_of(L, &tracepoint_options, "tp", "tp_re", &options.name_re);
    result = lbpf_session_attach_tracepoint(bpf->session, &options, &link, &error);
    return lbpf_attach_give_link(L, bpf, result, link, &error);
}

static int bpf_attach_raw_tracepoint(lua_State *L)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_tracepoint_options options = {0};
    struct lbpf_error error = {0};
    struct lbpf_link *link = NULL;
    int result;

    lbpf_args_collect(L, 2, &raw_tracepoint_options);
    options.function = lbpf_args_required(L, &raw_tracepoint_options, "fn_name");
    options.name = lbpf_args_required(L, &raw_tracepoint_options, "tp");
    result = lbpf_session_attach_raw_tracepoint(bpf->session, &options, &link, &error);
    return lbpf_attach_give_link(L, bpf, result, link, &error);
}

static int detach_tracepoint(lua_State *L, enum lbpf_link_family family,
                             const struct lbpf_options *names)
{
    struct lbpf_bpf *bpf = lbpf_bpf_check(L, 1);
    struct lbpf_error error = {0};
    const char *name;

    lbpf_args_collect(L, 2, names);
    name = lbpf_args_required(L, names, "tp");
    return lbpf_attach_give_detached(
        L, lbpf_session_detach(bpf->session, family, name, NULL, &error), &error);
}

static int bpf_detach_tracepoint(lua_State *L)
{
    return detach_tracepoint(L, LBPF_LINK_TRACEPOINT, &detach_tracepoint_options);
}

static int bpf_detach_raw_tracepoint(lua_State *L)
{
    return detach_tracepoint(L, LBPF_LINK_RAW_TRACEPOINT, &detach_raw_tracepoint_options);
}

/* ---- counting ------------------------------------------------------------------------------- */

static int push_open(lua_State *L, enum lbpf_link_family entry, enum lbpf_link_family exit)
{
    const struct lbpf_session *session = lbpf_bpf_check(L, 1)->session;
    size_t count = lbpf_session_open_count(session, entry);

    if (exit != entry)
        count += lbpf_session_open_count(session, exit);
    lua_pushinteger(L, (lua_Integer)count);
    return 1;
}

static int bpf_num_open_kprobes(lua_State *L)
{
    return push_open(L, LBPF_LINK_KPROBE, LBPF_LINK_KRETPROBE);
}

static int bpf_num_open_uprobes(lua_State *L)
{
    return push_open(L, LBPF_LINK_UPROBE, LBPF_LINK_URETPROBE);
}

static int bpf_num_open_tracepoints(lua_State *L)
{
    return push_open(L, LBPF_LINK_TRACEPOINT, LBPF_LINK_TRACEPOINT);
}

void lbpf_attach_methods(lua_State *L, int methods)
{
    static const luaL_Reg functions[] = {
        {"attach_kprobe", bpf_attach_kprobe},
        {"attach_kretprobe", bpf_attach_kretprobe},
        {"attach_uprobe", bpf_attach_uprobe},
        {"attach_uretprobe", bpf_attach_uretprobe},
        {"attach_tracepoint", bpf_attach_tracepoint},
        {"attach_raw_tracepoint", bpf_attach_raw_tracepoint},
        {"detach_kprobe", bpf_detach_kprobe},
        {"detach_kretprobe", bpf_detach_kretprobe},
        {"detach_uprobe", bpf_detach_uprobe},
        {"detach_uretprobe", bpf_detach_uretprobe},
        {"detach_tracepoint", bpf_detach_tracepoint},
        {"detach_raw_tracepoint", bpf_detach_raw_tracepoint},
        {"num_open_kprobes", bpf_num_open_kprobes},
        {"num_open_uprobes", bpf_num_open_uprobes},
        {"num_open_tracepoints", bpf_num_open_tracepoints},
        {NULL, NULL},
    };

    lbpf_class_add(L, methods, functions);
}
