-- Programs of this folder, built once per build folder.
local build = {}

local folder <const> = (os.getenv("LUABPF_BUILD") or "build/release") .. "/spec"
local built <const> = {}

-- The absolute path of the program made of spec/support/NAME.c.
function build.program(name)
  if built[name] then return built[name] end
  local path <const> = folder .. "/" .. name
  local source <const> = ("spec/support/%s.c"):format(name)
  assert(os.execute(("mkdir -p %s && { [ %s -nt %s ] || cc -O1 -g -Wall -o %s %s; }"):format(
    folder, path, source, path, source)), source .. " does not build")
  local pipe <const> = io.popen("readlink -f " .. path)
  built[name] = pipe:read("l")
  pipe:close()
  return built[name]
end

return build
