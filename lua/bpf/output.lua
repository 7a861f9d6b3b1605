-- Tables and events for other programs: JSON, one value on a line (NDJSON), and CSV. All digits of
-- integers are written, those of u64 unsigned; readers that keep numbers as doubles round beyond
-- 2^53. Text is UTF-8: bytes that are none become U+FFFD each.

local portable <const> = require "bpf.portable"
local sink <const> = require "bpf.sink"

local output = { methods = {} }

local function dkjson(method, level)
  local found <const>, json <const> = pcall(require, "dkjson")
  if not found then
    error(method .. " needs the Lua module dkjson (Debian: lua-dkjson)", level + 1)
  end
  return json
end

local function tree_of(method, value)
  local ok <const>, tree <const> = pcall(portable.tree, value)
  if not ok then error(method .. ": " .. tostring(tree), 3) end
  return tree
end

--- A value as one line of JSON: a struct value with its fields in order, a Lua table, a number, …
---   bpf.json(event) --> {"pid":42,"comm":"cat","delta":18446744073709551615}
---   bpf.json{ seen = os.time(), event = event }
function output.json(value)
  return (dkjson("bpf.json", 2).encode(tree_of("bpf.json", value)))
end

-- Calls fn with the name and the value of each column that a part becomes: "a.b", "c[0]".
local function each_column(name, part, fn)
  local is_array <const>, is_flexible <const> = portable.is_array(part)
  local names <const> = portable.names(part)
  if names then
    for _, field in ipairs(names) do
      each_column(name ~= "" and name .. "." .. field or field, part[field], fn)
    end
  elseif is_flexible then
    fn(name, dkjson("CSV of a flexible array", 3).encode(part)) -- rows have as many columns
  elseif is_array then
    for i, element in ipairs(part) do
      each_column(("%s[%d]"):format(name, i - 1), element, fn)
    end
  else
    fn(name, part)
  end
end

local function quote(part)
  if type(part) ~= "string" then return tostring(part) end
  if part == "" or part:find('[",\r\n]') or part:find("^%s") or part:find("%s$") then
    return '"' .. part:gsub('"', '""') .. '"'
  end
  return part
end

local function names_of(tree)
  local names <const> = {}
  each_column("", tree, function(name) names[#names + 1] = quote(name) end)
  return table.concat(names, ",")
end

local function cells_of(tree)
  local cells <const> = {}
  each_column("", tree, function(_, part) cells[#cells + 1] = quote(part) end)
  return table.concat(cells, ",")
end

--- A value as one line of CSV, nested structs and arrays spread out; a flexible array is one
--- column, of JSON.
---   io.write(bpf.csv_header(event), "\n", bpf.csv(event), "\n")
function output.csv(value)
  return cells_of(tree_of("bpf.csv", value))
end

--- The names of the columns that bpf.csv gives for such a value: pid,addr.port,args[0],args[1]
function output.csv_header(value)
  return names_of(tree_of("bpf.csv_header", value))
end

-- Rows of a table as trees {key =, value =}.
local function rows_of(source, items)
  local key_type <const>, leaf_type <const> = source:key_type(), source:leaf_type()
  local place = 0
  return function()
    place = place + 1
    local item <const> = items[place]
    return item and portable.pair(item[1], key_type, item[2], leaf_type)
  end
end

--- Writes a line of JSON for each element, {"key":…,"value":…}, to a path, an open file, or the
--- current output; returns how many. The leaves of a per-CPU table are an array.
---   b.counts:write_json("counts.ndjson")
function output.methods:write_json(file)
  local json <const>, items <const> = dkjson("write_json", 2), self:items()
  sink.write("write_json", file, function(put)
    for row in rows_of(self, items) do put((json.encode(row)), "\n") end
  end)
  return #items
end

--- Writes a line with the names of the columns, and one for each element; returns how many
--- elements. Columns are key and value, or key.pid, key.comm, value[0], … of structs and arrays.
---   b.counts:write_csv(io.stdout)
function output.methods:write_csv(file)
  local items <const> = self:items()
  local first <const> = items[1] or { self:key(), self:leaf() }
  sink.write("write_csv", file, function(put)
    put(names_of(rows_of(self, { first })()), "\n")
    for row in rows_of(self, items) do put(cells_of(row), "\n") end
  end)
  return #items
end

return output
