-- A process that makes as many calls of getpgid as it is told to (caller.c).
local bpf <const> = require "bpf"
local build <const> = require "spec.support.build"

local caller = {}
caller.__index = caller

-- The path of the built program.
function caller.path() return build.program("caller", "-O2") end

-- Starts one, which stays on a CPU if that is given.
function caller.start(cpu)
  local path <const> = os.tmpname()
  local pipe <const> = assert(io.popen(("exec %s %s > %s"):format(
    caller.path(), cpu or "", path), "w"))
  local self <const> = setmetatable({pipe = pipe, path = path, answers = assert(io.open(path))},
    caller)
  self.pid = math.tointeger(self:answer())
  return self
end

-- The next line that it prints, as a number; without wait, nil when that is not there yet.
function caller:answer(wait)
  local finish <const> = os.time() + 600
  repeat
    self.answers:seek("cur", 0)
    local line <const> = self.answers:read("L")
    if line and line:sub(-1) == "\n" then return tonumber(line) end
    if line then self.answers:seek("cur", -#line) end
    if wait == false then return nil end
    bpf.sleep(0.002)
  until os.time() > finish
  error("the program to trace does not answer", 2)
end

-- Has it make count calls, and returns at once.
function caller:send(count)
  self.pipe:write(count, "\n")
  self.pipe:flush()
end

-- Has it make count calls, and waits for their end: ns for each.
function caller:call(count)
  self:send(count)
  return self:answer()
end

function caller:close()
  if io.type(self.pipe) ~= "file" then return end
  self.pipe:close()
  self.answers:close()
  os.remove(self.path)
end

return caller
