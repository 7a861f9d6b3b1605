-- Lua scripts in processes of their own, with this process's paths.
local process <const> = require "spec.support.process"

local script = {}
script.__index = script

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Starts a script; before is what the command begins with, as "env A=1". Same methods as a process.
function script.start(text, before, limit)
  local path <const> = os.tmpname()
  local file <const> = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  os.execute("chmod 644 " .. path) -- other users run it, too
  local command <const> = ("env LUA_PATH=%s LUA_CPATH=%s %s lua5.4 %s"):format(
    quote(package.path), quote(package.cpath), before or "", path)
  local running <const> = process.start(command, limit)
  return setmetatable({ path = path, running = running, pid = running.pid }, script)
end

function script:line() return self.running:line() end
function script:wait_for(pattern) return self.running:wait_for(pattern) end
function script:signal(name) return self.running:signal(name) end

-- Waits for the end: the exit status (128 + n after signal n), the rest of stdout, all of stderr.
function script:finish()
  local status, out, errors = self.running:finish()
  os.remove(self.path)
  return status, out, (errors:gsub(self.path:gsub("%p", "%%%0"), "script"))
end

function script.run(text, before, limit)
  return script.start(text, before, limit):finish()
end

return script
