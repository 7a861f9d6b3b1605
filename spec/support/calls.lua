-- The program whose calls of the kernel and of libc specs count (calls.c).
local build <const> = require "spec.support.build"
local process <const> = require "spec.support.process"

local calls = { bytes = 4099 }

-- The absolute path of the built program.
function calls.path() return build.program("calls") end

-- Makes each call count times, in a process of its own.
function calls.make(count)
  assert(os.execute(("%s %d > /dev/null"):format(calls.path(), count)),
    "the traced program got a wrong result")
end

-- The same program, which waits until calls.go() of it.
function calls.start(count)
  local program <const> = process.start(("%s %d wait"):format(calls.path(), count))
  assert(program:line() == "ready")
  return program
end

-- Lets a started program make its calls, and waits for its end.
function calls.go(program)
  program:signal("USR1")
  assert(program:finish() == 0, "the traced program got a wrong result")
end

return calls
