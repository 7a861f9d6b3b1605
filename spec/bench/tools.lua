-- How long each tool takes from its start until it is attached, with its program in the cache:
--   ./luabpf bench tools [ROUNDS] [NAME…]
-- That is until the command that it runs says "ready" (starting that takes about 1 ms of it); of an
-- example that runs none, until its first line. Beside the wall clock's median and least the median
-- of the tool's own processor time, which other work on the machine hardly changes.
local bpf <const> = require "bpf"

local here <const> = arg[0]:match("^(.*)/") or "."
local root <const> = here .. "/../.."
local rounds, names = 9, {}
for i = 2, #arg do
  if tonumber(arg[i]) then rounds = tonumber(arg[i]) else names[#names + 1] = arg[i] end
end

local without_command <const> = {
  bitehist = true, hello_fields = true, hello_perf_output = true, task_switch = true,
}
local arguments <const> = {
  funccount = "c:malloc", funclatency = "c:malloc", stackcount = "c:malloc", trace = "c:malloc",
}
local needs_kprobes <const> = { cachestat = true, fileslower = true, vfsstat = true }

-- What a command prints, if it ends well.
local function read(command)
  local pipe <const> = assert(io.popen(command))
  local text <const> = pipe:read("a")
  return pipe:close() and text
end

local scratch <const> = os.tmpname()

local function build()
  assert(os.execute(("cc -O2 -o %s.until %s/until_line.c"):format(scratch, here)))
  assert(os.execute(("cc -O2 -o %s.c %s/start.c -lbpf"):format(scratch, here)))
  assert(os.execute(("clang-19 -target bpf -O2 -g -c -o %s.o %s/start.bpf.c"):format(scratch,
    here)))
end

local function line(name, ...)
  io.write(("%-20s %8s %8s %10s\n"):format(name, ...))
  io.flush()
end

local function skip(name, reason)
  reason = reason or "it was never ready"
  io.write(("%-20s %8s %8s %10s  (%s)\n"):format(name, "-", "-", "-", reason))
  io.flush()
end

local function middle(values)
  table.sort(values)
  return ("%.1f"):format(values[(#values + 1) // 2])
end

-- Runs a command until a line with that text, once unmeasured and then so often.
local function measure(name, text, command)
  local run <const> = ("%s.until '%s' %s 2> %s.errors"):format(scratch, text, command, scratch)
  local wall, processor <const> = {}, {}
  for i = 0, rounds do
    local output <const> = read(run)
    if not output then
      local errors <close> = assert(io.open(scratch .. ".errors"))
      return skip(name, errors:read("l"))
    end
    local ms <const>, own_ms <const> = output:match("^(%S+) %d+ (%S+)\n$")
    wall[i], processor[i] = tonumber(ms), tonumber(own_ms)
  end
  local median <const> = middle(wall)
  line(name, median, ("%.1f"):format(wall[1]), middle(processor))
end

build()
line("tool", "median", "least", "processor")
measure("C on libbpf", "ready", ("%s.c %s.o"):format(scratch, scratch))
if #names == 0 then
  for name in read("ls " .. root .. "/scripts"):gmatch("([%w_]+)%.lua\n") do
    names[#names + 1] = name
  end
end
local kprobe <const> = bpf.features().kprobe
for _, name in ipairs(names) do
  local tool <const> = ("%s/luabpf %s %s"):format(root, name, arguments[name] or "")
  if name == "hello_world" then
    skip(name, "says nothing when it is attached")
  elseif needs_kprobes[name] and not kprobe.available then
    skip(name, kprobe.reason)
  elseif without_command[name] then
    measure(name, "", tool)
  else
    measure(name, "ready", tool .. " --command 'echo ready'")
  end
end
os.execute(("rm -f %s %s.*"):format(scratch, scratch))
io.write("load: ", read("cat /proc/loadavg"))
