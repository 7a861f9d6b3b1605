-- funclatency: show how long calls of functions take, as a histogram
--
-- Each thread has a stack of starting times for each function, so that functions which call
-- themselves are timed call by call.

local targets = require("bpf.targets")
local tool = require("bpf.tool")

local parser = tool.parser("funclatency", "Show how long calls of functions take, as a histogram.",
  "process")
targets.options(parser, "FUNCTION of the kernel or LIBRARY:FUNCTION")
parser:mutex(
  parser:flag("-u --microseconds", "A histogram of microseconds instead of nanoseconds."),
  parser:flag("-m --milliseconds", "A histogram of milliseconds."))
parser:mutex(
  parser:flag("-F --function", "A histogram for each function."),
  parser:flag("-P --process", "A histogram for each process."))
parser:flag("-v --verbose", "The same as --debug."):target("debug")
local options = parser:parse()

local program = [[
#define NESTED 16 // calls of one function in itself that are timed; deeper ones are not

struct call { u64 place; u32 thread, zero; };
struct calls { u32 depth; u64 start_ns[NESTED]; };
struct slot { u64 bucket, slot; };
struct sum { u64 count, total_ns; };

BPF_F_TABLE("hash", struct call, struct calls, calls, 65536, BPF_F_NO_PREALLOC);
BPF_HISTOGRAM(latency, struct slot, 65536);
BPF_ARRAY(sums, struct sum, 1);
static const struct calls none;

static inline int hit(void *ctx, u64 place)
{
    u64 id = bpf_get_current_pid_tgid();
    struct call key = {.place = place, .thread = id};
    struct calls *open;
    if (!wanted())
        return 0;
    open = calls.lookup_or_try_init(&key, (struct calls *)&none);
    if (!open)
        return 0;
    if (open->depth < NESTED)
        open->start_ns[open->depth & (NESTED - 1)] = bpf_ktime_get_ns();
    open->depth++;
    return 0;
}

static inline int leave(u64 place)
{
    u64 now = bpf_ktime_get_ns(), id = bpf_get_current_pid_tgid(), ns;
    struct call key = {.place = place, .thread = id};
    struct calls *open = calls.lookup(&key);
    struct slot slot = {.bucket = BUCKET};
    u32 depth, first = 0;
    struct sum *sum = sums.lookup(&first);
    if (!open || !sum)
        return 0;
    depth = --open->depth;
    ns = now - open->start_ns[depth & (NESTED - 1)];
    if (depth == 0)
        calls.delete(&key);
    if (depth >= NESTED)
        return 0;
    lock_xadd(&sum->count, 1);
    lock_xadd(&sum->total_ns, ns);
    slot.slot = bpf_log2l(ns / UNIT);
    latency.atomic_increment(slot);
    return 0;
}

int on_return(struct pt_regs *ctx)
{
    return leave(PLACE);
}
]]

local target = targets.parse(options.target, options)
if target.kind ~= "kernel" and target.kind ~= "user" then
  parser:error(options.target .. " is no function; only calls of functions have an end")
end

local unit, divisor = "nsecs", 1
if options.microseconds then unit, divisor = "usecs", 1000 end
if options.milliseconds then unit, divisor = "msecs", 1000000 end

local b <close> = tool.load(options, program .. target.program, {
  UNIT = divisor,
  BUCKET = options["function"] and "place" or options.process and "id>>32" or "0",
  PLACE = target.kind == "kernel" and "bpf_get_func_ip(ctx)" or "bpf_get_attach_cookie(ctx)",
})
-- Returns first: then no call is seen to begin that is not seen to end.
target:attach(b, "on_return", true)
local places = target:attach(b)

if not options.json then
  tool.write(("Timing %d function%s for %s. Ctrl-C ends.\n"):format(places,
    places == 1 and "" or "s", options.target))
end

local settings = { val_type = unit }
if options["function"] then
  settings.section_header = "Function"
  settings.section_print_fn = function(place) return target:name(place) end
elseif options.process then
  settings.section_header = "Process"
else
  settings.section_header = "Target" -- one histogram, of all
  settings.section_print_fn = function() return options.target end
end

tool.report(options, function()
  if options.timestamp and not options.json then tool.write(os.date("%H:%M:%S"), "\n") end
  local sum = b.sums[0]
  local count, total_ns = sum.count, sum.total_ns
  tool.print_histogram(b.latency, options, settings)
  if count > 0 and not options.json then tool.print_sum(options, count, total_ns, unit) end
  b.sums:zero()
end)
