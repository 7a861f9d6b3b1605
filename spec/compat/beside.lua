-- Our tools beside BCC's of the same name, at the same time, on the same workload, which does one
-- thing a prime number of times. What both have printed is counted alike.
local bcc <const> = require "spec.support.bcc"
local build <const> = require "spec.support.build"
local disk <const> = require "spec.support.disk"
local process <const> = require "spec.support.process"

local beside = {}

-- How often a pattern is in a text, in which PID stands for the workload's process.
local function matches(pattern)
  return function(text, pid)
    return select(2, text:gsub((pattern:gsub("PID", pid)), ""))
  end
end

-- The sum of what a pattern captures.
local function sum(pattern)
  return function(text, pid)
    local total = 0
    for number in text:gmatch((pattern:gsub("PID", pid))) do total = total + tonumber(number) end
    return total
  end
end

local histogram <const> = sum("%d+ +%-> %d+ +: (%d+) +|")

-- What the built program does so often; it waits for a line first.
local function workload(kind)
  return function(count) return ("%s %s %d"):format(build.program("workload"), kind, count) end
end

-- A command that knows nothing of the line that it has to wait for.
local function after_line(text)
  return function(...) return ("sh -c 'read line; %s'"):format(text:format(...)) end
end

local function peers(connections, arguments)
  return function()
    return ("sh -c 'read line; exec %s 4 %d %s'"):format(
      build.program("tcp_peers"), connections, arguments or "")
  end
end

local function disk_reads(count, row)
  row.path, row.disk, row.clean_up = disk.file()
  if not row.path then return nil, row.disk end
  return ("sh -c 'read line; exec %s'"):format(disk.reads(row.path, count))
end

local talk <const> = after_line [[
  key=$(mktemp)
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x \
    -keyout $key -out $key.crt
  sleep %d |
    openssl s_server -accept 127.0.0.1:27281 -key $key -cert $key.crt -quiet -naccept 1 & sleep %d
  for i in $(seq %d); do echo beside; sleep 0.5; done |
    openssl s_client -quiet -connect 127.0.0.1:27281
  rm $key $key.crt
]]

