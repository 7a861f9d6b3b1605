-- The cost of reading a whole hash with decoded keys and leaves: tables.lua ENTRIES. Prints the
-- microseconds of one walk, how many entries it saw, and the microseconds of reading without
-- decoding, nearly all of which are the kernel's; medians of 15.
local bpf <const> = require "bpf"

local entries <const> = tonumber(arg[1])
local b <const> = bpf.BPF {text = ([[
struct key { u32 pid; char comm[16]; };
struct leaf { u64 count; u64 ns; };
BPF_HASH(t, struct key, struct leaf, %d);]]):format(entries)}

do
  local keys <const>, leaves <const> = {}, {}
  for i = 1, entries do
    keys[i], leaves[i] = {pid = i, comm = "task"}, {count = i, ns = -i}
  end
  b.t:items_update_batch(keys, leaves)
end

local function median_of(action)
  local times <const> = {}
  for round = 1, 15 do
    collectgarbage()
    local start <const> = os.clock()
    action()
    times[round] = (os.clock() - start) * 1e6
  end
  table.sort(times)
  return times[8]
end

local seen
local walk <const> = median_of(function()
  local count, sum = 0, 0
  for key, leaf in pairs(b.t) do
    count, sum = count + 1, sum + key.pid - leaf.count
  end
  assert(sum == 0)
  seen = count
end)
local read <const> = median_of(function() assert(#b.t == entries) end)
print(("%.0f %d %.0f"):format(walk, seen, read))
