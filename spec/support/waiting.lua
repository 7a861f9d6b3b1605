-- Programs that say "ready" and wait for a line on their standard input, which is told by tell().
local process <const> = require "spec.support.process"

local waiting = {}
waiting.__index = waiting

function waiting.start(command)
  local pipe <const> = os.tmpname()
  os.remove(pipe)
  assert(os.execute("mkfifo " .. pipe))
  local running <const> = process.start(("%s <>%s"):format(command, pipe))
  running:wait_for("^ready")
  return setmetatable({ running = running, pid = running.pid, pipe = pipe }, waiting)
end

function waiting:wait_for(pattern) return self.running:wait_for(pattern) end

function waiting:tell(line)
  local file <const> = assert(io.open(self.pipe, "w"))
  file:write(line, "\n")
  file:close()
end

-- What it says to a line.
function waiting:ask()
  self:tell("?")
  return self.running:line()
end

function waiting:finish()
  local status <const>, out <const> = self.running:finish()
  os.remove(self.pipe)
  return status, out
end

function waiting:stop()
  self.running:signal("KILL")
  return self:finish()
end

return waiting
