#include "constants.h"

#include "lbpf.h"

#include <linux/if_link.h>
#include <linux/perf_event.h>

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

/* Of the kernel's enum bpf_attach_type, without their BPF_, as BCC has them. */
static void set_attach_types(lua_State *L, int index)
{
    static const struct constant attach_types[] = {
        {"CGROUP_INET_INGRESS", BPF_CGROUP_INET_INGRESS},
        {"CGROUP_INET_EGRESS", BPF_CGROUP_INET_EGRESS},
        {"CGROUP_INET_SOCK_CREATE", BPF_CGROUP_INET_SOCK_CREATE},
        {"CGROUP_SOCK_OPS", BPF_CGROUP_SOCK_OPS},
        {"SK_SKB_STREAM_PARSER", BPF_SK_SKB_STREAM_PARSER},
        {"SK_SKB_STREAM_VERDICT", BPF_SK_SKB_STREAM_VERDICT},
        {"CGROUP_DEVICE", BPF_CGROUP_DEVICE},
        {"SK_MSG_VERDICT", BPF_SK_MSG_VERDICT},
        {"CGROUP_INET4_BIND", BPF_CGROUP_INET4_BIND},
        {"CGROUP_INET6_BIND", BPF_CGROUP_INET6_BIND},
        {"CGROUP_INET4_CONNECT", BPF_CGROUP_INET4_CONNECT},
        {"CGROUP_INET6_CONNECT", BPF_CGROUP_INET6_CONNECT},
        {"CGROUP_INET4_POST_BIND", BPF_CGROUP_INET4_POST_BIND},
        {"CGROUP_INET6_POST_BIND", BPF_CGROUP_INET6_POST_BIND},
        {"CGROUP_UDP4_SENDMSG", BPF_CGROUP_UDP4_SENDMSG},
        {"CGROUP_UDP6_SENDMSG", BPF_CGROUP_UDP6_SENDMSG},
        {"LIRC_MODE2", BPF_LIRC_MODE2},
        {"FLOW_DISSECTOR", BPF_FLOW_DISSECTOR},
        {"CGROUP_SYSCTL", BPF_CGROUP_SYSCTL},
        {"CGROUP_UDP4_RECVMSG", BPF_CGROUP_UDP4_RECVMSG},
        {"CGROUP_UDP6_RECVMSG", BPF_CGROUP_UDP6_RECVMSG},
        {"CGROUP_GETSOCKOPT", BPF_CGROUP_GETSOCKOPT},
        {"CGROUP_SETSOCKOPT", BPF_CGROUP_SETSOCKOPT},
        {"TRACE_RAW_TP", BPF_TRACE_RAW_TP},
        {"TRACE_FENTRY", BPF_TRACE_FENTRY},
        {"TRACE_FEXIT", BPF_TRACE_FEXIT},
        {"MODIFY_RETURN", BPF_MODIFY_RETURN},
        {"LSM_MAC", BPF_LSM_MAC},
        {"TRACE_ITER", BPF_TRACE_ITER},
        {"CGROUP_INET4_GETPEERNAME", BPF_CGROUP_INET4_GETPEERNAME},
        {"CGROUP_INET6_GETPEERNAME", BPF_CGROUP_INET6_GETPEERNAME},
        {"CGROUP_INET4_GETSOCKNAME", BPF_CGROUP_INET4_GETSOCKNAME},
        {"CGROUP_INET6_GETSOCKNAME", BPF_CGROUP_INET6_GETSOCKNAME},
        {"XDP_DEVMAP", BPF_XDP_DEVMAP},
        {"CGROUP_INET_SOCK_RELEASE", BPF_CGROUP_INET_SOCK_RELEASE},
        {"XDP_CPUMAP", BPF_XDP_CPUMAP},
        {"SK_LOOKUP", BPF_SK_LOOKUP},
        {"XDP", BPF_XDP},
        {"SK_SKB_VERDICT", BPF_SK_SKB_VERDICT},
        {NULL, 0},
    };

    set(L, index, attach_types);
}

static void set_group(lua_State *L, int module, const char *name, const struct constant *constants)
{
    lua_newtable(L);
    set(L, lua_gettop(L), constants);
    lua_setfield(L, module, name);
}

