-- Values of C types as trees of plain Lua tables, for writers of text: fields in the order of their
-- declaration, integers exact. Lua's integers have no sign bit to spare and its numbers 53 bits, so
-- numbers that need more are tables that know their digits.

local core <const> = require "bpf.core"
local unsigned <const> = require "bpf.unsigned"
local utf8_text <const> = require "bpf.utf8_text"

local portable = {}

local deepest <const> = 100
local little_endian <const> = string.unpack("=I2", "\1\0") == 1

-- A number by its digits; dkjson calls __tojson.
local digits <const> = {
  __tojson = function(self) return self[1] end,
  __tostring = function(self) return self[1] end,
}

local function exact(text)
  return setmetatable({ text }, digits)
end

-- The shortest decimals that mean the same number.
local function float(number)
  if number ~= number or number == math.huge or number == -math.huge then
    return portable.null
  end
  local text
  for precision = 15, 17 do
    text = ("%." .. precision .. "g"):format(number):gsub(",", ".")
    if tonumber(text) == number then break end
  end
  return exact(text)
end

--- What stands for nothing: floats that are no number, and nil in a tree.
portable.null = setmetatable({}, {
  __tojson = function() return "null" end,
  __tostring = function() return "" end,
})

-- Decimal digits of 16 bytes, by long division in parts of 32 bits.
local function wide(bytes, signed)
  local low, high = string.unpack("=I8I8", bytes)
  if not little_endian then low, high = high, low end
  local minus = signed and high < 0
  if minus then
    low, high = -low, ~high + (low == 0 and 1 or 0)
  end
  local parts = { high >> 32, high & 0xFFFFFFFF, low >> 32, low & 0xFFFFFFFF }
  local text = ""
  repeat
    local rest, more = 0, false
    for i = 1, 4 do
      local part = rest << 32 | parts[i]
      parts[i], rest = part // 1000000000, part % 1000000000
      more = more or parts[i] ~= 0
    end
    text = ("%09d"):format(rest) .. text
  until not more
  return exact((minus and "-" or "") .. text:gsub("^0+(%d)", "%1"))
end

local function is_unsigned(ctype)
  return ctype.kind == "pointer"
    or (ctype.kind == "int" or ctype.kind == "enum") and not ctype.signed
end

local function object()
  return setmetatable({}, { __jsontype = "object", __jsonorder = {} })
end

local function array(is_flexible)
  return setmetatable({}, { __jsontype = "array", is_flexible = is_flexible })
end

local function set(into, name, part)
  local order <const> = getmetatable(into).__jsonorder
  order[#order + 1] = name
  into[name] = part
end

local typed

local function add_fields(into, value, ctype, depth)
  for _, field in ipairs(ctype.fields) do
    if field.name == "" then
      add_fields(into, value, field.type, depth) -- an anonymous one's fields are the outer one's
    else
      set(into, field.name, typed(value[field.name], field.type, depth + 1))
    end
  end
  return into
end

-- Arrays, and the leaves of all CPUs, whose type is that of one.
local function list_of(value, ctype, depth)
  local is_array <const> = ctype.kind == "array"
  local list <const> = array(is_array and ctype.count == 0)
  local element <const> = is_array and ctype.element or ctype
  for i, part in ipairs(value) do list[i] = typed(part, element, depth + 1) end
  return list
end

-- A value whose C type is known.
function typed(value, ctype, depth)
  if type(value) == "table" or ctype.kind == "array" and type(value) == "userdata" then
    return list_of(value, ctype, depth)
  elseif ctype.fields then
    return add_fields(object(), value, ctype, depth)
  elseif math.type(value) == "integer" then
    return value < 0 and is_unsigned(ctype) and exact(unsigned(value)) or value
  elseif ctype.kind == "int" and type(value) == "string" then
    return wide(value, ctype.signed)
  end
  return portable.tree(value, depth)
end

local function sorted_names(value)
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if math.type(a) and math.type(b) then return a < b end
    return tostring(a) < tostring(b)
  end)
  return names
end

local function plain_table(value, depth)
  if getmetatable(value) == digits or value == portable.null then return value end
  local names <const> = sorted_names(value)
  if #names == #value then
    local list = array()
    for i = 1, #value do list[i] = portable.tree(value[i], depth + 1) end
    return list
  end
  local into <const> = object()
  for _, name in ipairs(names) do
    set(into, utf8_text(tostring(name)), portable.tree(value[name], depth + 1))
  end
  return into
end

--- The tree of any value: struct values by their types, tables with what lies in them (those with
--- the keys 1 to n, or none, are arrays, others objects with sorted names), strings as UTF-8.
function portable.tree(value, depth)
  depth = depth or 0
  if depth > deepest then
    error("the value is nested too deep, or contains itself", 0)
  end
  local kind <const> = type(value)
  local ctype <const> = kind == "userdata" and core.type_of(value)
  if ctype then
    return typed(value, ctype, depth)
  elseif kind == "table" then
    return plain_table(value, depth)
  elseif kind == "string" then
    return utf8_text(value)
  elseif math.type(value) == "float" then
    return float(value)
  elseif kind == "boolean" or kind == "number" then
    return value
  elseif kind == "nil" then
    return portable.null
  end
  error(("a %s can't be written as text for other programs"):format(kind), 0)
end

-- Bytes of a map whose type is not known are hexadecimal digits.
local function of_type(value, ctype)
  if ctype then
    return typed(value, ctype, 0)
  elseif type(value) == "string" then
    return (value:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
  end
  return portable.tree(value)
end

--- The tree {key =, value =} of an element of a map, whose types Table:key_type() and leaf_type()
--- give.
function portable.pair(key, key_type, leaf, leaf_type)
  local pair <const> = object()
  set(pair, "key", of_type(key, key_type))
  set(pair, "value", of_type(leaf, leaf_type))
  return pair
end

--- Names of an object's parts, in order; nil for an array or a single value.
function portable.names(part)
  local meta <const> = type(part) == "table" and getmetatable(part)
  return meta and meta.__jsonorder or nil
end

--- Whether a part is an array, and whether its length is not the type's.
function portable.is_array(part)
  local meta <const> = type(part) == "table" and getmetatable(part)
  local found <const> = meta and meta.__jsontype == "array"
  return found, found and meta.is_flexible
end

return portable
