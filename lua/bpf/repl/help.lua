-- help(x): what the annotations in lua/meta/bpf.lua say about a function, an object or a name. They
-- are read at the first question.

local help = {}

-- The annotations, in the source tree or in an installation.
local function read_annotations()
  local path = package.searchpath("bpf.meta", package.path)
    or package.searchpath("meta.bpf", package.path)
  local file = path and io.open(path)
  if not file then
    return nil
  end
  local text = file:read("a")
  file:close()
  return text
end

-- {functions = {["BPF:close"] = entry}, classes = {["bpf.Table"] = entry}}; an entry has text, the
-- signature and the tags in their order.
local function parse(text)
  local parsed = { functions = {}, classes = {} }
  local entry = { text = {}, tags = {} }
  for line in text:gmatch("([^\n]*)\n") do
    local tag, rest = line:match("^%-%-%-@(%w+)%s*(.*)$")
    local prose = line:match("^%-%-%- ?(.*)$")
    local signature, name = line:match("^function (([%w_]+[.:][%w_]+)%(.*%)) end$")
    if tag == "class" then
      entry.class = rest:match("^[%w_.]+")
      parsed.classes[entry.class] = entry
    elseif tag then
      entry.tags[#entry.tags + 1] = { tag = tag, text = rest }
    elseif prose and entry.tags[1] and not prose:find("^|") then
      local last = entry.tags[#entry.tags] -- a tag that goes on
      last.text = last.text .. " " .. prose
    elseif prose then
      entry.text[#entry.text + 1] = prose
    else
      if signature then
        entry.signature, parsed.functions[name] = signature, entry
      end
      entry = { text = {}, tags = {} }
    end
  end
  return parsed
end

local annotations

local function load_annotations()
  if annotations == nil then
    local text = read_annotations()
    annotations = text and parse(text) or false
  end
  return annotations
end

-- "BPF:attach_kprobe" of the very function; nil when it is none of ours. What stands in two places
-- has its name in the first.
local function name_of(fn)
  local bpf = require "bpf"
  local places = { { "bpf.", bpf }, { "static.", bpf.BPF } }
  for class, methods in pairs(bpf.methods) do
    places[#places + 1] = { class .. ":", methods }
  end
  for _, place in ipairs(places) do
    for name, member in pairs(place[2]) do
      if member == fn then
        return place[1] .. name
      end
    end
  end
end

local function as_user_writes(signature)
  return (signature:gsub("^static%.", "BPF."):gsub("^BPF:", "b:"):gsub("^Table:", "b.table:"))
end

-- "name? type what it is" in three parts; the type may hold blanks inside brackets.
local function split_field(text)
  local name, rest = text:match("^(%S+)%s+(.*)$")
  if not name then
    return text, "", ""
  end
  local depth, stop = 0, #rest
  for at = 1, #rest do
    local c = rest:sub(at, at)
    depth = depth + (c:find("[%(%[{<]") and 1 or c:find("[%)%]}>]") and -1 or 0)
    if c == " " and depth == 0 and not rest:sub(1, at - 1):find("[:,|]$") then
      stop = at
      break
    end
  end
  return name, rest:sub(1, stop):gsub("%s+$", ""), rest:sub(stop + 1)
end

local function add_fields(lines, entry, indent)
  for _, tag in ipairs(entry.tags) do
    if tag.tag == "field" and not tag.text:find("^%[") then
      local name, type_name, text = split_field(tag.text)
      lines[#lines + 1] = ("%s%-16s %s%s"):format(indent, name, type_name,
        text ~= "" and "  " .. text or "")
    end
  end
end

local function describe_function(entry)
  local lines = { as_user_writes(entry.signature) }
  for _, line in ipairs(entry.text) do
    lines[#lines + 1] = "  " .. line
  end
  for _, tag in ipairs(entry.tags) do
    if tag.tag == "param" then
      local name, type_name, text = split_field(tag.text)
      lines[#lines + 1] = ("  %-18s %s%s"):format(name, type_name,
        text ~= "" and "  " .. text or "")
      for class in type_name:gmatch("bpf%.[%w_.]+") do
        local options = class:find("options$") and annotations.classes[class]
        if options then
          add_fields(lines, options, "    ")
        end
      end
    elseif tag.tag == "return" then
      lines[#lines + 1] = "  gives " .. tag.text
    end
  end
  return table.concat(lines, "\n")
end

-- The first clause about a function; of one that only refers to another, that one's.
local function summary(entry)
  local text = table.concat(entry.text, " ")
  local other = annotations.functions[text:match("^See ([%w_.:]+)%.$")]
  return other and summary(other) or text:gsub("[.;:] .*", ""):gsub("[.:]$", "")
end

-- What an object is, and its methods with a line about each.
local function describe_class(class)
  local entry = annotations.classes[class]
  local lines = { (class:gsub("%.static$", "")) }
  for _, line in ipairs(entry and entry.text or {}) do
    lines[#lines + 1] = "  " .. line
  end
  if entry then
    add_fields(lines, entry, "  ")
  end
  local names = {}
  local prefix = class == "bpf" and "bpf." or class == "bpf.BPF.static" and "static."
    or class:gsub("^bpf%.", "") .. ":"
  for name in pairs(annotations.functions) do
    if name:sub(1, #prefix) == prefix then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    lines[#lines + 1] = ("  %-32s %s"):format(name:gsub("^[%w]+", "", 1),
      summary(annotations.functions[name]))
  end
  return table.concat(lines, "\n")
end

local overview = [[
help(x) tells about a function, an object or a name: help(bpf.sleep), help(b), help "attach_kprobe".
  bpf       functions of the module: help(bpf)
  BPF       makes a program: b = BPF{text = [=[ … ]=]}; help(BPF), then help(b)
  USDT      static probe points: help(USDT)
The value of what you type is shown; b.name shows the table called name. Ctrl-C ends what runs,
Ctrl-D the session. TAB completes names, and the names of probes inside quotation marks.]]

-- Functions whose own name is this one: "sleep", "attach_kprobe", "BPF:close".
local function by_name(name)
  local found = {}
  for full, entry in pairs(annotations.functions) do
    if full == name or full:match("[.:]([%w_]+)$") == name then
      found[#found + 1] = describe_function(entry)
    end
  end
  table.sort(found)
  return found[1] and table.concat(found, "\n\n")
end

--- The text about x; without x, how to start.
function help.text(...)
  local x = ...
  if not load_annotations() then
    return "the annotations (lua/meta/bpf.lua) are not installed"
  elseif select("#", ...) == 0 then
    return overview
  end
  local bpf = require "bpf"
  local kind = type(x) == "userdata" and getmetatable(x)
  if type(x) == "function" then
    local name = name_of(x)
    return name and annotations.functions[name] and describe_function(annotations.functions[name])
      or "a function that is not luabpf's"
  elseif x == bpf then
    return describe_class("bpf")
  elseif x == bpf.BPF then
    return describe_class("bpf.BPF.static")
  elseif type(kind) == "string" then
    return describe_class(kind == "bpf.value" and "bpf.Value" or kind)
  elseif type(x) == "string" then
    local class = annotations.classes[x] and x or annotations.classes["bpf." .. x] and "bpf." .. x
    return class and describe_class(class) or by_name(x)
      or ("nothing is called '%s'; what programs in C use is in docs/dialect.md"):format(x)
  end
  return ("a %s: %s"):format(type(x), tostring(x))
end

return help
