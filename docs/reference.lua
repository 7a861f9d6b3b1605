-- Writes docs/reference.md out of the annotations in lua/meta/bpf.lua:
--   lua5.4 docs/reference.lua > docs/reference.md

local width = 118

-- The sections, by the name that functions have in the annotations, and how users write it.
local sections = {
  { name = "bpf", title = "The module", prefix = "bpf." },
  { name = "static", title = "bpf.BPF", prefix = "BPF." },
  { name = "BPF", title = "BPF objects", prefix = "b:" },
  { name = "Table", title = "Tables", prefix = "t:" },
  { name = "Value", title = "Struct values", prefix = "value:" },
  { name = "Link", title = "Links", prefix = "link:" },
  { name = "Child", title = "Commands", prefix = "child:" },
  { name = "Iterator", title = "Iterators", prefix = "walk:" },
  { name = "USDT", title = "Static probes", prefix = "u:" },
  { name = "Heatmap", title = "Histograms over time", prefix = "map:" },
  { name = "flamegraph", title = "Flame graphs", prefix = "flamegraph." },
  { name = "SymbolCache", title = "Symbols of one process", prefix = "cache:" },
}

-- "name? rest of line" or "name rest".
local function split_name(text)
  local name, mark, rest = text:match("^(%S-)(%??)%s+(.*)$")
  return name, mark == "?", rest
end

-- Splits "type description": spaces inside brackets, and around |, belong to the type.
local function split_type(text)
  local depth, at = 0, 1
  while at <= #text do
    local char = text:sub(at, at)
    if char:find("[%(%{%[<]") then
      depth = depth + 1
    elseif char:find("[%)%}%]>]") then
      depth = depth - 1
    elseif char == " " and depth == 0 and text:sub(at - 1, at - 1) ~= ":" then
      break
    end
    at = at + 1
  end
  return text:sub(1, at - 1), text:sub(at + 1)
end

-- One annotated block: what stands in its lines that begin with ---.
local function new_block()
  return { text = {}, params = {}, returns = {}, fields = {}, overloads = {}, values = {} }
end

