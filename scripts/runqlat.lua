-- runqlat: histogram of the time that threads wait for a processor
--
-- From the moment a thread wakes up, or has to give its processor to another one though it could go
-- on, until it runs.

local bpf = require("bpf")
local tool = require("bpf.tool")

local parser = tool.parser("runqlat", "Histogram of the time that threads wait for a processor.",
  "pid interval")
parser:flag("-T --timestamp", "Show the time of day with each report.")
parser:flag("-m --milliseconds", "Milliseconds instead of microseconds.")
parser:mutex(
  parser:flag("-P --pids", "A histogram for each process."),
  parser:flag("-L --tids", "A histogram for each thread."))
local options = parser:parse()

local program = [[
struct key_t {
    u64 id;
    u64 slot;
};

BPF_HASH(starts, u32, u64, 65536); // by thread
#ifdef BUCKET
BPF_HISTOGRAM(latencies, struct key_t, 65536);
#else
BPF_HISTOGRAM(latencies);
#endif

static inline int begin(struct task_struct *task)
{
    u32 tid = task->pid;
    u64 now = bpf_ktime_get_ns();
#ifdef PID
    if (task->tgid != PID)
        return 0;
#endif
    if (tid != 0) // of the idle threads
        starts.update(&tid, &now);
    return 0;
}

RAW_TRACEPOINT_PROBE(sched_wakeup)
{
    return begin((struct task_struct *)ctx->args[0]);
}

RAW_TRACEPOINT_PROBE(sched_wakeup_new)
{
    return begin((struct task_struct *)ctx->args[0]);
}

RAW_TRACEPOINT_PROBE(sched_switch)
{
    struct task_struct *before = (struct task_struct *)ctx->args[1];
    struct task_struct *after = (struct task_struct *)ctx->args[2];
    bool is_preempted = ctx->args[0];
    if (is_preempted || before->__state == 0 /* TASK_RUNNING */)
        begin(before);

    u32 tid = after->pid;
    u64 *start = starts.lookup(&tid);
    if (!start)
        return 0;
    u64 slot = bpf_log2l((bpf_ktime_get_ns() - *start) / UNIT);
    starts.delete(&tid);
#ifdef BUCKET
    struct key_t key = {.id = after->BUCKET, .slot = slot};
    latencies.atomic_increment(key);
#else
    latencies.atomic_increment(slot);
#endif
    return 0;
}
]]

local b <close> = bpf.BPF{
  text = program,
  cflags = tool.define{
    PID = options.pid, UNIT = options.milliseconds and 1000000 or 1000,
    BUCKET = options.pids and "tgid" or options.tids and "pid",
  },
}

if not options.json then print("Tracing the wait for processors. Ctrl-C ends.") end
tool.report(options, function()
  if options.timestamp and not options.json then print(os.date("%H:%M:%S")) end
  tool.print_histogram(b.latencies, options, {
    val_type = options.milliseconds and "msecs" or "usecs",
    section_header = options.tids and "tid" or "pid",
  })
end)
