#include "constants.h"

#include "lbpf.h"

struct constant {
    const char *name;
    lua_Integer value;
};

static void set(lua_State *L, int index, const struct constant *constants)
{
    for (; constants->name; constants++) {
        lua_pushinteger(L, constants->value);
        lua_setfield(L, index, constants->name);
    }
}

void lbpf_constants_set(lua_State *L, int module, int statics)
{
    static const struct constant debug_flags[] = {
        {"DEBUG_LLVM_IR", LBPF_DEBUG_LLVM_IR},
        {"DEBUG_BPF", LBPF_DEBUG_BPF},
        {"DEBUG_PREPROCESSOR", LBPF_DEBUG_PREPROCESSOR},
        {"DEBUG_SOURCE", LBPF_DEBUG_SOURCE},
        {"DEBUG_BPF_REGISTER_STATE", LBPF_DEBUG_BPF_REGISTER_STATE},
        {"DEBUG_BTF", LBPF_DEBUG_BTF},
        {NULL, 0},
    };
    static const struct constant program_types[] = {
        {"SOCKET_FILTER", BPF_PROG_TYPE_SOCKET_FILTER},
        {"KPROBE", BPF_PROG_TYPE_KPROBE},
        {"SCHED_CLS", BPF_PROG_TYPE_SCHED_CLS},
        {"SCHED_ACT", BPF_PROG_TYPE_SCHED_ACT},
        {"TRACEPOINT", BPF_PROG_TYPE_TRACEPOINT},
        {"XDP", BPF_PROG_TYPE_XDP},
        {"PERF_EVENT", BPF_PROG_TYPE_PERF_EVENT},
        {"CGROUP_SKB", BPF_PROG_TYPE_CGROUP_SKB},
        {"CGROUP_SOCK", BPF_PROG_TYPE_CGROUP_SOCK},
        {"LWT_IN", BPF_PROG_TYPE_LWT_IN},
        {"LWT_OUT", BPF_PROG_TYPE_LWT_OUT},
        {"LWT_XMIT", BPF_PROG_TYPE_LWT_XMIT},
        {"SOCK_OPS", BPF_PROG_TYPE_SOCK_OPS},
        {"SK_SKB", BPF_PROG_TYPE_SK_SKB},
        {"CGROUP_DEVICE", BPF_PROG_TYPE_CGROUP_DEVICE},
        {"SK_MSG", BPF_PROG_TYPE_SK_MSG},
        {"RAW_TRACEPOINT", BPF_PROG_TYPE_RAW_TRACEPOINT},
        {"CGROUP_SOCK_ADDR", BPF_PROG_TYPE_CGROUP_SOCK_ADDR},
        {"CGROUP_SOCKOPT", BPF_PROG_TYPE_CGROUP_SOCKOPT},
        {"TRACING", BPF_PROG_TYPE_TRACING},
        {"LSM", BPF_PROG_TYPE_LSM},
        {NULL, 0},
    };

    set(L, module, debug_flags);
    set(L, statics, program_types);
}