-- In the arguments, and in patterns, PID is the workload's process, PROGRAM and DISK are names.
--   count, ours, bcc: how to count in what both print; ours and bcc where they differ
--   apart: one after the other; BCC's user probes have a random place for a semaphore, and the
--     kernel refuses two probes at one place that have it at different ones
--   at_least: both may count more than what is done, where others have a part in it
--   near: how far apart two figures may be, where chance or time has a part in them (0)
beside.rows = {
  {"execsnoop", 101, "programs run", workload("run"), settle = 20,
    count = matches("true +%d+ +PID +0 ")},
  {"opensnoop", 1009, "files opened", workload("open"), "-p PID",
    count = matches("PID +workload +%d+ +0 /proc/self/comm")},
  {"exitsnoop", 101, "processes ended", workload("run"), settle = 20,
    count = matches("true +%d+ +PID +")},
  {"killsnoop", 101, "signals sent", workload("kill"), "-p PID",
    count = matches("PID +workload +0 +PID +0\n")},
  {"biolatency", 101, "disk reads", disk_reads, count = histogram, at_least = true},
  {"biosnoop", 101, "disk reads", disk_reads,
    ours = matches("dd +PID +%S+ +read +%d+ +12288 "),
    bcc = matches("dd +PID +%S+ +R +%d+ +12288 ")},
  {"cachestat", 1009, "pages read that are cached", workload("read"), settle = 20,
    count = sum("\n +(%d+) +%d+ +%d+ +%d+%.%d")},
  {"fileslower", 1009, "writes", workload("write"), "-p PID 0",
    count = matches("workload +PID +W +4096 ")},
  {"vfsstat", 1009, "calls of fsync()", workload("fsync"), "1", settle = 20,
    ours = sum("\n +%d+ +%d+ +(%d+) +%d+ +%d+"), bcc = sum(": +%d+ +%d+ +(%d+) +%d+ +%d+")},
  {"tcpconnect", 101, "connections, one of them refused", peers(100, "3001 17"), "-p PID",
    count = matches("PID +tcp_peers +4 ")},
  {"tcpaccept", 101, "connections", peers(101, "3001 17"), "-p PID",
    count = matches("PID +tcp_peers +4 ")},
  {"tcplife", 107, "ends of connections", peers(53, "3001 17"), "-p PID",
    count = matches("PID +tcp_peers +")},
  {"tcpretrans", 31, "segments sent again", peers(31), count = matches("SYN_SENT")},
  {"gethostlatency", apart = true, 101, "names looked up", workload("lookup"), "-p PID",
    ours = matches("PID +workload +%d+%.%d+ +0 127.0.0.1\n"),
    bcc = matches("PID +workload +%d+%.%d+ 127.0.0.1\n")},
  {"runqlat", 101, "naps, each with a wait for a processor", workload("nap"), "-p PID",
    count = histogram, at_least = true},
  {"offcputime", 101, "naps of 5000 us", workload("nap"), "-p PID", unit = 5000,
    count = sum("workload %(PID%)\n +(%d+)"), at_least = true, near = 0.01},
  {"profile", 2003, "ms of processor time, at 199 Hz", workload("spin"), "-F 199 -p PID",
    unit = 0.199, count = sum("workload %(PID%)\n +(%d+)"), near = 0.05},
  {"syscount", 1009, "calls of rename()", workload("rename"), "-p PID",
    count = sum("rename +(%d+)")},
  {"funccount", apart = true, 1009, "calls of a function", workload("step"), "-p PID PROGRAM:step",
    count = sum("step +(%d+)\n")},
  {"funclatency", apart = true, 1009, "calls of a function", workload("step"),
    "-p PID PROGRAM:step", count = histogram},
  {"stackcount", apart = true, 1009, "calls of a function", workload("step"),
    "-U -p PID PROGRAM:step", count = sum("\n +(%d+)\n")},
  {"trace", apart = true, 1009, "calls of a function", workload("step"),
    "-p PID 'PROGRAM:step \"%d\", arg1'", count = matches("PID +PID +workload +step +1\n")},
  {"memleak", apart = true, 101, "allocations kept, of 1009 bytes", workload("keep"), "-o 0 -p PID",
    bcc_arguments = "-o 0 -p PID 3", settle = 20,
    count = function(text)
      local bytes <const>, count <const> = text:match(".*\n%s*(%d+) bytes in (%d+) allocations")
      return tonumber(bytes) == 101 * 1009 and tonumber(count) or 0
    end},
  {"sslsniff", apart = true, 7, "lines sent through OpenSSL", function(count)
    local slow <const> = tonumber(os.getenv("LUABPF_SLOW")) or 1
    return talk(20 + 2 * slow, slow, count)
  end, count = function(text)
    local total = 0 -- where things are slow, several lines go together
    for sent in text:gmatch("WRITE/SEND.-END DATA") do
      total = total + select(2, sent:gsub("beside\n", ""))
    end
    return total
  end},
}

--- The row of a tool.
function beside.find(name)
  for _, row in ipairs(beside.rows) do
    if row[1] == name then return row end
  end
end

-- System calls in which a tool waits for events (epoll_wait, ppoll, epoll_pwait; BCC's poll, in
-- which ours wait for the compiler), or sleeps (select, clock_nanosleep, pselect).
local poll <const> = "7"
local waiting <const> = {["232"] = true, ["271"] = true, ["281"] = true}
local sleeping <const> = {["23"] = true, ["230"] = true, ["270"] = true}

local function read(path)
  local file <close> = io.open(path)
  return file and file:read("a") or ""
end

-- A tool that has been started, and whether it is so far that it waits for events, or sleeps and
-- did when it was last asked, or has ended.
local Tool <const> = {}
Tool.__index = Tool

local function start(command, limit)
  local out <const> = os.tmpname()
  local running <const> = process.start(("%s >%s"):format(command, out), limit)
  return setmetatable({running = running, pid = running.pid, out = out}, Tool)
end

function Tool:is_ready()
  local call <const> = read(("/proc/%d/syscall"):format(self.pid)):match("^%d+")
  local status <const> = read(("/proc/%d/status"):format(self.pid))
  local before <const> = self.switches
  self.switches = status:match("\nvoluntary_ctxt_switches:%s*(%d+)")
  self.ended = status == "" or status:find("State:%s*Z") ~= nil
  return self.ended or waiting[call] or (call == poll and self.polls)
    or (sleeping[call] and self.switches == before)
end

