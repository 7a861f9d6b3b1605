-- The program that specs trace (target.c), built once per build folder.
local target = {}

local folder <const> = (os.getenv("LUABPF_BUILD") or "build/release") .. "/spec"
local source <const> = "spec/support/target.c"

-- The path of the built program.
function target.path()
  local path <const> = folder .. "/target"
  local compile <const> = ("cc -O1 -g -fno-omit-frame-pointer -o %s %s"):format(path, source)
  local command <const> = ("mkdir -p %s && { [ %s -nt %s ] || %s; }"):format(
    folder, path, source, compile)
  assert(os.execute(command), "the program to trace does not build")
  local pipe <const> = io.popen("readlink -f " .. path)
  local full <const> = pipe:read("l")
  pipe:close()
  return full
end

-- Runs it: count calls of each function.
function target.run(count)
  local pipe <const> = io.popen(("%s %d"):format(target.path(), count))
  local text <const> = pipe:read("a")
  assert(pipe:close(), "the traced program failed")
  assert(text:find("^done"))
end

return target
