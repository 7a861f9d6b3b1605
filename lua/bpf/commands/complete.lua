-- What `luabpf WORD…` may go on with, one candidate a line, for the completion of shells:
-- luabpf --complete WORD… LAST, where LAST is the word to complete, maybe empty.
-- A line that ends in "/" or the single line "FILES" asks the shell for files.

local scripts = os.getenv("LUABPF_SCRIPTS")
local commands = package.searchpath("bpf.commands.complete", package.path):match("^(.*)/")
local words = table.move(arg, 1, #arg, 1, {})
local last = table.remove(words) or ""

-- Kinds of `luabpf list` and the options of it that stand without argparse.
local own_options = {
  cache = { "--clear" },
  doctor = { "--help" },
}

local function exists(path)
  local file = io.open(path)
  return file and file:close()
end

local function names_in(folder)
  local names = {}
  local pipe = io.popen(("ls '%s' 2>/dev/null"):format(folder:gsub("'", "'\\''")))
  for file in pipe:lines() do
    names[#names + 1] = file:match("^(.*)%.lua$")
  end
  pipe:close()
  return names
end

local function first_words()
  local internal = { complete = true, eval = true, interactive = true }
  local list = { "-e", "-i", "--help", "--version" }
  if last:sub(1, 1) ~= "-" then
    list = names_in(scripts)
    for _, name in ipairs(names_in(commands)) do
      list[#list + 1] = not internal[name] and name or nil
    end
    list[#list + 1] = "FILES"
  end
  return list
end

local function options_of(path, name)
  if own_options[name] then
    return own_options[name]
  end
  local options = {}
  local help = require "bpf.script_help"(path) or ""
  for line in help:gmatch("[^\n]+") do
    for option in (line:match("^%s+(%-[%w%-, ]*)") or ""):gmatch("%-%-?[%w%-]+") do
      options[#options + 1] = option
    end
  end
  return options
end

-- Patterns of `luabpf list`: a kind, then what it has up to the next colon.
local function probes()
  local list = require "bpf.list"
  local kind = last:match("^([%a_]+):")
  local candidates, seen = {}, {}
  if not kind then
    for _, name in ipairs(list.kinds) do
      candidates[#candidates + 1] = name .. ":"
    end
    return candidates
  end
  local done, entries = pcall(list.list, last:gsub("%*?$", "*"))
  for _, entry in ipairs(done and entries or {}) do
    local whole = ("%s:%s"):format(kind, entry.name)
    local step = whole:match("^" .. last:gsub("%p", "%%%0") .. "[^:]*:?") or whole
    if not seen[step] then
      seen[step] = true
      candidates[#candidates + 1] = step
    end
  end
  return candidates
end

local function candidates()
  local name = words[1]
  if not name then
    return first_words()
  elseif name == "-e" then
    return {}
  elseif name == "-i" then
    return { "FILES" }
  end
  local path = name
  if not name:find("[/.]") then
    path = ("%s/%s.lua"):format(commands, name)
    path = exists(path) and path or ("%s/%s.lua"):format(scripts, name)
  end
  if last:sub(1, 1) == "-" then
    return options_of(path, name)
  elseif name == "list" and words[#words] == "--path" then
    return { "FILES" }
  elseif name == "list" and words[#words]:find("^%-%-?k") then
    return require "bpf.list".kinds
  elseif name == "list" then
    return probes()
  end
  return { "FILES" }
end

for _, candidate in ipairs(candidates()) do
  if candidate == "FILES" or candidate:sub(1, #last) == last then
    print(candidate)
  end
end
