-- What may stand at the end of a line that a person types: globals, fields, methods, tables of a
-- program, fields of structs, and inside quotation marks the names of probes.

local list = require "bpf.list"

local keywords = {
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
  "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
}

local complete = {}

-- Names that a value can be followed by; dot tells whether "." stands there, else ":".
local function members_of(value, dot)
  local bpf = require "bpf"
  local names = {}
  local function add(container, only_functions)
    for name, member in pairs(container) do
      if type(name) == "string" and name:find("^[%a_][%w_]*$")
        and (not only_functions or type(member) == "function") then
        names[name] = true
      end
    end
  end
  local kind = type(value) == "userdata" and getmetatable(value)
  local methods = ({
    ["bpf.BPF"] = "BPF", ["bpf.Table"] = "Table", ["bpf.Link"] = "Link", ["bpf.value"] = "Value",
    ["bpf.USDT"] = "USDT", ["bpf.Iterator"] = "Iterator", ["bpf.Child"] = "Child",
  })[kind]
  if not dot then
    add(methods and bpf.methods[methods] or type(value) == "table" and value
      or type(value) == "string" and string or {}, true)
  elseif type(value) == "table" or kind == "bpf.BPF" or kind == "bpf.value" then
    pcall(add, value)
  elseif kind == "bpf.Table" then
    for _, name in ipairs { "name", "max_entries", "flags", "ttype", "key_size", "leaf_size" } do
      names[name] = true
    end
  end
  return names
end

-- The value of a chain such as a.b:c without calling anything; nil when there is none.
local function value_of(chain, environment)
  local value = environment
  for name in chain:gmatch("[^.:]+") do
    local known, member = pcall(function() return value[name] end)
    if not known or member == nil then
      return nil
    end
    value = member
  end
  return value
end

local function sorted(names, prefix, last)
  local found = {}
  for name in pairs(names) do
    if name:sub(1, #last) == last then
      found[#found + 1] = prefix .. name
    end
  end
  table.sort(found)
  return found
end

local function expression(word, environment)
  local chain, separator, last = word:match("^(.*)([.:])([%w_]*)$")
  if chain then
    local value = value_of(chain, environment)
    return value == nil and {}
      or sorted(members_of(value, separator == "."), chain .. separator, last)
  end
  local names = {}
  for _, keyword in ipairs(keywords) do
    names[keyword] = true
  end
  for _, scope in ipairs { _G, environment } do
    for name in pairs(scope) do
      names[type(name) == "string" and name or ""] = true
    end
  end
  return word == "" and {} or sorted(names, "", word)
end

-- Which kind of probe a string names, by what stands before it.
local function kind_before(text)
  local method = text:match("attach_(%w+)[^%w]*[^}]*$")
  local option = text:match("([%w_]+)%s*=%s*[\"']$")
  if option == "tp" then
    return method == "raw" and "raw_tracepoint" or "tracepoint"
  elseif option == "event" and method then
    return "kprobe"
  elseif text:find("list%s*[({]?%s*[\"']$") then
    return "any"
  end
end

-- Probe names that begin with word, up to the next colon.
local function probes(word, kind)
  if kind == "any" and not word:find(":") then
    local kinds = {}
    for _, name in ipairs(list.kinds) do
      kinds[name .. ":"] = true
    end
    return sorted(kinds, "", word)
  end
  local prefix = kind == "any" and word:match("^[^:]*:") or ""
  local done, entries = pcall(list.list, {
    pattern = word:sub(#prefix + 1) .. "*", kind = kind == "any" and prefix:sub(1, -2) or kind,
  })
  local names = {}
  for _, entry in ipairs(done and entries or {}) do
    local rest = entry.name:sub(#word - #prefix + 1)
    names[word .. (rest:match("^[^:]*:") or rest)] = true
  end
  return sorted(names, "", "")
end

-- Functions of the program that stands before the method: b:attach_kprobe{…, fn_name = "
local function functions(before, word, environment)
  local b = value_of(before:match("([%w_.]+):attach_[%w_]+[^:]*$") or "", environment)
  local names = {}
  local done, list_of = pcall(function() return b:functions() end)
  for _, name in ipairs(done and list_of or {}) do
    names[name] = true
  end
  return sorted(names, "", word)
end

--- Candidates for the word that stands at line[from, to], whole.
function complete.candidates(line, from, to, environment)
  local word, before = line:sub(from, to), line:sub(1, from - 1)
  if not before:find("[\"']$") then
    return expression(word, environment)
  elseif before:find("fn_name%s*=%s*[\"']$") then
    return functions(before, word, environment)
  end
  local kind = kind_before(before)
  return kind and probes(word, kind) or {}
end

return complete
