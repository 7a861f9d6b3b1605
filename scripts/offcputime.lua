-- offcputime: show where threads wait, and for how long, by stack
--
-- A thread that leaves the CPU leaves its time and its stack; the same thread on its way back adds
-- the time between to that stack. It is told by switches alone, so that a short wait costs little.

local stack_report = require("bpf.stack_report")
local tool = require("bpf.tool")

local parser = tool.parser("offcputime", "Show where threads wait, and for how long, by stack.",
  "processes")
parser:option("-t --tid", "Only these threads, as 181,185."):convert(tool.ids)
parser:mutex(
  parser:flag("-u --user-threads-only", "No threads of the kernel."),
  parser:flag("-k --kernel-threads-only", "Only threads of the kernel."))
parser:option("-m --min-block-time", "Leave out shorter waits, in microseconds.")
  :convert(tool.whole):default("1")
parser:option("-M --max-block-time", "Leave out longer waits, in microseconds.")
  :convert(tool.whole)
parser:option("--state", "Only waits in these states, a mask; 2 is uninterruptible.")
  :convert(tool.whole)
stack_report.options(parser)
parser:argument("seconds", "The same as --duration."):args("?"):convert(tool.number)
local options = parser:parse()
options.duration = options.duration or options.seconds

local program = [[
struct left_t {
    u64 time_ns;
    struct stack stack;
};

BPF_HASH(left, u32, struct left_t, 65536); // by thread
BPF_HASH(waited_ns, struct stack, u64, STACKS);
BPF_ARRAY(others_ns, u64, 1);

// Whether a thread's waits are wanted; it runs at this moment.
static inline bool is_wanted(u64 id)
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    if ((u32)id == 0 || !wanted())
        return false;
#ifdef USER_THREADS
    if (task->flags & PF_KTHREAD)
        return false;
#endif
#ifdef KERNEL_THREADS
    if (!(task->flags & PF_KTHREAD))
        return false;
#endif
    return true;
}

static inline void add(u32 thread)
{
    struct left_t *since = left.lookup(&thread);
    u64 zero = 0, *sum, wait_ns;
    if (!since)
        return;
    wait_ns = bpf_ktime_get_ns() - since->time_ns;
    if (wait_ns >= MIN_NS && wait_ns <= MAX_NS) {
        sum = waited_ns.lookup_or_try_init(&since->stack, &zero);
        if (sum)
            lock_xadd(sum, wait_ns);
        else
            others_ns.atomic_increment(0, wait_ns);
    }
    left.delete(&thread);
}

TRACEPOINT_PROBE(sched, sched_switch)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 thread = id;
    bool is_dead = args->prev_state & 0x30; // it never comes back, another gets its number
    if (is_wanted(id) && !is_dead && (STATES == 0 || args->prev_state & STATES)) {
        struct left_t now = { .time_ns = bpf_ktime_get_ns() };
        stack_take(args, &now.stack);
        left.update(&thread, &now);
    }
    add(args->next_pid);
    return 0;
}
]]

local macros = stack_report.macros(options)
macros.USER_THREADS, macros.KERNEL_THREADS = options.user_threads_only, options.kernel_threads_only
macros.PF_KTHREAD = "0x200000"
macros.STATES = options.state or "0"
macros.MIN_NS = options.min_block_time * 1000 .. "ULL"
macros.MAX_NS = options.max_block_time and options.max_block_time * 1000 .. "ULL" or "(~0ULL)"

local b <close> = tool.load(options, program, macros, { prefix = stack_report.program })

if not options.json and not options.folded then
  tool.write("Tracing waits (microseconds). ", options.duration
    and ("Ends after %g s.\n"):format(options.duration) or "Ctrl-C ends and shows the stacks.\n")
end

tool.report(options, function()
  local records = stack_report.read(b, b.waited_ns:items(), options, function(stack, ns)
    return { stack = stack, count = ns }
  end)
  for _, record in ipairs(records) do record.count = record.count // 1000 end
  stack_report.show(records, options,
    { unit = "microseconds", title = "Time off CPU", colors = "io" })
  if b.others_ns[0] > 0 then
    io.stderr:write(("%d us of waits found no room; give a larger --stack-storage-size than %d.\n")
      :format(b.others_ns[0] // 1000, options.stack_storage_size))
  end
end)
