-- gethostlatency: show each look-up of a host's name, and how long it took
--
-- User probes on the C library's getaddrinfo(), gethostbyname() and gethostbyname2(). Programs that
-- ask name servers by themselves, without the C library, are not seen.

local tool = require("bpf.tool")

local parser = tool.parser("gethostlatency",
  "Show each look-up of a host's name, and how long it took.", "process time")
parser:option("-l --library", "Library or program that has them, by name or path."):default("c")
local options = parser:parse()

local program = [[
struct event_t {
    u64 time_ns, latency_ns;
    u32 pid, tid;
    int error; // of getaddrinfo(): EAI_*
    char comm[TASK_COMM_LEN];
    char host[128];
};
struct call_t {
    u64 start_ns;
    const char *host;
};

BPF_HASH(calls, u32, struct call_t); // by thread
BPF_PERF_OUTPUT(events);

int on_call(struct pt_regs *ctx, const char *host)
{
    u32 tid = bpf_get_current_pid_tgid();
    if (!wanted())
        return 0;
    struct call_t call = {.start_ns = bpf_ktime_get_ns(), .host = host};
    calls.update(&tid, &call);
    return 0;
}

static inline int leave(struct pt_regs *ctx, int error)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;
    struct call_t *call = calls.lookup(&tid);
    if (!call)
        return 0;
    struct event_t event = {.time_ns = bpf_ktime_get_ns(), .pid = id >> 32, .tid = tid,
                            .error = error};
    event.latency_ns = event.time_ns - call->start_ns;
    bpf_get_current_comm(&event.comm, sizeof(event.comm));
    // Now the function has read it, so that it is in memory.
    bpf_probe_read_user_str(event.host, sizeof(event.host), call->host);
    calls.delete(&tid);
    events.perf_submit(ctx, &event, sizeof(event));
    return 0;
}

int on_error_return(struct pt_regs *ctx)
{
    return leave(ctx, PT_REGS_RC(ctx));
}

int on_pointer_return(struct pt_regs *ctx)
{
    return leave(ctx, PT_REGS_RC(ctx) ? 0 : -2); // EAI_NONAME stands for what h_errno says
}
]]

local b <close> = tool.load(options, program)
for _, name in ipairs{ "getaddrinfo", "gethostbyname", "gethostbyname2" } do
  local place = { name = options.library, sym = name, pid = options.pid }
  place.fn_name = name == "getaddrinfo" and "on_error_return" or "on_pointer_return"
  b:attach_uretprobe(place)
  place.fn_name = "on_call"
  b:attach_uprobe(place)
end

tool.show(b.events, options, {
  "time_ns",
  { "PID", "%-7d", "pid" },
  { "COMM", "%-16s", "comm" },
  { "LAT(ms)", "%9.3f", "latency_ns", 1e-6 },
  { "ERR", "%3d", "error" },
  { "HOST", "%s", "host" },
})
tool.poll(b, options)
