-- The help text of a script that reads its options with argparse, without running the script: it is
-- loaded with a bpf that does nothing, up to where it would read its arguments.

-- Stands for our modules: any field is there, and none can be called.
local nothing = setmetatable({}, {})
getmetatable(nothing).__index = function()
  return nothing
end

-- Calls fn while require gives `nothing` for the module; what fn loads of ours is forgotten then.
local function without_bpf(fn)
  local before = {}
  for name in pairs(package.loaded) do
    before[name] = package.loaded[name]
  end
  package.loaded["bpf"], package.loaded["bpf.core"] = nothing, nothing
  fn()
  for name in pairs(package.loaded) do
    if name:find("^bpf") then
      package.loaded[name] = before[name]
    end
  end
end

local margin = 60 -- so that no option is broken into lines

--- The help text of the script at path, as --help prints it; nil when it has none, or does not get
-- as far as reading its arguments.
local function script_help(path)
  local shared = getmetatable(require "argparse"()).__index
  local parse, pparse = shared.parse, shared.pparse
  local found

  local function stop(parser)
    found = found or parser
    error("the parser is known", 0)
  end
  local script = loadfile(path, "t", setmetatable({ arg = { [0] = path } }, { __index = _G }))
  if script then
    shared.parse, shared.pparse = stop, stop
    without_bpf(function() pcall(script) end)
    shared.parse, shared.pparse = parse, pparse
  end
  return found and found:help_description_margin(margin):get_help()
end

return script_help