static void set_perf_constants(lua_State *L, int module)
{
    static const struct constant types[] = {
        {"HARDWARE", PERF_TYPE_HARDWARE},
        {"SOFTWARE", PERF_TYPE_SOFTWARE},
        {"TRACEPOINT", PERF_TYPE_TRACEPOINT},
        {"HW_CACHE", PERF_TYPE_HW_CACHE},
        {"RAW", PERF_TYPE_RAW},
        {"BREAKPOINT", PERF_TYPE_BREAKPOINT},
        {NULL, 0},
    };
    static const struct constant hardware[] = {
        {"CPU_CYCLES", PERF_COUNT_HW_CPU_CYCLES},
        {"INSTRUCTIONS", PERF_COUNT_HW_INSTRUCTIONS},
        {"CACHE_REFERENCES", PERF_COUNT_HW_CACHE_REFERENCES},
        {"CACHE_MISSES", PERF_COUNT_HW_CACHE_MISSES},
        {"BRANCH_INSTRUCTIONS", PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
        {"BRANCH_MISSES", PERF_COUNT_HW_BRANCH_MISSES},
        {"BUS_CYCLES", PERF_COUNT_HW_BUS_CYCLES},
        {"STALLED_CYCLES_FRONTEND", PERF_COUNT_HW_STALLED_CYCLES_FRONTEND},
        {"STALLED_CYCLES_BACKEND", PERF_COUNT_HW_STALLED_CYCLES_BACKEND},
        {"REF_CPU_CYCLES", PERF_COUNT_HW_REF_CPU_CYCLES},
        {NULL, 0},
    };
    static const struct constant software[] = {
        {"CPU_CLOCK", PERF_COUNT_SW_CPU_CLOCK},
        {"TASK_CLOCK", PERF_COUNT_SW_TASK_CLOCK},
        {"PAGE_FAULTS", PERF_COUNT_SW_PAGE_FAULTS},
        {"CONTEXT_SWITCHES", PERF_COUNT_SW_CONTEXT_SWITCHES},
        {"CPU_MIGRATIONS", PERF_COUNT_SW_CPU_MIGRATIONS},
        {"PAGE_FAULTS_MIN", PERF_COUNT_SW_PAGE_FAULTS_MIN},
        {"PAGE_FAULTS_MAJ", PERF_COUNT_SW_PAGE_FAULTS_MAJ},
        {"ALIGNMENT_FAULTS", PERF_COUNT_SW_ALIGNMENT_FAULTS},
        {"EMULATION_FAULTS", PERF_COUNT_SW_EMULATION_FAULTS},
        {"DUMMY", PERF_COUNT_SW_DUMMY},
        {"BPF_OUTPUT", PERF_COUNT_SW_BPF_OUTPUT},
        {"CGROUP_SWITCHES", PERF_COUNT_SW_CGROUP_SWITCHES},
        {NULL, 0},
    };

    set_group(L, module, "PerfType", types);
    set_group(L, module, "PerfHWConfig", hardware);
    set_group(L, module, "PerfSWConfig", software);
}

/* BCC has them in its class BPF. */
static void set_xdp_constants(lua_State *L, int index)
{
    static const struct constant xdp[] = {
        {"XDP_ABORTED", XDP_ABORTED},
        {"XDP_DROP", XDP_DROP},
        {"XDP_PASS", XDP_PASS},
        {"XDP_TX", XDP_TX},
        {"XDP_REDIRECT", XDP_REDIRECT},
        {"XDP_FLAGS_UPDATE_IF_NOEXIST", XDP_FLAGS_UPDATE_IF_NOEXIST},
        {"XDP_FLAGS_SKB_MODE", XDP_FLAGS_SKB_MODE},
        {"XDP_FLAGS_DRV_MODE", XDP_FLAGS_DRV_MODE},
        {"XDP_FLAGS_HW_MODE", XDP_FLAGS_HW_MODE},
        {"XDP_FLAGS_REPLACE", XDP_FLAGS_REPLACE},
        {NULL, 0},
    };

    set(L, index, xdp);
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
        {"LWT_SEG6LOCAL", BPF_PROG_TYPE_LWT_SEG6LOCAL},
        {"SK_REUSEPORT", BPF_PROG_TYPE_SK_REUSEPORT},
        {"FLOW_DISSECTOR", BPF_PROG_TYPE_FLOW_DISSECTOR},
        {"CGROUP_SYSCTL", BPF_PROG_TYPE_CGROUP_SYSCTL},
        {"RAW_TRACEPOINT_WRITABLE", BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE},
        {"SK_LOOKUP", BPF_PROG_TYPE_SK_LOOKUP},
        {"SYSCALL", BPF_PROG_TYPE_SYSCALL},
        {NULL, 0},
    };

    set(L, module, debug_flags);
    set(L, statics, program_types);
    set_perf_constants(L, module);
    set_xdp_constants(L, module);
    set_xdp_constants(L, statics);
    lua_newtable(L);
    set_attach_types(L, lua_gettop(L));
    lua_setfield(L, module, "BPFAttachType");
}
