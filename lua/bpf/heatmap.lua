-- A histogram over time for terminals: each line is an interval, each column a slot, and the
-- brighter a cell, the more values it counts. Brightness is the logarithm of the count, as a share
-- of that of the largest one so far. Where colours can't be seen, characters stand for them.

local histogram <const> = require "bpf.histogram"
local options <const> = require "bpf.options"
local percentiles <const> = require "bpf.percentiles"

local heatmap = { methods = {} }

local shades <const> = { ".", ":", "-", "=", "+", "*", "#", "%", "@" }
local colours <const> = { -- of the 256 of xterm, from dark blue over green to red
  17, 18, 19, 20, 26, 32, 38, 43, 42, 41, 40, 76, 112, 148, 184, 220, 214, 208, 202, 196,
}
local prefix <const> = 9 -- "12:34:56 "

local function is_terminal(file)
  local descriptor <const> = file == io.stdout and 1 or file == io.stderr and 2
  return descriptor and os.execute("test -t " .. descriptor) == true
end

local function terminal_width()
  local columns = tonumber(os.getenv("COLUMNS"))
  if not columns then
    local pipe <close> = io.popen("stty size 2>/dev/null </dev/tty")
    columns = pipe and tonumber((pipe:read("a"):match("%d+%s+(%d+)")))
  end
  return columns and columns > 0 and columns or 80
end

local known <const> = { "kind", "width", "file", "color", "step" }

local function check_number(given, name, least)
  local value <const> = given[name]
  if value ~= nil and (math.type(value) ~= "integer" or value < least) then
    error(("heatmap: %s must be an integer of at least %d"):format(name, least), 3)
  end
end

--- A heat map. Options: kind ("log2" or "linear"), width (columns of the terminal), file
--- (io.stdout), color (true: 256 colours, false: characters; by default colours on a terminal,
--- unless NO_COLOR is set), step (slots in a column, 1).
---   local map = bpf.heatmap{ kind = "log2" }
---   while bpf.sleep(1) == 0 do map:add(b.latency) end
function heatmap.new(...)
  local given <const> = options.collect("heatmap", known, ...)
  check_number(given, "width", prefix + 8)
  check_number(given, "step", 1)
  if given.file ~= nil and io.type(given.file) ~= "file" then
    error("heatmap: the file must be an open file", 2)
  end
  local file <const> = given.file or io.stdout
  local on_terminal <const> = is_terminal(file)
  local color = given.color
  if color == nil then color = on_terminal and (os.getenv("NO_COLOR") or "") == "" end
  local width <const> = given.width or on_terminal and terminal_width() or 80
  local kind <const> = percentiles.kind("heatmap", given.kind)
  local first <const> = kind == histogram.kinds.log2 and 1 or 0
  local step <const> = given.step or 1
  local cell <const> = first == 1 and 2 or 1
  local needed <const> = (kind.slot_count - first + step - 1) // step
  return setmetatable({
    kind = kind, first = first, step = step, cell = cell, color = color, file = file,
    columns = math.min(needed, (width - prefix - 1) // cell), -- one left: lines must not wrap
    largest = 0.0, before = {},
  }, heatmap)
end

heatmap.__index = heatmap.methods

-- What came since the last interval. A slot that has less now was cleared in between.
local function difference(self, values)
  local new = {}
  for slot, value in pairs(values) do
    local old = self.before[slot] or 0
    new[slot] = math.ult(value, old) and value or value - old
  end
  self.before = values
  return new
end

-- Counts by column; the last one has all that lies beyond it.
local function columns_of(self, values)
  local counts = {}
  for column = 1, self.columns do counts[column] = 0.0 end
  for slot, value in pairs(values) do
    local column <const> = (math.max(slot, self.first) - self.first) // self.step + 1
    local place <const> = math.min(column, self.columns)
    counts[place] = counts[place] + histogram.as_float(value)
  end
  return counts
end

local function level(count, largest, levels)
  if count <= 0 then return 0 end
  if count >= largest then return levels end
  return 1 + math.floor((levels - 1) * math.log(count) / math.log(largest))
end

local function cells_of(self, counts)
  local parts, last = {}, 0
  self.largest = math.max(self.largest, table.unpack(counts))
  for _, count in ipairs(counts) do
    if self.color then
      local this <const> = level(count, self.largest, #colours)
      if this ~= last then
        parts[#parts + 1] = this == 0 and "\27[0m" or ("\27[48;5;%dm"):format(colours[this])
        last = this
      end
      parts[#parts + 1] = (" "):rep(self.cell)
    else
      parts[#parts + 1] = (shades[level(count, self.largest, #shades)] or " "):rep(self.cell)
    end
  end
  if last ~= 0 then parts[#parts + 1] = "\27[0m" end
  local line <const> = table.concat(parts)
  return self.color and line or (line:gsub(" +$", ""))
end

-- 512, 1K, 32M: powers of 1024, as slots double.
local function short(number)
  local value <const>, units <const> = histogram.as_float(number), "KMGTPE"
  local power = 0
  while value >= 1024.0 ^ (power + 1) and power < #units do power = power + 1 end
  return ("%d%s"):format(value // 1024.0 ^ power, units:sub(power, power))
end

-- The least values of the columns, as many as there is room for; "+" where the last has all beyond.
local function scale(self)
  local text, columns = "", self.columns
  for column = 1, columns do
    local at <const> = (column - 1) * self.cell
    local slot <const> = self.first + (column - 1) * self.step
    local low <const> = short((self.kind.bounds(slot)))
    if (at == 0 or #text < at) and at + #low <= columns * self.cell then
      text = text .. (" "):rep(at - #text) .. low
    end
  end
  if self.first + columns * self.step < self.kind.slot_count then
    text = text .. (" "):rep(columns * self.cell - #text) .. "+"
  end
  return (" "):rep(prefix) .. text
end

local function values_of(source, kind)
  return percentiles.merge(histogram.sections(source:items(), {}, kind.slot_count, "heatmap"))
end

--- Prints a line for what a histogram table counted since the last time, all of its buckets
--- together; above the first one the scale. label stands before it, the time unless given.
---   map:add(b.latency)
function heatmap.methods:add(source, label)
  local values <const> = values_of(source, self.kind)
  local counts <const> = columns_of(self, difference(self, values))
  if not self.scale_is_printed then
    self.file:write(scale(self), "\n")
    self.scale_is_printed = true
  end
  local text <const> = tostring(label or os.date("%H:%M:%S")):sub(1, prefix - 1)
  self.file:write(text, (" "):rep(prefix - #text), cells_of(self, counts), "\n")
  self.file:flush()
end

return heatmap
