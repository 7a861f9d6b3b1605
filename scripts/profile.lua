-- profile: show where processors spend their time, by sampling stacks
--
-- A timer on each CPU runs the program 49 times a second, in whatever runs there. The odd number
-- keeps it out of step with work that is done each tenth or hundredth of a second.

local bpf = require("bpf")
local stack_report = require("bpf.stack_report")
local tool = require("bpf.tool")

local parser = tool.parser("profile", "Show where processors spend their time, by sampling stacks.",
  "processes_long_command")
parser:option("-L --tid", "Only these threads, as 181,185."):convert(tool.ids)
parser:mutex(
  parser:option("-F --frequency", "Samples a second on each CPU; 49 without this option.")
    :convert(tool.range(1, 1000000)),
  parser:option("-c --count", "A sample each so many nanoseconds of work instead.")
    :convert(tool.range(1, math.maxinteger)))
parser:option("-C --cpu", "Only this CPU."):convert(tool.whole)
parser:flag("-I --include-idle", "Count CPUs that have nothing to do, too.")
stack_report.options(parser)
parser:argument("seconds", "The same as --duration."):args("?"):convert(tool.number)
local options = parser:parse()
options.frequency = options.frequency or 49
options.duration = options.duration or options.seconds

local program = [[
BPF_HASH(counts, struct stack, u64, STACKS);
BPF_ARRAY(others, u64, 1);

int on_sample(struct bpf_perf_event_data *ctx)
{
    u64 id = bpf_get_current_pid_tgid();
    struct stack stack = {};
    u64 zero = 0, *count;
#ifndef IDLE
    if ((u32)id == 0)
        return 0;
#endif
    if (!wanted())
        return 0;
    stack_take(ctx, &stack);
    count = counts.lookup_or_try_init(&stack, &zero);
    if (count)
        lock_xadd(count, 1);
    else
        others.atomic_increment(0);
    return 0;
}
]]

local macros = stack_report.macros(options)
macros.IDLE = options.include_idle

local b <close> = tool.load(options, program, macros, { prefix = stack_report.program })
b:attach_perf_event{
  ev_type = bpf.PerfType.SOFTWARE, ev_config = bpf.PerfSWConfig.CPU_CLOCK,
  sample_freq = not options.count and options.frequency or nil,
  sample_period = options.count, cpu = options.cpu or -1, fn_name = "on_sample",
}

if not options.json and not options.folded then
  tool.write(options.count and ("Sampling each %d ns. "):format(options.count)
    or ("Sampling at %d Hz. "):format(options.frequency), options.duration
    and ("Ends after %g s.\n"):format(options.duration) or "Ctrl-C ends and shows the stacks.\n")
end

tool.report(options, function()
  local records = stack_report.read(b, b.counts:items(), options)
  stack_report.show(records, options, { unit = "samples", title = "Time on CPU" })
  if b.others[0] > 0 then
    io.stderr:write(("%d samples found no room; give a larger --stack-storage-size than %d.\n")
      :format(b.others[0], options.stack_storage_size))
  end
end)
