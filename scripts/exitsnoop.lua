-- exitsnoop: show each process that ends, how old it was, and with what result

local tool = require("bpf.tool")

local parser = tool.parser("exitsnoop", "Show each process that ends, its age, and its result.",
  "process time")
parser:flag("-x --failed", "Show only those that ended with a status other than 0, or a signal.")
parser:flag("--per-thread", "Show each thread that ends.")
parser:flag("--utc", "Show the time of day as UTC (with or without -T).")
parser:option("--label", "Show this text in each line."):argname("<text>")
local options = parser:parse()
options.time = options.time or options.utc

local program = [[
struct event_t {
    u64 time_ns, age_ns;
    u32 pid, tid, ppid;
    int code; // as wait() gives it
    char comm[TASK_COMM_LEN];
};

BPF_PERF_OUTPUT(events);

TRACEPOINT_PROBE(sched, sched_process_exit)
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    if (!wanted())
        return 0;
#ifndef PER_THREAD
    if (task->signal->live.counter) // other threads go on, whether or not this was the first one
        return 0;
#endif
#ifdef FAILED
    if (!task->exit_code)
        return 0;
#endif
    struct event_t event = {
        .time_ns = bpf_ktime_get_ns(),
        .pid = task->tgid,
        .tid = task->pid,
        .ppid = task->real_parent->tgid,
        .code = task->exit_code,
    };
    event.age_ns = event.time_ns - AGED->start_time;
    bpf_get_current_comm(&event.comm, sizeof(event.comm));
    events.perf_submit(args, &event, sizeof(event));
    return 0;
}
]]

local b <close> = tool.load(options, program, {
  FAILED = options.failed, PER_THREAD = options.per_thread,
  AGED = options.per_thread and "task" or "task->group_leader",
})

local function result(_, record)
  if not record.signal then return tostring(record.status) end
  return ("signal %d%s"):format(record.signal, record.core_dumped and " (core dumped)" or "")
end

local function record_of(event)
  local record, signal = event:totable(), event.code & 0x7f
  record.label = options.label
  if signal == 0 then
    record.status = event.code >> 8
  else
    record.signal, record.core_dumped = signal, event.code & 0x80 ~= 0
  end
  return record
end

tool.show(b.events, options, {
  "time_ns",
  options.label and { "LABEL", "%-10s", "label" } or "label",
  { "COMM", "%-16s", "comm" },
  { "PID", "%-7d", "pid" },
  { "PPID", "%-7d", "ppid" },
  { "TID", "%-7d", "tid" },
  { "AGE(s)", "%9.3f", "age_ns", 1e-9 },
  { "RESULT", "%s", "status", result },
  "signal", "core_dumped",
}, record_of)
tool.poll(b, options)
