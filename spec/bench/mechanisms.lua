-- Rows P8 and P11: what a hit costs by each mechanism of kernel probes, and what it takes to attach
-- to many functions.
-- arg[1]: the folder of the built programs; arg[2]: calls per measurement; arg[3]: rounds.
local bpf <const> = require "bpf"
package.path = arg[0]:match("^(.*)/") .. "/../../?.lua;" .. package.path
local measure <const> = require "spec.bench.measure"

local folder <const>, calls <const>, rounds <const> = arg[1], tonumber(arg[2]), tonumber(arg[3])
local workload <const> = ("%s/hits %d"):format(folder, calls)

local b <close> = bpf.BPF{text = [[
BPF_ARRAY(hits, u64, 1);
int on_call(struct pt_regs *ctx) { hits.increment(0); return 0; }
]]}
local event <const> = b:get_syscall_fnname("getpgid")

-- Since the start of the machine, to 10 ms; starting date would take longer than that in a guest.
local function seconds()
  local file <close> = io.open("/proc/uptime")
  return file:read("n")
end

local function reason_of(e)
  return (tostring(e.message or e):gsub("^.-: ", ""):gsub("%s+", " "))
end

local function measure_probe(method, mechanism)
  return function()
    local before <const> = b.hits[0]
    local good <const>, link <const> = pcall(b[method], b,
      {event = event, fn_name = "on_call", mechanism = mechanism})
    if not good then return nil, reason_of(link) end
    local figure <const> = measure.number_of(workload)
    link:detach()
    if b.hits[0] - before < calls then return nil, "hits were missed" end
    return figure
  end
end

local subjects <const> = {
  {"luabpf, best for an entry", measure_probe("attach_kprobe")},
  {"C on libbpf, fentry", function()
    return measure.number_of(("%s/attach %s/hits.o '%s'"):format(folder, folder, workload)),
      "it is refused"
  end},
}
for _, row in ipairs{
  {"attach_kprobe", "fentry"}, {"attach_kprobe", "kprobe_multi"}, {"attach_kprobe", "kprobe"},
  {"attach_kprobe", "tracefs"}, {"attach_kretprobe", "fexit"}, {"attach_kretprobe", "kprobe_multi"},
  {"attach_kretprobe", "kretprobe"}, {"attach_kretprobe", "tracefs"},
} do
  local side <const> = row[1] == "attach_kprobe" and "entry" or "return"
  table.insert(subjects, {("%s by %s"):format(side, row[2]), measure_probe(row[1], row[2])})
end

-- An expression that means as many functions as wanted or a little less (1000 probes are allowed),
-- and how many.
local function expression_for(wanted)
  local start <const> = wanted > 100 and "s" or "vfs_"
  local by_letter <const>, letters, count = {}, "", 0
  for _, name in ipairs(bpf.BPF.get_kprobe_functions(start .. "[a-z].*")) do
    local letter <const> = name:sub(#start + 1, #start + 1)
    by_letter[letter] = (by_letter[letter] or 0) + 1
  end
  for letter in ("abcdefghijklmnopqrstuvwxyz"):gmatch(".") do
    local number <const> = by_letter[letter] or 0
    if count + number <= wanted then letters, count = letters .. letter, count + number end
  end
  return ("%s[%s].*"):format(start, letters), count
end

-- Milliseconds for the link's functions, and how many these are; nil and why.
local function attach_many(mechanism, re)
  local start <const> = seconds()
  local good <const>, link <const> = pcall(b.attach_kprobe, b,
    {event_re = re, fn_name = "on_call", mechanism = mechanism})
  if not good then return nil, reason_of(link) end
  link:detach()
  return (seconds() - start) * 1000, link:count()
end

local function attach_many_in_c(re)
  local pipe <const> = io.popen(("%s/many '^(%s)$'"):format(folder, re))
  local figure <const>, count <const> = pipe:read("n", "n")
  pipe:close()
  return figure, count or "it is refused"
end

local function report_many(name, figures, count, expected)
  if #figures == 0 then return measure.line("P11", name, "-", count) end
  measure.line("P11", ("%s, %d of %d"):format(name, count, expected),
    measure.median(figures) * 1000 / count, "ms")
end

local function many_by_one_link()
  local re <const>, expected <const> = expression_for(1000)
  local ours <const>, theirs <const> = {}, {}
  local count, their_count
  for _ = 1, rounds do -- in turn
    ours[#ours + 1], count = attach_many(nil, re)
    theirs[#theirs + 1], their_count = attach_many_in_c(re)
  end
  report_many("luabpf, best, per 1000", ours, count, expected)
  report_many("C on libbpf, per 1000", theirs, their_count, expected)
end

local function many_one_by_one()
  local re <const>, expected <const> = expression_for(60)
  local figure <const>, count <const> = attach_many("kprobe", re)
  report_many("one by one, per 1000", {figure}, count, expected)
end

local kprobe <const> = bpf.features().kprobe
if kprobe.available then
  measure.in_turn("P8", "ns", rounds, subjects, function()
    return measure.number_of(workload)
  end)
  if bpf.features().kprobe_multi.available then many_by_one_link() end
  many_one_by_one()
else
  measure.line("P8", "luabpf", "-", kprobe.reason)
  measure.line("P11", "luabpf", "-", kprobe.reason)
end
