-- The program that specs trace (target.c).
local build <const> = require "spec.support.build"

local target = {}

-- The path of the built program.
function target.path() return build.program("target", "-fno-omit-frame-pointer") end

-- Runs it: count calls of each function.
function target.run(count)
  local pipe <const> = io.popen(("%s %d"):format(target.path(), count))
  local text <const> = pipe:read("a")
  assert(pipe:close(), "the traced program failed")
  assert(text:find("^done"))
end

return target
