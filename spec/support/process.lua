-- Programs under test as processes of their own: start, read, signal, wait.

local process = {}

local slow = tonumber(os.getenv("LUABPF_SLOW")) or 1 -- how much slower than a usual machine this is

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function read_all(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

local function read_of(pid, name)
  return read_all(("/proc/%d/%s"):format(pid, name))
end

local running = {}
running.__index = running

local unfinished = {} -- in the order of their starts

local default_limit = math.max(120, 30 * slow) -- seconds

-- Starts a shell command; its standard output is read with :line(), its standard error is kept for
-- :finish(). It is ended after `limit` seconds, so that no spec can hang.
function process.start(command, limit)
  local errors = os.tmpname()
  -- The inner shell tells its id and becomes the command: what is signalled is the program itself.
  local script = ("echo $$; exec %s 2>%s"):format(command, errors)
  local out = assert(io.popen(("exec timeout -k 5 %d sh -c %s"):format(
    math.ceil(limit and limit * slow or default_limit), quote(script))))
  local self = setmetatable({ out = out, errors = errors, pid = tonumber(out:read("l")) }, running)
  unfinished[#unfinished + 1] = self
  return self
end

-- Ends those that were started after the first `count` and are not finished: what a failed test
-- leaves. They can still be finished, unless they are forgotten.
function process.kill_after(count, forget)
  for i = #unfinished, count + 1, -1 do
    local left = unfinished[i]
    if left.pid then os.execute(("kill -KILL %d 2> /dev/null"):format(left.pid)) end
    if forget then
      left.out:close()
      os.remove(left.errors)
      unfinished[i] = nil
    end
  end
end

-- How many are not finished.
function process.count_unfinished() return #unfinished end

-- The next line, or nil at the end.
function running:line()
  return self.out:read("l")
end

-- Reads on to the first line that has the pattern, and returns it; raises what the program had to
-- say, with the last lines that it printed, if it ends without one.
function running:wait_for(pattern)
  local last = {}
  for line in self.out:lines() do
    if line:find(pattern) then return line end
    last[#last + 1] = line
    if #last > 20 then table.remove(last, 1) end
  end
  local status, _, errors = self:finish()
  error(("no line with %q; ended with status %d: %s\nlast lines:\n%s"):format(pattern, status,
    errors, table.concat(last, "\n")), 2)
end

function running:signal(name)
  os.execute(("kill -%s %d"):format(name, self.pid))
end

-- Waits for the end: the exit status (128 + n after signal n), the rest of stdout, all of stderr.
function running:finish()
  local rest = self.out:read("a")
  local _, how, status = self.out:close()
  self.is_finished = true
  for i, other in ipairs(unfinished) do
    if other == self then table.remove(unfinished, i) end
  end
  local errors = read_all(self.errors)
  os.remove(self.errors)
  return how == "signal" and 128 + status or status, rest, errors
end

local sleeping = "230" -- clock_nanosleep
local waiting = { ["232"] = true, ["271"] = true, ["281"] = true } -- epoll_wait, ppoll, epoll_pwait

-- Whether it waits for events, or sleeps and did so when it was asked before. The wait for the
-- compiler is a call of poll.
function running:rests()
  local before, call = self.switches, read_of(self.pid, "syscall"):match("^%d+")
  self.switches = read_of(self.pid, "status"):match("\nvoluntary_ctxt_switches:%s*(%d+)")
  return waiting[call] or (call == sleeping and self.switches == before)
end

-- Waits until it does: whether it came so far.
function running:wait_for_rest()
  return process.wait_until(function() return self:rests() end)
end

-- Ends it if it was not finished: for finally().
function running:stop()
  if not self.is_finished then
    self:signal("KILL")
    self:finish()
  end
end

-- Runs a shell command to its end: exit status, stdout, stderr.
function process.run(command, limit)
  return process.start(command, limit):finish()
end

-- Compiles a C program without optimization and returns its path; the caller removes it.
function process.compile(text)
  local path = os.tmpname()
  local gcc = assert(io.popen("gcc -O0 -fno-builtin -w -x c -o " .. path .. " -", "w"))
  gcc:write(text)
  assert(gcc:close())
  return path
end

-- The numbers of the CPUs that are online.
function process.online_cpus()
  local list = {}
  for first, last in read_all("/sys/devices/system/cpu/online"):gmatch("(%d+)%-?(%d*)") do
    for cpu = tonumber(first), tonumber(last) or tonumber(first) do list[#list + 1] = cpu end
  end
  return list
end

-- This process's own id.
function process.own_pid()
  local file = assert(io.open("/proc/self/stat"))
  local pid = file:read("n")
  file:close()
  return pid
end

-- The most memory that this process ever had, in KB.
function process.peak_memory()
  return tonumber(read_all("/proc/self/status"):match("VmHWM:%s+(%d+) kB"))
end

-- The probes that tracefs lists as defined: those that a dead program may have left.
function process.defined_probes()
  local list = {}
  for _, name in ipairs{ "kprobe_events", "uprobe_events" } do
    local file = io.open("/sys/kernel/tracing/" .. name)
    if file then
      list[#list + 1] = file:read("a")
      file:close()
    end
  end
  return table.concat(list)
end

-- Waits until condition() is true, and whether it became so. Without seconds there is a limit only
-- to end tests that failed.
function process.wait_until(condition, seconds)
  local finish = os.time() + math.ceil(seconds and seconds * slow or math.max(60, 10 * slow))
  while not condition() do
    if os.time() > finish then return false end
    os.execute("sleep 0.05")
  end
  return true
end

return process
