-- runqlat: histogram of the time that threads wait for a processor
--
-- From the moment a thread wakes up, or has to give its processor to another one though it could go
-- on, until it runs.

local tool = require("bpf.tool")

local parser = tool.parser("runqlat", "Histogram of the time that threads wait for a processor.",
  "process interval")
parser:flag("-T --timestamp", "Show the time of day with each report.")
parser:flag("-m --milliseconds", "Milliseconds instead of microseconds.")
parser:mutex(
  parser:flag("-P --pids", "A histogram for each process."),
  parser:flag("-L --tids", "A histogram for each thread."),
  parser:flag("--pidnss", "A histogram for each PID namespace."))
local options = parser:parse()

local program = [[
struct key_t {
    u64 id;
    u64 slot;
};

BPF_HASH(starts, u32, u64, 65536); // by thread
#ifdef EACH
BPF_HISTOGRAM(latencies, struct key_t, 65536);
#else
BPF_HISTOGRAM(latencies);
#endif

static inline u64 id_of(struct task_struct *task)
{
#if defined(TIDS)
    return task->pid;
#elif defined(PIDNSS)
    return task->nsproxy->pid_ns_for_children->ns.inum;
#else
    return task->tgid;
#endif
}

static inline int begin(struct task_struct *task)
{
    u32 tid = task->pid;
    u64 now = bpf_ktime_get_ns();
    if (tid != 0 && wanted_task(task)) // 0: the idle threads
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
#ifdef EACH
    struct key_t key = {.id = id_of(after), .slot = slot};
    latencies.atomic_increment(key);
#else
    latencies.atomic_increment(slot);
#endif
    return 0;
}
]]

local b <close> = tool.load(options, program, {
  UNIT = options.milliseconds and 1000000 or 1000,
  EACH = options.pids or options.tids or options.pidnss, TIDS = options.tids,
  PIDNSS = options.pidnss,
}, { task = true })

if not options.json then print("Tracing the wait for processors. Ctrl-C ends.") end
tool.report(options, function()
  if options.timestamp and not options.json then print(os.date("%H:%M:%S")) end
  tool.print_histogram(b.latencies, options, {
    val_type = options.milliseconds and "msecs" or "usecs",
    section_header = options.tids and "tid" or options.pidnss and "pidns" or "pid",
  })
end)
