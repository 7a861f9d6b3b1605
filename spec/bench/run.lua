-- The figures that this project is judged by, each beside the peers that are installed, from one run.
--   lua5.4 spec/bench/run.lua [--quick]        (./luabpf bench)
-- One line per row and subject: row, subject, figure, unit, ratio to this project. --quick runs everything once, to
-- see that it works; its figures mean nothing.

local quick <const> = arg[1] == "--quick"
local rounds <const> = quick and 1 or 5
local here <const> = arg[0]:match("^(.*)/") or "."
local launcher <const> = here .. "/../../luabpf"
local scratch <const> = os.tmpname()
os.remove(scratch)

local function shell(command)
  local pipe <const> = assert(io.popen(command .. "; echo \"status $?\""))
  local text <const> = pipe:read("a")
  pipe:close()
  local output, status = text:match("^(.-)status (%d+)%s*$")
  return tonumber(status) == 0, output
end

local function installed(command)
  return (shell("command -v " .. command .. " >/dev/null 2>&1"))
end

local function build()
  local commands <const> = {
    "mkdir -p " .. scratch,
    ("cc -O2 -o %s/until_line %s/until_line.c"):format(scratch, here),
    ("cc -O2 -o %s/start %s/start.c -lbpf"):format(scratch, here),
    ("clang-19 -target bpf -O2 -g -c -o %s/start.o %s/start.bpf.c"):format(scratch, here),
  }
  for _, command in ipairs(commands) do
    local ok, output = shell(command .. " 2>&1")
    if not ok then error("bench: " .. command .. "\n" .. output, 0) end
  end
end

-- The headers that BCC needs and the running kernel lacks: any installed ones serve to measure it.
local function bcc_environment()
  local _, output <const> = shell("ls -d /lib/modules/$(uname -r)/build 2>/dev/null || "
    .. "ls -d /usr/src/linux-headers-*-amd64 2>/dev/null | tail -n 1")
  local folder <const> = output:match("%S+")
  return folder and "BCC_KERNEL_SOURCE=" .. folder .. " " or nil
end

local rows <const> = {}

local function report(row, subject, figure, unit)
  rows[row] = rows[row] or figure
  print(("%-3s %-34s %10.1f %-4s %8.2f x"):format(row, subject, figure, unit, figure / rows[row]))
end

local function skip(row, subject, reason)
  print(("%-3s %-34s %10s %-4s  (%s)"):format(row, subject, "-", "", reason))
end

-- Median of `rounds` runs of until_line; gives milliseconds and KiB.
local function start(command)
  local times, memory = {}, {}
  for i = 1, rounds do
    local ok, output = shell(("%s %s/until_line %s 2>%s/errors"):format(
      command.environment or "", scratch, command[1], scratch))
    local ms, kib = output:match("^(%S+) (%d+)")
    if not ok then
      return nil, io.open(scratch .. "/errors"):read("l") or "it printed nothing"
    end
    times[i], memory[i] = tonumber(ms), tonumber(kib)
  end
  table.sort(times)
  table.sort(memory)
  return times[(rounds + 1) // 2], memory[(rounds + 1) // 2]
end

local function starts()
  local lua <const> = ("%s %s/start.lua"):format(launcher, here)
  local cold, cold_memory = start{lua, environment = "LUABPF_CACHE="}
  assert(cold, cold_memory)
  start{lua}
  local warm, warm_memory = start{lua}
  local floor, floor_memory = start{("%s/start %s/start.o"):format(scratch, scratch)}
  local environment <const> = bcc_environment()
  local bcc, bcc_memory, bt, bt_memory
  if installed("bpftrace") then bt, bt_memory = start{"bpftrace " .. here .. "/start.bt"} end
  if environment then bcc, bcc_memory = start{"/usr/bin/python3 " .. here .. "/start.py", environment = environment} end

  local peers <const> = {
    {"bpftrace", bt, bt_memory, "not installed"},
    {"BCC Python", bcc, bcc_memory, "no kernel headers or no python3-bpfcc"},
  }
  report("P1", "luabpf, nothing cached", cold, "ms")
  for _, peer in ipairs(peers) do
    if peer[2] then report("P1", peer[1], peer[2], "ms") else skip("P1", peer[1], peer[3] or peer[4]) end
  end
  report("P2", "luabpf, second start", warm, "ms")
  report("P2", "C on libbpf, ready object", floor, "ms")
  report("P3", "luabpf, resident", warm_memory / 1024, "MiB")
  report("P3", "luabpf, resident, after compiling", cold_memory / 1024, "MiB")
  report("P3", "C on libbpf, resident", floor_memory / 1024, "MiB")
  for _, peer in ipairs(peers) do
    if peer[2] then report("P3", peer[1] .. ", resident", peer[3] / 1024, "MiB") end
  end
end

local function events()
  local growth <const> = quick and {10000} or {1000, 10000, 100000, 1000000}
  local compared <const> = quick and 10000 or 100000
  local function measure(command, count)
    local ok, output = shell(("%s %d 2>%s/errors"):format(command, count, scratch))
    local ns, sent, received = output:match("^(%d+) (%d+) (%d+)")
    if not ok or not ns then return nil, io.open(scratch .. "/errors"):read("l") end
    return tonumber(ns), tonumber(sent) - tonumber(received)
  end
  local lua <const> = ("%s %s/events.lua"):format(launcher, here)
  report("P4", "luabpf, one event, 3 fields", assert(measure(lua, compared)), "ns")
  local environment <const> = bcc_environment()
  local python = environment and measure(environment .. "/usr/bin/python3 " .. here .. "/events.py", compared)
  if python then report("P4", "BCC Python", python, "ns") else skip("P4", "BCC Python", "not runnable here") end
  for _, count in ipairs(growth) do
    report("P4", ("luabpf, %d events"):format(count), assert(measure(lua, count)), "ns")
  end
end

local ok, message = pcall(function()
  build()
  print(("%-3s %-34s %10s %-4s %10s"):format("row", "subject", "figure", "unit", "to luabpf"))
  starts()
  events()
end)
shell("rm -rf " .. scratch)
if not ok then
  io.stderr:write(tostring(message), "\n")
  os.exit(1)
end
