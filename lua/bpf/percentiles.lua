-- Percentiles of histogram tables. A linear histogram's are exact; those of a power-of-two one are
-- interpolated: the values of a slot count as spread evenly from its least to its largest one, so
-- that a percentile is wrong by less than a factor of two.

local histogram <const> = require "bpf.histogram"
local options <const> = require "bpf.options"

local percentiles = { methods = {} }

local known <const> = { "kind", "by_bucket" }

-- Numbers are percents, all else are options.
local function split(given)
  local percents, named = {}, {}
  for name, value in pairs(given or {}) do
    if math.type(name) ~= "integer" then
      named[name] = value
    elseif type(value) ~= "number" or not (value >= 0 and value <= 100) then
      error(("percentiles: %s is no percentage from 0 to 100"):format(tostring(value)), 3)
    else
      percents[#percents + 1] = value
    end
  end
  if not percents[1] then percents = { 50, 90, 99 } end
  return percents, named
end

-- The value below which a share of all counted values lies; 100 gives the end of the last slot.
local function value_at(slots, total, percent)
  local rank <const>, before = total * percent / 100, 0
  for _, slot in ipairs(slots) do
    if before + slot.count >= rank then
      return slot.low + (slot.high - slot.low) * ((rank - before) / slot.count)
    end
    before = before + slot.count
  end
  return slots[#slots].high -- rounding
end

--- Percentiles of values by slot: {[50] =, …, count =, min =, max =}; nil when nothing was counted.
function percentiles.of(values, kind, percents)
  local slots, total, count = {}, 0.0, 0
  for index = 0, kind.slot_count - 1 do
    local value = values[index] or 0
    if value ~= 0 then
      local low, high = kind.bounds(index)
      local number = histogram.as_float(value)
      slots[#slots + 1] = { count = number, low = histogram.as_float(low),
        high = histogram.as_float(high), least = low, largest = high }
      total, count = total + number, count + value
    end
  end
  if not slots[1] then return nil end
  local result = { count = count, min = slots[1].least, max = slots[#slots].largest }
  for _, percent in ipairs(percents) do result[percent] = value_at(slots, total, percent) end
  return result
end

--- Sections as one.
function percentiles.merge(sections)
  local values = {}
  for _, section in ipairs(sections) do
    for slot, count in pairs(section.values) do values[slot] = (values[slot] or 0) + count end
  end
  return values
end

--- The kind of histogram of that name.
function percentiles.kind(method, name)
  local kind <const> = histogram.kinds[name or "log2"]
  if not kind then
    error(("%s: kind must be 'log2' or 'linear', not '%s'"):format(method, tostring(name)), 3)
  end
  return kind
end

local function measure(items, percents, kind, by_bucket)
  local sections <const> = histogram.sections(items, {}, kind.slot_count, "percentiles")
  if not by_bucket then return (percentiles.of(percentiles.merge(sections), kind, percents)) end
  local list = {}
  for _, section in ipairs(sections) do
    local result = percentiles.of(section.values, kind, percents)
    if result then
      result.bucket = section.bucket
      list[#list + 1] = result
    end
  end
  return list
end

--- Percentiles of a histogram table, those of all buckets together, or with by_bucket an array of
--- those of each. Without percents those of 50, 90 and 99. kind is "log2" (default) or "linear".
---   local p = b.latency:percentiles{ 50, 99.9 }
---   print(p[50], p[99.9], p.count, p.min, p.max)
function percentiles.methods:percentiles(given)
  local percents <const>, named <const> = split(given)
  local settings <const> = options.collect("percentiles", known, named)
  local kind <const> = percentiles.kind("percentiles", settings.kind)
  local result <const> = measure(self:items(), percents, kind, settings.by_bucket)
  return result
end

return percentiles