-- Ends it with Ctrl-C: what it has printed, and what it had to say.
function Tool:finish()
  if not self.ended then self.running:signal("INT") end
  local _, _, errors <const> = self.running:finish()
  local text <const> = "\n" .. read(self.out)
  os.remove(self.out)
  return text, errors
end

-- What it says about why it failed, in a line.
local function reason(errors)
  return errors:match("error: ([^\n]+)") or errors:match("([^\n]+)%s*$") or "not ready"
end

-- Waits until none of the tools prints any more; for those that never stop, until they have
-- printed what was done.
local function settle(row, tools, is_complete)
  if row.settle then return process.wait_until(is_complete, row.settle) end
  local sizes, same = {}, 0
  process.wait_until(function()
    local has_changed = false
    for i, tool in ipairs(tools) do
      local size <const> = #read(tool.out)
      has_changed, sizes[i] = has_changed or size ~= sizes[i], size
    end
    same = has_changed and 0 or same + 1
    return same > 20
  end, 30)
end

local function all_ready(tools)
  local ready = true
  for _, tool in ipairs(tools) do ready = tool:is_ready() and ready end
  return ready
end

-- The workload's process, and a function that has it work and waits for the end of that.
local function prepare(command)
  local pipe <const> = os.tmpname()
  os.remove(pipe)
  assert(os.execute("mkfifo " .. pipe))
  local traced <const> = start(("%s <>%s 2>/dev/null"):format(command, pipe), 120)
  return traced, function()
    local input <const> = assert(io.open(pipe, "w"))
    input:write("go\n")
    input:close()
    os.remove(pipe)
    process.wait_until(function()
      traced:is_ready()
      return traced.ended or read(traced.out):find("done")
    end, 60)
  end
end

local function command_of(who, row, pid, folder)
  local name <const>, arguments = row[1], row[5] or ""
  if who == "bcc" then arguments = row.bcc_arguments or arguments end
  arguments = arguments:gsub("PID", pid):gsub("PROGRAM", build.program("workload"))
  if who == "ours" then return ("./luabpf %s %s"):format(name, arguments) end
  return bcc.command(bcc.environment(folder), name, arguments)
end

-- Adds to the result what some tools that run together count on one run of the workload.
local function trace(row, result, command, folder, whose)
  local traced <const>, work <const> = prepare(command)
  local tools <const> = {}
  for i, who in ipairs(whose) do
    tools[i] = start(command_of(who, row, traced.pid, folder), 120)
    tools[i].polls = who == "bcc"
  end
  local ready <const> = process.wait_until(function() return all_ready(tools) end, 60)
  local function counted(who, text) return (row[who] or row.count)(text, traced.pid) end
  work()
  settle(row, tools, function()
    for i, who in ipairs(whose) do
      local text <const> = "\n" .. read(tools[i].out)
      if not tools[i].ended and counted(who, text) < result.expected then return false end
    end
    return true
  end)
  for i, who in ipairs(whose) do
    local has_ended <const> = tools[i].ended
    local text <const>, errors <const> = tools[i]:finish()
    if has_ended or not ready then
      result.problem = ("%s: %s"):format(who == "bcc" and "BCC's" or "ours", reason(errors))
    else
      result[who] = counted(who, text)
    end
    if beside.show then beside.show(text, errors) end
  end
  if not traced.ended then traced.running:signal("KILL") end
  traced.ended = true
  traced:finish()
end

local function is_right(row, result)
  local far <const> = (row.near or 0) * result.expected
  return math.abs(result.ours - result.bcc) <= far
    and (math.abs(result.ours - result.expected) <= far
      or (row.at_least == true and result.ours >= result.expected))
end

--- Compares a row's tool with BCC's: {expected=, ours=, bcc=, problem=, agree=}. A folder for
--- BCC's headers is needed.
function beside.compare(row, folder)
  local name <const>, count <const>, _, make <const> = table.unpack(row)
  local result <const> = {expected = math.floor(count * (row.unit or 1))}
  result.problem = bcc.missing(name)
  if result.problem then return result end
  local command <const>, problem <const> = make(count, row)
  if not command then
    result.problem = problem
  elseif row.apart then
    trace(row, result, command, folder, {"ours"})
    trace(row, result, command, folder, {"bcc"})
  else
    trace(row, result, command, folder, {"ours", "bcc"})
  end
  if row.clean_up then row.clean_up() end
  result.agree = result.ours and result.bcc and is_right(row, result)
  return result
end

return beside
