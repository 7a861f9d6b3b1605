-- stackcount: count the stacks that lead to a function, tracepoint or static probe

local stack_report = require("bpf.stack_report")
local targets = require("bpf.targets")
local tool = require("bpf.tool")

local parser = tool.parser("stackcount",
  "Count the stacks that lead to functions, tracepoints or static probes.", "process_long_command")
targets.options(parser)
parser:option("-c --cpu", "Only on this CPU."):convert(tool.whole)
parser:flag("-P --perpid", "With -K, too, count each process by itself.")
parser:option("-D", "The same as --duration."):argname("<s>"):target("duration")
  :convert(tool.number)
parser:flag("-v --addresses --verbose", "Show the addresses, too.")
stack_report.options(parser)
local options = parser:parse()

local program = [[
struct hit {
    u64 place;
    struct stack stack;
};

BPF_HASH(counts, struct hit, u64, STACKS);
BPF_ARRAY(others, u64, 1);

static inline int hit(void *ctx, u64 place)
{
    struct hit hit = {.place = place};
    u64 zero = 0, *count;
    if (!wanted())
        return 0;
#ifdef CPU
    if (bpf_get_smp_processor_id() != CPU)
        return 0;
#endif
    stack_take(ctx, &hit.stack);
#ifdef TOGETHER
    hit.stack.pid = 0;
    __builtin_memset(hit.stack.comm, 0, sizeof(hit.stack.comm));
#endif
    count = counts.lookup_or_try_init(&hit, &zero);
    if (count)
        lock_xadd(count, 1);
    else
        others.atomic_increment(0);
    return 0;
}
]]

local together = options.kernel_stacks_only and not options.perpid and not options.name
local macros = stack_report.macros(options)
macros.CPU, macros.TOGETHER = options.cpu, together

local target = targets.parse(options.target, options)
local b <close> = tool.load(options, program .. target.program, macros, {
  prefix = stack_report.program, usdt_contexts = target.contexts,
})
local places = target:attach(b)

if not options.json and not options.folded then
  tool.write(("Counting stacks at %d place%s for %s. Ctrl-C ends.\n"):format(places,
    places == 1 and "" or "s", options.target))
end

local told = {} -- counts of earlier reports; deleting them from the table would lose some

local function new_counts()
  local items = {}
  for _, item in ipairs(b.counts:items()) do
    local key, count = item[1]:bytes(), item[2]
    if count ~= told[key] then items[#items + 1] = { item[1], count - (told[key] or 0) } end
    told[key] = count
  end
  return items
end

tool.report(options, function()
  if options.timestamp and not options.json then tool.write(os.date("%H:%M:%S"), "\n") end
  local records = stack_report.read(b, new_counts(), options, function(hit, count)
    local place = places > 1 and target:name(hit.place) or nil
    return { stack = hit.stack, count = count, place = place }
  end)
  for _, record in ipairs(together and records or {}) do record.comm, record.pid = nil, nil end
  stack_report.show(records, options, { unit = "count", title = "Stacks of " .. options.target })
  if b.others[0] > 0 then
    io.stderr:write(("%d hits found no room; give a larger --stack-storage-size than %d.\n")
      :format(b.others[0], options.stack_storage_size))
  end
end)
