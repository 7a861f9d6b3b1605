-- Programs of this folder in C, built once per build folder.
local build = {}

local root <const> = os.getenv("LUABPF_BUILD") or "build/release"
local folder <const> = root .. "/spec"
local built <const> = {}

-- Made under another name and moved: two guests may share the folder. Out of date is what is older
-- than its source, the headers there, or core, whose files some are made of.
local command <const> = [[
mkdir -p FOLDER || exit 1
current() { [ -e PATH ] && [ -z "$(find SOURCE spec/support/*.h LIBRARY -newer PATH)" ]; }
current || {
    new=$(mktemp PATH.XXXXXX) && LD_PRELOAD= cc -O1 -g -o "$new" SOURCE FLAGS &&
        chmod 755 "$new" && { current || mv "$new" PATH; }
    status=$?
    rm -f "$new"
    [ $status = 0 ] || exit 1
}
readlink -f PATH]]

-- The absolute path of the program NAME, made of spec/support/NAME.c or another source there. Each
-- name stands for one set of flags.
function build.program(name, flags, source)
  if built[name] then return built[name] end
  local words <const> = {FOLDER = folder, PATH = folder .. "/" .. name, FLAGS = flags or "",
    LIBRARY = root .. "/libluabpf_core.a", SOURCE = "spec/support/" .. (source or name .. ".c")}
  local pipe <const> = assert(io.popen((command:gsub("%f[%w_]%u+%f[^%w_]", words))))
  local path <const> = pipe:read("l")
  assert(pipe:close(), words.SOURCE .. " does not build")
  built[name] = path
  return path
end

return build
