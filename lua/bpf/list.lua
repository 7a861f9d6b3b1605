-- bpf.list: what can be probed. Each kind is one function that gives an array of entries; the
-- command `luabpf list` prints them.

local core = require "bpf.core"
local options = require "bpf.options"

local list = {}

-- What BCC's and bpftrace's users call wildcards, as the extended regular expression that the
-- kernel's lists are searched with.
local function expression_of(pattern)
  local expression = pattern:gsub("[%^%$%.%(%)%[%]%+%{%}%|\\]", "\\%0")
  return (expression:gsub("%*", ".*"):gsub("%?", "."))
end

local function kernel_functions(kind, pattern)
  return core.kernel_functions(kind, expression_of(pattern))
end

-- One field of a tracepoint's format file: "\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;"
local function fields_of(format)
  local fields = {}
  for declaration, offset, size in format:gmatch("field:([^;]+);%s*offset:(%d+);%s*size:(%d+)") do
    local name = declaration:match("([%w_]+)%s*%[.-%]$") or declaration:match("([%w_]+)$")
    fields[#fields + 1] = {
      name = name,
      declaration = declaration,
      offset = math.tointeger(offset),
      size = math.tointeger(size),
    }
  end
  return fields
end

-- tracefs may be mounted in either place.
local function read_format(category, event)
  for _, folder in ipairs { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" } do
    local file = io.open(("%s/events/%s/%s/format"):format(folder, category, event))
    if file then
      local text = file:read("a")
      file:close()
      return text
    end
  end
  return ""
end

local kinds = {}

--- Functions that attach_kprobe can take.
function kinds.kprobe(wanted)
  local entries = {}
  for i, name in ipairs(core.BPF.get_kprobe_functions(expression_of(wanted.pattern))) do
    entries[i] = { kind = "kprobe", name = name }
  end
  return entries
end

--- Functions that attach_kfunc can take: those that the kernel's types describe.
function kinds.kfunc(wanted)
  return kernel_functions("function", wanted.pattern)
end

function kinds.lsm(wanted)
  return kernel_functions("lsm", wanted.pattern)
end

function kinds.iterator(wanted)
  return kernel_functions("iterator", wanted.pattern)
end

function kinds.raw_tracepoint(wanted)
  return kernel_functions("raw_tracepoint", wanted.pattern)
end

function kinds.tracepoint(wanted)
  local entries = {}
  for i, name in ipairs(core.BPF.get_tracepoints(expression_of(wanted.pattern))) do
    local category, event = name:match("^([^:]+):(.+)$")
    entries[i] = { kind = "tracepoint", name = name }
    if wanted.fields then
      entries[i].fields = fields_of(read_format(category, event))
    end
  end
  return entries
end

function kinds.software()
  local entries = {}
  for name in pairs(core.PerfSWConfig) do
    entries[#entries + 1] = { kind = "software", name = name }
  end
  return entries
end

function kinds.hardware()
  local entries = {}
  for name in pairs(core.PerfHWConfig) do
    entries[#entries + 1] = { kind = "hardware", name = name }
  end
  return entries
end

--- Functions of a program or library.
function kinds.uprobe(wanted)
  local entries = {}
  local path = wanted.path or ("/proc/%d/exe"):format(wanted.pid)
  for i, name in ipairs(core.BPF.get_user_functions(path, expression_of(wanted.pattern))) do
    entries[i] = { kind = "uprobe", name = name, path = path }
  end
  return entries
end

--- Static probes of a program or library, or of all that a process has mapped.
function kinds.usdt(wanted)
  local entries = {}
  local usdt <close> = core.USDT { path = wanted.path, pid = wanted.pid }
  for _, probe in ipairs(usdt:enumerate_probes()) do
    entries[#entries + 1] = {
      kind = "usdt",
      name = ("%s:%s"):format(probe.provider, probe.name),
      path = probe.path,
      probe = probe,
    }
  end
  return entries
end

-- The order in which they are asked when no kind is given. Programs are not searched unless one is
-- named.
list.kinds = {
  "tracepoint", "raw_tracepoint", "kprobe", "kfunc", "lsm", "iterator", "software", "hardware",
  "uprobe", "usdt",
}
local needs_program = { uprobe = true, usdt = true }
local filters_itself = {
  tracepoint = true, raw_tracepoint = true, kprobe = true, kfunc = true, lsm = true,
  iterator = true, uprobe = true,
}

local function is_kind(name)
  return kinds[name] ~= nil
end

-- What the kinds that have no search of their own gave, searched here.
local function filter(entries, pattern)
  local expression = "^" .. pattern:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*")
    :gsub("%?", ".") .. "$"
  local found = {}
  for _, entry in ipairs(entries) do
    if entry.name:find(expression) then
      found[#found + 1] = entry
    end
  end
  return found
end

local function of_kind(kind, wanted)
  local entries = kinds[kind](wanted)
  for _, entry in ipairs(entries) do
    entry.kind = kind
  end
  if not filters_itself[kind] then
    entries = filter(entries, wanted.pattern)
  end
  table.sort(entries, function(a, b) return a.name < b.name end)
  return entries
end

local function chosen_kinds(wanted)
  if wanted.kind then
    return { wanted.kind }
  end
  local chosen = {}
  local has_program = wanted.path or wanted.pid
  for _, kind in ipairs(list.kinds) do
    if (needs_program[kind] or false) == (has_program and true or false) then
      chosen[#chosen + 1] = kind
    end
  end
  return chosen
end

local function read_options(given)
  if type(given) == "string" then
    given = { pattern = given }
  end
  local names = { "kind", "pattern", "path", "pid", "fields" }
  local wanted = options.collect("list", names, given or {})
  local pattern = wanted.pattern or "*"
  if not wanted.kind then
    local kind, rest = pattern:match("^([%a_]+):(.*)$")
    if kind and is_kind(kind) then
      wanted.kind, pattern = kind, rest
    end
  end
  wanted.pattern = pattern ~= "" and pattern or "*"
  if wanted.kind and not is_kind(wanted.kind) then
    local best = options.nearest(wanted.kind, list.kinds)
    error(("list: there is no kind '%s'%s; kinds are %s"):format(wanted.kind,
      best and ("; did you mean '%s'?"):format(best) or "", table.concat(list.kinds, ", ")), 3)
  end
  if needs_program[wanted.kind] and not (wanted.path or wanted.pid) then
    error(("list: %s needs path or pid: whose probes?"):format(wanted.kind), 3)
  end
  return wanted
end

--- What can be probed; see meta/bpf.lua. The second result names the kinds that can't be listed,
-- with the reason.
function list.list(given)
  local wanted = read_options(given)
  local entries, refused = {}, {}
  for _, kind in ipairs(chosen_kinds(wanted)) do
    local done, found = pcall(of_kind, kind, wanted)
    if done then
      table.move(found, 1, #found, #entries + 1, entries)
    elseif wanted.kind then
      error(found, 0)
    else
      refused[kind] = tostring(found)
    end
  end
  return entries, refused
end

return list
