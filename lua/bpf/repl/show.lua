-- Values as a person wants to read them: tables of a program as aligned columns or as bars, struct
-- values field by field, lists of equal things as columns.

local histogram = require "bpf.histogram"
local unsigned = require "bpf.unsigned"

local row_limit = 100 -- more is not read by anyone
local depth_limit = 4

local function kind_of(value)
  local kind = type(value) == "userdata" and getmetatable(value)
  return type(kind) == "string" and kind or type(value)
end

-- Text without what would move the cursor.
local function printable(text)
  return (text:gsub("[%c\x7f]", function(c) return ("\\x%02x"):format(c:byte()) end))
end

local function sorted_keys(value)
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    if math.type(a) and math.type(b) then
      return a < b
    end
    return type(a) == type(b) and tostring(a) < tostring(b) or type(a) < type(b)
  end)
  return keys
end

local cell

-- A Lua table in one line.
local function in_braces(value, depth)
  if depth >= depth_limit then
    return "{…}"
  end
  local parts, done = {}, {}
  for i, element in ipairs(value) do
    if i > row_limit then
      parts[#parts + 1] = "…"
      break
    end
    parts[i], done[i] = cell(element, depth + 1), true
  end
  for _, key in ipairs(sorted_keys(value)) do
    if not done[key] and not (math.type(key) and #parts > row_limit) then
      local name = type(key) == "string" and key:find("^[%a_][%w_]*$") and key
        or "[" .. cell(key, depth + 1) .. "]"
      parts[#parts + 1] = name .. " = " .. cell(value[key], depth + 1)
    end
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

--- A value in one line, as it stands inside others.
function cell(value, depth)
  local metatable = type(value) == "table" and getmetatable(value)
  if type(value) == "string" then
    return '"' .. printable(value) .. '"'
  elseif type(value) == "table" and not (metatable and metatable.__tostring) then
    return in_braces(value, depth or 0)
  end
  return printable(tostring(value))
end

-- Rows of equal length as lines; numbers stand to the right.
local function columns(headers, rows)
  local widths, lines = {}, {}
  for i, header in ipairs(headers) do
    widths[i] = utf8.len(header) or #header
  end
  for _, row in ipairs(rows) do
    for i, text in ipairs(row) do
      widths[i] = math.max(widths[i], utf8.len(text.text) or #text.text)
    end
  end
  local function line(texts, to_right)
    local parts = {}
    for i, text in ipairs(texts) do
      local padding = (" "):rep(widths[i] - (utf8.len(text) or #text))
      parts[i] = to_right(i) and padding .. text or text .. padding
    end
    lines[#lines + 1] = (table.concat(parts, "  "):gsub(" +$", ""))
  end
  line(headers, function(i) return rows[1] and rows[1][i].is_number end)
  for _, row in ipairs(rows) do
    local texts = {}
    for i, text in ipairs(row) do
      texts[i] = text.text
    end
    line(texts, function(i) return row[i].is_number end)
  end
  return table.concat(lines, "\n")
end

-- One cell of a column; strings need no quotation marks there.
local function column_cell(value)
  return {
    text = type(value) == "string" and printable(value)
      or math.type(value) == "integer" and unsigned(value) or cell(value),
    is_number = math.type(value) ~= nil,
  }
end

-- Appends the columns that a key or leaf takes: those of a struct's fields, or one.
local function spread(value, name, headers, row)
  if kind_of(value) ~= "bpf.value" then
    headers[#headers + 1] = name
    row[#row + 1] = column_cell(value)
    return
  end
  for field, content in pairs(value) do
    headers[#headers + 1] = field
    row[#row + 1] = column_cell(content)
  end
end

local function more(total)
  return total > row_limit and ("\n… and %d more"):format(total - row_limit) or ""
end

-- Bars, when the table looks like what BPF_HISTOGRAM makes; else nil.
local function bars(table_, items)
  if table_.ttype == 2 and table_.max_entries == 64 and math.type(items[1] and items[1][2]) then
    local values = {}
    for _, item in ipairs(items) do
      values[item[1]] = item[2]
    end
    local lines = histogram.log2_lines(values, "value")
    return lines[1] and table.concat(lines, "\n")
  end
  local key = items[1] and items[1][1]
  local fields = {}
  for field in pairs(kind_of(key) == "bpf.value" and key or {}) do
    fields[#fields + 1] = field
  end
  if #fields == 2 and fields[2] == "slot" and math.type(items[1][2]) then
    return histogram.text(items)
  end
end

local function is_zero(leaf)
  if type(leaf) == "table" then
    for _, element in pairs(leaf) do
      if not is_zero(element) then
        return false
      end
    end
    return true
  end
  return leaf == 0
end

-- The pairs of a table of the program. Elements of arrays that are zero are left out.
local function bpf_table(table_)
  local done, items = pcall(table_.items, table_)
  if not done then
    return tostring(table_)
  end
  local bar_lines = bars(table_, items)
  if bar_lines then
    return bar_lines
  end
  local is_array = table_.ttype == 2 or table_.ttype == 6
  local headers, rows, total = {}, {}, 0
  for _, item in ipairs(items) do
    if not (is_array and is_zero(item[2])) then
      total = total + 1
      if total <= row_limit then
        local row = {}
        headers = {}
        spread(item[1], "key", headers, row)
        spread(item[2], "leaf", headers, row)
        rows[total] = row
      end
    end
  end
  if total == 0 then
    return tostring(table_) .. (is_array and #items > 0 and ": all zero" or ": empty")
  end
  return columns(headers, rows) .. more(total)
end

local function struct(value)
  local rows, width = {}, 0
  for field in pairs(value) do
    width = math.max(width, #field)
  end
  for field, content in pairs(value) do
    rows[#rows + 1] = ("%s%s = %s"):format(field, (" "):rep(width - #field), cell(content))
  end
  return table.concat(rows, "\n")
end

local function bpf_object(b)
  local done, walk, state = pcall(pairs, b)
  if not done then
    return tostring(b)
  end
  local lines = { tostring(b) }
  for _, name in ipairs(b:functions()) do
    lines[#lines + 1] = "  function " .. name
  end
  for name, table_ in walk, state do
    lines[#lines + 1] = ("  %s: %s"):format(name, tostring(table_))
  end
  return table.concat(lines, "\n")
end

-- A list of tables that have the same plain fields, as bpf.list gives it.
local function list(value)
  local names, seen = {}, {}
  for i = 1, math.min(#value, row_limit) do
    if type(value[i]) ~= "table" or getmetatable(value[i]) then
      return nil
    end
    for _, name in ipairs(sorted_keys(value[i])) do
      if type(name) ~= "string" then
        return nil
      end
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  local rows = {}
  for i = 1, math.min(#value, row_limit) do
    rows[i] = {}
    for at, name in ipairs(names) do
      local content = value[i][name]
      rows[i][at] = content == nil and { text = "" } or column_cell(content)
    end
  end
  return names[1] and columns(names, rows) .. more(#value)
end

local function lua_table(value)
  local metatable = getmetatable(value)
  if metatable and metatable.__tostring then
    return tostring(value)
  elseif next(value) == nil then
    return "{}"
  end
  local as_columns = #value > 0 and list(value)
  if as_columns then
    return as_columns
  end
  local line = cell(value)
  if #line <= 80 then
    return line
  end
  local lines, keys = { "{" }, sorted_keys(value)
  for i = 1, math.min(#keys, row_limit) do
    local key = keys[i]
    local name = type(key) == "string" and key:find("^[%a_][%w_]*$") and key .. " = "
      or math.type(key) and "" or "[" .. cell(key) .. "] = "
    lines[#lines + 1] = ("  %s%s,"):format(name, cell(value[key], 1))
  end
  lines[#lines + 1] = #keys > row_limit and ("  … and %d more }"):format(#keys - row_limit) or "}"
  return table.concat(lines, "\n")
end

local showers = {
  ["bpf.Table"] = bpf_table,
  ["bpf.BPF"] = bpf_object,
  ["bpf.value"] = struct,
  table = lua_table,
}

--- The text that shows a value; it may have several lines.
local function show(value)
  local shower = showers[kind_of(value)]
  return shower and shower(value) or tostring(value)
end

return show
