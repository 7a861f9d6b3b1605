-- killsnoop: show each signal that a process sends, to whom, and with what result
--
-- The system calls kill, tkill and tgkill; so also raise(), abort() and pthread_kill().

local tool = require("bpf.tool")

local parser = tool.parser("killsnoop", "Show each signal that a process sends.", "process time")
parser:flag("-x --failed", "Show only calls that failed.")
parser:option("-s --signal", "Only this signal, by number."):convert(tool.whole)
parser:option("--tpid", "Only signals to this process or thread."):convert(tool.whole)
local options = parser:parse()

local program = [[
struct event_t {
    u64 time_ns;
    u32 pid, tid;
    int target, signal, result;
    char comm[TASK_COMM_LEN];
};

BPF_HASH(calls, u32, struct event_t); // by thread
BPF_PERF_OUTPUT(events);

static inline int enter(int target, int signal)
{
    u64 id = bpf_get_current_pid_tgid();
    struct event_t event = {.pid = id >> 32, .tid = id, .target = target, .signal = signal};
    if (!wanted())
        return 0;
#ifdef TARGET
    if (target != TARGET)
        return 0;
#endif
#ifdef SIGNAL
    if (signal != SIGNAL)
        return 0;
#endif
    bpf_get_current_comm(&event.comm, sizeof(event.comm));
    calls.update(&event.tid, &event);
    return 0;
}

static inline int leave(void *ctx, int result)
{
    u32 tid = bpf_get_current_pid_tgid();
    struct event_t *event = calls.lookup(&tid);
    if (!event)
        return 0;
    event->time_ns = bpf_ktime_get_ns();
    event->result = result;
#ifdef FAILED
    if (result < 0)
#endif
        events.perf_submit(ctx, event, sizeof(*event));
    calls.delete(&tid);
    return 0;
}
]]

for _, call in ipairs{ "kill", "tkill", "tgkill" } do
  program = program .. ([[
    TRACEPOINT_PROBE(syscalls, sys_enter_@) { return enter(args->pid, args->sig); }
    TRACEPOINT_PROBE(syscalls, sys_exit_@) { return leave(args, args->ret); }
  ]]):gsub("@", call)
end

local b <close> = tool.load(options, program, {
  SIGNAL = options.signal, TARGET = options.tpid, FAILED = options.failed,
})

tool.show(b.events, options, {
  "time_ns",
  { "PID", "%-7d", "pid" },
  { "COMM", "%-16s", "comm" },
  { "SIG", "%-4d", "signal" },
  { "TARGET", "%-7d", "target" },
  { "RESULT", "%d", "result" },
})
tool.poll(b, options)
