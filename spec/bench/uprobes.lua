-- Row P7 and what a hit costs by each mechanism of user probes, on the same function.
-- arg[1]: the folder of the built programs; arg[2]: calls per measurement; arg[3]: rounds.
local bpf <const> = require "bpf"
package.path = arg[0]:match("^(.*)/") .. "/../../?.lua;" .. package.path
local measure <const> = require "spec.bench.measure"

local folder <const>, rounds <const> = arg[1], tonumber(arg[3])
local calls <const> = tonumber(arg[2]) // 10 -- a hit takes microseconds
local program <const> = folder .. "/uprobes"
local places <const> = 70

local text <const> = [[
BPF_ARRAY(hits, u64, 1);
int on_call(struct pt_regs *ctx) { hits.atomic_increment(0); return 0; }
]]

local function milliseconds() return measure.number_of("date +%s%N") / 1e6 end

local function hit(method, mechanism)
  return function()
    local b <close> = bpf.BPF{text = text}
    local good <const>, e = pcall(b[method], b,
      {name = program, sym = "f10", fn_name = "on_call", mechanism = mechanism})
    if not good then return nil, e.message end
    local ns <const> = measure.number_of(("%s %d"):format(program, calls))
    if b.hits[0] ~= calls then return nil, ("%d of %d hits counted"):format(b.hits[0], calls) end
    return ns
  end
end

local function detach(mechanism, symbols)
  return function()
    local b <const> = bpf.BPF{text = text}
    for _, symbol in ipairs(symbols) do
      b:attach_uprobe{name = program, sym_re = symbol, fn_name = "on_call", mechanism = mechanism}
    end
    assert(b:num_open_uprobes() == places)
    local start <const> = milliseconds()
    b:close()
    return milliseconds() - start
  end
end

local each <const> = {}
for i = 10, 9 + places do each[#each + 1] = "f" .. i end

measure.in_turn("P7", "ms", rounds, {
  {"luabpf, 70 links", detach(nil, each)},
  {"luabpf, one link over 70 places", detach(nil, {"f[1-7][0-9]"})},
  {"C, one multi-link", function()
    local ms <const> = measure.number_of(program .. " detach")
    return ms, not ms and "needs Linux 6.6"
  end},
})
measure.in_turn("hit", "ns", rounds, {
  {"uprobe in a multi-link", hit("attach_uprobe", "uprobe_multi")},
  {"uprobe as a perf event", hit("attach_uprobe", "uprobe")},
  {"uretprobe in a multi-link", hit("attach_uretprobe", "uprobe_multi")},
  {"uretprobe as a perf event", hit("attach_uretprobe", "uretprobe")},
}, function() return measure.number_of(("%s %d"):format(program, calls)) end)
