-- The program whose calls of the kernel and of libc specs count (calls.c), built once per build
-- folder.
local process <const> = require "spec.support.process"

local calls = { bytes = 4099 }

local folder <const> = (os.getenv("LUABPF_BUILD") or "build/release") .. "/spec"
local source <const> = "spec/support/calls.c"
local built

-- The absolute path of the built program.
function calls.path()
  if built then return built end
  local path <const> = folder .. "/calls"
  assert(os.execute(("mkdir -p %s && { [ %s -nt %s ] || cc -O1 -g -o %s %s; }"):format(
    folder, path, source, path, source)), "the program to trace does not build")
  local pipe <const> = io.popen("readlink -f " .. path)
  built = pipe:read("l")
  pipe:close()
  return built
end

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