local function parse_tag(block, tag, rest)
  if tag == "param" or tag == "field" then
    local name, optional, after = split_name(rest)
    if name:sub(1, 1) == "[" then
      return -- what can be indexed is said in words
    end
    local kind, description = split_type(after)
    local list = tag == "param" and block.params or block.fields
    list[#list + 1] = { name = name, optional = optional, type = kind, text = description }
  elseif tag == "return" then
    local kind, after = split_type(rest)
    block.returns[#block.returns + 1] = { type = kind, text = after }
  elseif tag == "class" or tag == "alias" then
    block[tag], block.alias_of = rest:match("^(%S+)%s*(.*)$")
  elseif tag == "overload" then
    block.overloads[#block.overloads + 1] = rest
  end
end

-- The file: classes and aliases by name, functions by section.
local function parse(path)
  local classes, functions, block, last = {}, {}, new_block(), nil
  for line in io.lines(path) do
    local tag, rest = line:match("^%-%-%-@(%w+)%s*(.*)$")
    local value = line:match('^%-%-%-| "(.*)"$')
    local continued = line:match("^%-%-%- (.*)$") or (line == "---" and "")
    local section, name, arguments = line:match("^function ([%w_]+)[.:]([%w_]+)%((.-)%)")
    local object = line:match("^local ([%w_]+) = {}")
    if tag then
      parse_tag(block, tag, rest)
      last = (tag == "field" and block.fields) or (tag == "param" and block.params)
    elseif value then
      block.values[#block.values + 1] = ("`%q`"):format(value)
    elseif continued and last and #last > 0 and continued:find("^[^%u]") then
      last[#last].text = last[#last].text .. " " .. continued
    elseif continued then
      block.text[#block.text + 1] = continued
    else
      if section then
        block.name, block.arguments = name, arguments
        functions[section] = functions[section] or {}
        table.insert(functions[section], block)
      elseif object then
        classes[object] = block
      end
      if block.class or block.alias then
        classes[block.class or block.alias] = block
      end
      block, last = new_block(), nil
    end
  end
  return classes, functions
end

local lines = {}

-- Writes text, wrapped; lines after the first are indented like what follows the mark of a list.
local function write(text, first, rest)
  local line = first or ""
  local empty = true
  for word in text:gmatch("%S+") do
    if not empty and utf8.len(line) + 1 + utf8.len(word) > width then
      lines[#lines + 1] = line
      line, empty = rest or "", true
    end
    line = empty and line .. word or line .. " " .. word
    empty = false
  end
  lines[#lines + 1] = line
end

local function blank()
  if lines[#lines] ~= "" then
    lines[#lines + 1] = ""
  end
end

-- Description text; an empty line begins a paragraph, and lines that are indented are code.
local function write_text(text)
  local paragraph = {}
  local function flush()
    if #paragraph > 0 then
      write(table.concat(paragraph, " "))
      blank()
      paragraph = {}
    end
  end
  for _, line in ipairs(text) do
    if line == "" then
      flush()
    elseif line:find("^  ") then
      flush()
      lines[#lines + 1] = "  " .. line
    else
      paragraph[#paragraph + 1] = line
    end
  end
  flush()
  blank()
end

local classes, functions = parse("lua/meta/bpf.lua")
local is_object = {} -- classes that have a section of their own
for _, section in ipairs(sections) do
  local block = classes[section.name]
  if block and block.class then
    is_object[block.class] = true
  end
end
local told = {} -- classes whose fields have been listed

local write_item

-- The members of the classes that a type names, below it; each class once.
local function write_members(kind, indent)
  for name in kind:gmatch("bpf%.[%w_.]+") do
    local class = classes[name]
    if class and not is_object[name] and not told[name] then
      told[name] = true
      if class.alias then
        write_members(class.alias_of, indent)
      end
      for _, field in ipairs(class.fields) do
        write_item(field, indent)
      end
    end
  end
end

-- What Markdown would take for its own.
local function escape(text)
  return (text:gsub("[*<]", "\\%0"))
end

-- "fun(a: string): boolean" and "{ name: string }" as they are, names of option classes left out.
local function type_text(kind)
  local class = classes[kind:match("^bpf%.[%w_.]+$") or ""]
  if class and #class.values > 0 then
    return table.concat(class.values, ", ")
  end
  return "*" .. escape(kind:gsub("|", " or ")) .. "*"
end

function write_item(item, indent)
  local text = ("%s%s%s%s"):format(type_text(item.type), item.optional and ", optional" or "",
    item.text ~= "" and ": " or "", escape(item.text))
  write(("`%s` %s"):format(item.name, text), indent .. "- ", indent .. "  ")
  write_members(item.type, indent .. "  ")
end

local function signature(section, block)
  return ("%s%s(%s)"):format(section.prefix, block.name, block.arguments)
end

local function anchor(heading)
  return "#" .. heading:lower():gsub("[^%w_ -]", ""):gsub(" ", "-")
end

local function write_function(section, block)
  blank()
  write(("### `%s`"):format(signature(section, block)))
  blank()
  write_text(block.text)
  for _, param in ipairs(block.params) do
    write_item(param, "")
  end
  for i, result in ipairs(block.returns) do
    local text = ("%s %s"):format(type_text(result.type), escape(result.text))
    write((i == 1 and "returns " or "and ") .. text, "- ", "  ")
    write_members(result.type, "  ")
  end
end

-- "See BPF:ksym.": the same function without an object.
local function same_as_method(block)
  return #block.text == 1 and block.text[1]:match("^See BPF:[%w_]+%.$")
end

local function write_section(section)
  local block = classes[section.name] or new_block()
  local own, shared = {}, {}
  for _, fn in ipairs(functions[section.name] or {}) do
    table.insert(same_as_method(fn) and shared or own, fn)
  end
  blank()
  write("## " .. section.title)
  blank()
  write_text(block.text)
  for _, field in ipairs(block.fields) do
    write_item(field, "")
  end
  if section.name == "static" then
    told["bpf.options"] = true
    blank()
    write("Options of the constructor, `BPF{…}`:")
    blank()
    for _, field in ipairs(classes["bpf.options"].fields) do
      write_item(field, "")
    end
    blank()
    write("### Errors")
    blank()
    write(table.concat(classes["bpf.error"].text, " "))
    blank()
    for _, field in ipairs(classes["bpf.error"].fields) do
      write_item(field, "")
    end
  end
  if #shared > 0 then
    local names = {}
    for _, fn in ipairs(shared) do
      names[#names + 1] = ("`%s%s`"):format(section.prefix, fn.name)
    end
    blank()
    write("These methods of objects need none: " .. table.concat(names, ", ") .. ".")
  end
  for _, fn in ipairs(own) do
    write_function(section, fn)
  end
end

local function write_index()
  for _, section in ipairs(sections) do
    local names = {}
    for _, fn in ipairs(functions[section.name] or {}) do
      if not same_as_method(fn) then
        names[#names + 1] = ("[%s](%s)"):format(fn.name, anchor(signature(section, fn)))
      end
    end
    write(("[%s](%s): %s"):format(section.title, anchor(section.title), table.concat(names, ", ")),
      "- ", "  ")
  end
end

write("# API reference")
blank()
write([[
Made by `lua5.4 docs/reference.lua > docs/reference.md` out of the annotations in
`lua/meta/bpf.lua`, which editors with
the Lua language server read, too. `b` is a BPF object, `t` a table of it, `u` a
USDT context; optional arguments may be `nil`.]])
blank()
write_index()
for _, section in ipairs(sections) do
  write_section(section)
end
io.write(table.concat(lines, "\n"), "\n")
