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

-- What the fields of a key are called, when nobody tells.
local usual <const> = {
  user = { "user_stack_id", "user_stack" },
  kernel = { "kernel_stack_id", "kernel_stack", "kern_stack_id" },
  pid = { "tgid", "pid" },
  comm = { "comm", "name" },
}

local function fields_of(key, given)
  local has <const>, chosen <const> = {}, {}
  for name in pairs(key) do has[name] = true end
  for role, names in pairs(usual) do
    local name = given[role]
    if name == nil then
      for _, candidate in ipairs(names) do name = name or has[candidate] and candidate end
    elseif type(name) == "string" and not has[name] then
      error(("get_stacks: the keys have no field '%s'"):format(name), 3)
    end
    chosen[role] = name
  end
  if not chosen.user and not chosen.kernel then
    error("get_stacks: tell which field of the key is a stack's id: user = or kernel =", 3)
  end
  return chosen
end

local no_stack <const> = -14 -- EFAULT: there is no stack of this kind

-- Looks up and names stacks, each only once.
local function namer(source, format)
  local named <const> = {}
  return function(id, pid, kind)
    if id >= 0x80000000 then id = id - 0x100000000 end -- kept as unsigned
    if id == no_stack then return {} end
    local place <const> = id .. "/" .. pid
    named[place] = named[place] or id >= 0 and source:get_symbols(id, pid, format)
      or { ("[missed %s stack]"):format(kind) }
    return named[place]
  end
end

local function count_of(leaf, field)
  if field then leaf = leaf[field] end
  if type(leaf) == "number" then return leaf end
  local sum = 0
  for _, part in ipairs(type(leaf) == "table" and leaf or { leaf }) do
    if type(part) ~= "number" then
      error("get_stacks: the counts must be numbers; count = names the field of a struct", 3)
    end
    sum = sum + part
  end
  return sum
end

-- A key that is a stack's id, as a struct.
local function by_id(id, pid)
  if pid ~= nil and math.type(pid) ~= "integer" then
    error("get_stacks: the keys are ids of stacks; pid = is whose they are", 3)
  end
  local kind <const> = pid and pid >= 0 and "user" or "kernel"
  return { [kind] = id }, { pid = pid, [kind] = kind }
end

local function frames_of(key, fields, names, annotate)
  local frames <const> = {}
  local pid = fields.pid or -1
  if type(pid) == "string" then pid = key[pid] end
  if fields.comm then frames[1] = folded.frame(key[fields.comm]) end
  if fields.user then add_reversed(frames, names(key[fields.user], pid, "user"), "") end
  if fields.kernel then
    add_reversed(frames, names(key[fields.kernel], -1, "kernel"), annotate and "_[k]" or "")
  end
  return frames
end

local counted <const> = { "pid", "user", "kernel", "comm", "count", "annotate", "format" }

--- The stacks that the keys of a table of counts name, for bpf.flamegraph: an array of {frames =
--- {"outermost", …, "innermost"}, count = n}. counts may also be an array of {key, count}. A key is
--- a stack's id, of the process `pid`, else of the kernel; or a struct, in which the options user,
--- kernel, pid and comm name the fields, unless they are called user_stack_id, kernel_stack_id, pid
--- or tgid, comm or name. What the kernel could not save is a frame "[missed user stack]".
---   flamegraph.write("cpu.svg", b.stacks:get_stacks(b.counts, { annotate = true }))
function stacks.methods:get_stacks(counts, ...)
  local given <const> = options.collect("get_stacks", counted, ...)
  local items <const> = type(counts) == "table" and counts or counts:items()
  local names <const> = namer(self, given.format)
  local found <const> = {}
  local fields
  for i, item in ipairs(items) do
    local key = item[1]
    if math.type(key) == "integer" then
      key, fields = by_id(key, given.pid)
    else
      fields = fields or fields_of(key, given)
    end
    found[i] = {
      frames = frames_of(key, fields, names, given.annotate),
      count = count_of(item[2], given.count),
    }
  end
  return found
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
