-- Power-of-two and linear histograms, printed to the byte as BCC prints them.
--
-- A bucket's bounds are unsigned 64-bit numbers: those of slot 64 do not fit a Lua integer, so that
-- all numbers here are formatted as unsigned ones.

local options = require "bpf.options"
local unsigned = require "bpf.unsigned"

local histogram = { methods = {} }

local log2_slots = 65
local linear_slots = 1025
local names = {
  "val_type", "section_header", "section_print_fn", "bucket_fn", "strip_leading_zero",
  "bucket_sort_fn",
}
local json_names = {
  "val_type", "section_header", "section_print_fn", "bucket_fn", "bucket_sort_fn",
}

local function as_float(number)
  return number >= 0 and number + 0.0 or (number >> 1) * 2.0 + (number & 1)
end

local function left(text, width)
  return text .. (" "):rep(width - #text)
end

local function right(text, width)
  return (" "):rep(width - #text) .. text
end

local function stars(value, largest, width)
  if largest == 0 then
    return (" "):rep(width)
  end
  local count = math.min(math.floor(width * as_float(value) / as_float(largest)), width)
  return left(("*"):rep(count), width)
end

-- The highest index with a value in it, and the largest value; -1 and 0 when all are zero.
local function extent(values, slot_count)
  local last, largest = -1, 0
  for index = 0, slot_count - 1 do
    local value = values[index] or 0
    if value ~= 0 then
      last = index
    end
    if math.ult(largest, value) then
      largest = value
    end
  end
  return last, largest
end

local function log2_bounds(index)
  return index == 1 and 0 or 1 << (index - 1), (1 << index) - 1
end

--- Lines of a power-of-two histogram; values[i] counts what lies from 2^(i-1) to 2^i - 1. None when
--- nothing but slot 0 has a value.
function histogram.log2_lines(values, val_type, strip_leading_zero)
  local last, largest = extent(values, log2_slots)
  local lines = {}
  if last <= 0 then
    return lines
  end
  local wide = last > 32
  local bound_width, width = wide and 20 or 10, wide and 20 or 40
  lines[1] = (wide and (" "):rep(15) .. left(val_type, 29) or (" "):rep(5) .. left(val_type, 19))
    .. " : count     distribution"
  for index = 1, last do
    local value = values[index] or 0
    if value ~= 0 then
      strip_leading_zero = false
    end
    if not strip_leading_zero then
      local low, high = log2_bounds(index)
      lines[#lines + 1] = ("%s -> %s : %s |%s|"):format(right(unsigned(low), bound_width),
        left(unsigned(high), bound_width), left(unsigned(value), 8), stars(value, largest, width))
    end
  end
  return lines
end

--- Lines of a linear histogram; values[i] counts what is i.
function histogram.linear_lines(values, val_type, strip_leading_zero)
  local last, largest = extent(values, linear_slots)
  local lines = {}
  if last < 0 then
    return lines
  end
  lines[1] = (" "):rep(5) .. left(val_type, 13) .. " : count     distribution"
  for index = 0, last do
    local value = values[index] or 0
    if value ~= 0 then
      strip_leading_zero = false
    end
    if not strip_leading_zero then
      lines[#lines + 1] = ("        %s : %s |%s|"):format(left(unsigned(index), 10),
        left(unsigned(value), 8), stars(value, largest, 40))
    end
  end
  return lines
end

-- Errors are those of who called the public method, which is three calls above collect.

-- A leaf as a number; the leaves of a per-CPU map are added up.
local function as_count(leaf, method)
  if math.type(leaf) == "integer" then
    return leaf
  end
  local sum = 0
  for _, part in ipairs(type(leaf) == "table" and leaf or { leaf }) do
    if math.type(part) ~= "integer" then
      error(method .. ": the leaves must be integers", 6)
    end
    sum = sum + part
  end
  return sum
end

local function check_slot(slot, slot_count, method)
  if math.type(slot) ~= "integer" then
    error(("%s: a slot must be an integer, not a %s"):format(method, type(slot)), 6)
  elseif slot < 0 or slot >= slot_count then
    error(("Index in %s() of %s exceeds max of %d."):format(method, unsigned(slot), slot_count), 6)
  end
end

-- Splits a key that is a struct: the first field is the bucket, the second one the slot.
local function split(key, method)
  local fields = {}
  for _, field in pairs(key) do
    fields[#fields + 1] = field
  end
  if #fields < 2 then
    error(method .. ": the key must have a bucket and a slot", 6)
  end
  return fields[1], fields[2]
end

-- What equal buckets have in common: struct values and tables are equal by content here.
local function identity(bucket)
  if type(bucket) == "userdata" then
    return tostring(bucket)
  elseif type(bucket) ~= "table" then
    return bucket
  end
  local parts = {}
  for name, value in pairs(bucket) do
    parts[#parts + 1] = ("%s=%s"):format(name, identity(value))
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- Sections in the order in which their buckets were met: {bucket =, values =}. One without bucket
-- when the keys are no structs.
local function collect(items, settings, slot_count, method)
  local sections, by_identity = {}, {}
  for _, item in ipairs(items) do
    local key, count = item[1], as_count(item[2], method)
    local section = sections[1]
    if type(key) == "userdata" then
      local bucket, slot = split(key, method)
      if settings.bucket_fn then
        bucket = settings.bucket_fn(bucket)
      end
      local id = identity(bucket)
      section = by_identity[id]
      if not section then
        section = { bucket = bucket, values = {} }
        by_identity[id] = section
        sections[#sections + 1] = section
      end
      key = slot
    elseif not section then
      section = { values = {} }
      sections[1] = section
    end
    check_slot(key, slot_count, method)
    section.values[key] = count
  end
  return sections, by_identity
end

local function sort(sections, by_identity, sort_fn)
  local buckets, sorted = {}, {}
  for i, section in ipairs(sections) do
    buckets[i] = section.bucket
  end
  for i, bucket in ipairs(sort_fn(buckets) or buckets) do
    sorted[i] = by_identity[identity(bucket)] or { bucket = bucket, values = {} }
  end
  return sorted
end

local function sections_of(items, settings, slot_count, method)
  local sections, by_identity = collect(items, settings, slot_count, method)
  if settings.bucket_sort_fn and sections[1] and sections[1].bucket ~= nil then
    sections = sort(sections, by_identity, settings.bucket_sort_fn)
  end
  return sections
end

--- The kinds of histograms: how many slots they have, and the least and largest value of one.
histogram.kinds = {
  log2 = { slot_count = log2_slots, bounds = log2_bounds },
  linear = {
    slot_count = linear_slots,
    bounds = function(index) return index, index end,
  },
}

--- What a table's items say, by bucket: {bucket =, values = by slot}; one without bucket when keys
--- are no structs. To be called by a function that a public method calls.
histogram.sections = sections_of

--- An unsigned number as a float.
histogram.as_float = as_float

local function describe(bucket, print_fn)
  if print_fn then
    return tostring(print_fn(bucket))
  elseif math.type(bucket) == "integer" then
    return unsigned(bucket)
  end
  return tostring(bucket)
end

-- All lines, with an empty one before each bucket.
local function all_lines(items, settings, lines_of, slot_count, method)
  local header = settings.section_header or "Bucket ptr"
  local val_type = settings.val_type or "value"
  local all = {}
  for _, section in ipairs(sections_of(items, settings, slot_count, method)) do
    if section.bucket ~= nil then
      all[#all + 1] = ""
      all[#all + 1] = ("%s = %s"):format(header,
        describe(section.bucket, settings.section_print_fn))
    end
    for _, line in ipairs(lines_of(section.values, val_type, settings.strip_leading_zero)) do
      all[#all + 1] = line
    end
  end
  return all
end

local function print_histogram(items, settings, lines_of, slot_count, method)
  for _, line in ipairs(all_lines(items, settings, lines_of, slot_count, method)) do
    io.write(line, "\n")
  end
end

--- The power-of-two histograms of a table's items as one text.
function histogram.text(items)
  return table.concat(all_lines(items, {}, histogram.log2_lines, log2_slots, "show"), "\n")
end

function histogram.methods:print_log2_hist(...)
  local settings = options.collect("print_log2_hist", names, ...)
  print_histogram(self:items(), settings, histogram.log2_lines, log2_slots, "print_log2_hist")
end

function histogram.methods:print_linear_hist(...)
  local settings = options.collect("print_linear_hist", names, ...)
  print_histogram(self:items(), settings, histogram.linear_lines, linear_slots, "print_linear_hist")
end

-- dkjson writes integers as signed; one above 2^63 writes itself.
local unsigned_json = {
  __tojson = function(self)
    return unsigned(self.number)
  end,
}

local function as_json(number)
  return number >= 0 and number or setmetatable({ number = number }, unsigned_json)
end

local function json_data(values)
  local data = setmetatable({}, { __jsontype = "array" })
  for index = 1, (extent(values, log2_slots)) do
    local low, high = log2_bounds(index)
    data[index] = {
      ["interval-start"] = as_json(low),
      ["interval-end"] = as_json(high),
      count = as_json(values[index] or 0),
    }
  end
  return data
end

--- One line of JSON for each bucket.
function histogram.methods:print_json_hist(...)
  local settings = options.collect("print_json_hist", json_names, ...)
  local found, json = pcall(require, "dkjson")
  if not found then
    error("print_json_hist needs the Lua module dkjson (Debian: lua-dkjson)", 2)
  end
  local header = settings.section_header or "Bucket ptr"
  local order = {
    "ts", "val_type", "data", header, "interval-start", "interval-end", "count",
  }
  for _, section in ipairs(sections_of(self:items(), settings, log2_slots, "print_json_hist")) do
    local record = {
      ts = os.date("%Y-%m-%d %H:%M:%S"),
      val_type = settings.val_type or "value",
      data = json_data(section.values),
    }
    local bucket = section.bucket
    if math.type(bucket) == "integer" and not settings.section_print_fn then
      record[header] = as_json(bucket)
    elseif bucket ~= nil then
      record[header] = describe(bucket, settings.section_print_fn)
    end
    io.write(json.encode(record, { keyorder = order }), "\n")
  end
end

return histogram
