-- Stacks as names: of one process or of the kernel, and folded into one line, as flame graphs want.

local core = require "bpf.core"
local folded <const> = require "bpf.folded"
local options <const> = require "bpf.options"

local stacks = { methods = {}, static = {} }

--- The names of a stack's frames, innermost first; nil for an id that is negative or not there. A
--- pid of -1 means a stack of the kernel. Options as for BPF.symbolize.
function stacks.methods:get_symbols(id, pid, format)
  local stack <const> = self:get_stack(id)
  return stack and core.BPF.symbolize(stack, pid, format)
end

local function add_reversed(parts, frames, suffix)
  for i = #frames, 1, -1 do parts[#parts + 1] = folded.frame(frames[i]) .. suffix end
end

local known <const> = { "comm", "user", "kernel", "annotate" }

--- One line for a stack, outermost frame first: "comm;main;read;vfs_read".
function stacks.static.fold(...)
  local given <const> = options.collect("fold", known, ...)
  local parts <const> = {}
  if given.comm then parts[1] = folded.frame(given.comm) end
  add_reversed(parts, given.user or {}, "")
  add_reversed(parts, given.kernel or {}, given.annotate and "_[k]" or "")
  return table.concat(parts, ";")
end

-- The first line's worth of an executable is enough to know one.
local function is_program(path)
  local file <const> = io.open(path, "rb")
  local start <const> = file and file:read(4)
  if file then file:close() end
  return start == "\127ELF"
end

--- The path of a program: a path as it is, else looked for in $PATH; nil when it is not there.
function stacks.static.find_exe(name)
  if name:find("/", 1, true) then return is_program(name) and name or nil end
  for folder in (os.getenv("PATH") or "/usr/local/bin:/usr/bin:/bin"):gmatch("[^:]+") do
    local path <const> = folder .. "/" .. name
    if is_program(path) then return path end
  end
end

return stacks
