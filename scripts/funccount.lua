-- funccount: count the calls of functions, tracepoints and static probes

local bpf = require("bpf")
local targets = require("bpf.targets")
local tool = require("bpf.tool")

local parser = tool.parser("funccount",
  "Count the calls of functions, tracepoints and static probes.", "process_long_command")
targets.options(parser)
parser:option("-c --cpu", "Only on this CPU."):convert(tool.whole)
parser:option("--top", "Show only so many of the most frequent."):convert(tool.whole)
parser:flag("-D", "The same as --debug."):target("debug")
local options = parser:parse()

local program = [[
BPF_HASH(counts, u64, u64, 65536);

static inline int hit(void *ctx, u64 place)
{
    if (!wanted())
        return 0;
#ifdef CPU
    if (bpf_get_smp_processor_id() != CPU)
        return 0;
#endif
    counts.atomic_increment(place);
    return 0;
}
]]

local target = targets.parse(options.target, options)
local b <close> = tool.load(options, program .. target.program, { CPU = options.cpu },
  { usdt_contexts = target.contexts })
local places = target:attach(b)

if not options.json then
  tool.write(("Counting at %d place%s for %s. Ctrl-C ends.\n"):format(places,
    places == 1 and "" or "s", options.target))
end

local function show(time, name, count)
  if options.json then
    tool.write_json({ time = time, name = name, count = count }, { "time", "name", "count" })
  else
    tool.write(("%-44s %s\n"):format(name, bpf.u64(count)))
  end
end

local told = {} -- counts of earlier reports; deleting them from the table would lose some

local function new_counts()
  local items = {}
  for _, item in ipairs(b.counts:items()) do
    local place, count = item[1], item[2]
    if count ~= told[place] then items[#items + 1] = { place, count - (told[place] or 0) } end
    told[place] = count
  end
  return items
end

tool.report(options, function()
  local time = options.timestamp and os.date("%H:%M:%S") or nil
  local items = new_counts()
  table.sort(items, function(x, y) return math.ult(y[2], x[2]) end)
  if not options.json then
    tool.write("\n", time and time .. "\n" or "", ("%-44s COUNT\n"):format("NAME"))
  end
  for i = 1, math.min(#items, options.top or #items) do
    show(time, target:name(items[i][1]), items[i][2])
  end
end)
