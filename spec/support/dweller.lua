-- The program that lives in odd places (dweller.c), and a folder for each spec that needs one.
local build <const> = require "spec.support.build"
local process <const> = require "spec.support.process"

local dweller = {}

-- Runs a shell command that must succeed.
function dweller.shell(command, ...)
  command = command:format(...)
  assert(os.execute(command .. " > /dev/null"), command)
end

-- Compiles it, with more options, to path.
function dweller.build(path, options)
  dweller.shell("cc -O1 -w -o %s %s spec/support/dweller.c", path, options or "")
  return path
end

-- The path of the usual build of it.
function dweller.path() return build.program("dweller", "-w") end

-- A new folder.
function dweller.folder()
  local path <const> = os.tmpname()
  os.remove(path)
  dweller.shell("mkdir %s", path)
  return path
end

-- Starts a command that ends in the program, which is then ready to make its calls.
function dweller.start(command, ...)
  local program <const> = process.start(command:format(...))
  assert(program:line() == "ready", "the program to trace did not start")
  return program
end

-- Lets it make its calls and waits for its end.
function dweller.go(program)
  program:signal("USR1")
  assert(program:finish() == 0, "the traced program got a wrong result")
end

return dweller
