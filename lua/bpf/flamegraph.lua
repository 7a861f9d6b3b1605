-- Flame graphs: one SVG file that needs nothing else. Width is the share of samples, height the
-- depth of the stack; click zooms, Ctrl-F searches, and hovering tells name, samples and share.
--
--   local flamegraph = require "bpf.flamegraph"
--   flamegraph.write("out.svg", {
--     { frames = { "main", "work", "malloc" }, count = 17 },
--     { frames = { "main", "idle" }, count = 3 },
--   }, { title = "A program at work" })
--
-- Names come from the traced program and may be anything: they are escaped and never in the script.

local folded <const> = require "bpf.folded"
local options <const> = require "bpf.options"
local page <const> = require "bpf.flamegraph_page"
local sink <const> = require "bpf.sink"
local utf8_text <const> = require "bpf.utf8_text"

local flamegraph = {}

local row <const> = 16 -- height of a frame in pixels
local margin <const> = 10
local head <const> = 60 -- room for the title
local foot <const> = 30 -- and for the details
local char <const> = 7.25 -- width of a letter; monospaced ones are 0.6 em

--- Folded text of stacks, sorted; equal stacks are one line. A stack is a table {frames =
--- {"outermost", …, "innermost"}, count = n}.
---   flamegraph.fold({ {frames = {"main", "work"}, count = 3} }) --> "main;work 3\n"
flamegraph.fold = folded.fold

local escapes <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

-- XML can't have control characters, nor U+FFFE and U+FFFF, in any spelling.
local function escape(text)
  text = utf8_text(tostring(text)):gsub("[%c\127]", " "):gsub("\u{FFFE}", "\u{FFFD}")
  return (text:gsub("\u{FFFF}", "\u{FFFD}"):gsub('[&<>"]', escapes))
end

-- Base of red, green and blue, and how far each may rise from it.
local palettes <const> = {
  hot = { 205, 40, 20, 50, 190, 55 },
  mem = { 0, 190, 0, 0, 50, 210 },
  io = { 80, 80, 190, 60, 60, 65 },
  wakeup = { 60, 150, 150, 60, 100, 100 },
  grey = { 150, 150, 150, 80, 80, 80 },
}

-- A name has the same colour in every graph; kernel frames (annotated "_[k]") are set off.
local function paint(name, palette)
  local hash = 5381
  for i = 1, math.min(#name, 64) do hash = (hash * 33 + name:byte(i)) & 0xFFFFFFFF end
  local first <const>, second <const> = hash % 256 / 255, hash // 256 % 256 / 255
  local p <const> = name:find("_%[k%]$") and palette ~= "grey" and { 225, 120, 0, 30, 50, 30 }
    or palettes[palette]
  return ("#%02x%02x%02x"):format(math.floor(p[1] + p[4] * first),
    math.floor(p[2] + p[5] * second), math.floor(p[3] + p[6] * second))
end

local function grouped(number)
  if math.type(number) == "float" then
    if number == math.floor(number) and number < 2 ^ 53 then
      number = math.tointeger(number)
    else
      return ("%.3f"):format(number)
    end
  end
  local text <const> = tostring(number)
  local start <const> = (#text - 1) % 3 + 1
  return text:sub(1, start) .. text:sub(start + 1):gsub("(%d%d%d)", ",%1")
end

local function add(node, name, count)
  local children = node.children
  if not children then
    children = {}
    node.children = children
  end
  local child = children[name]
  if not child then
    child = { name = name, count = 0 }
    children[name] = child
  end
  child.count = child.count + count
  return child
end

-- All stacks as one tree: {name =, count = with what it called, children = by name}.
local function merge(stacks)
  local root <const> = { name = "all", count = 0 }
  for _, stack in ipairs(stacks) do
    local node, count = root, stack.count
    root.count = root.count + count
    for _, name in ipairs(stack.frames) do node = add(node, tostring(name), count) end
    if node == root then add(root, folded.nameless, count) end
  end
  return root
end

local function sorted_children(node)
  local list = {}
  for _, child in pairs(node.children or {}) do list[#list + 1] = child end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- Gives each frame that is wide enough its place, outermost first: {node =, depth =, start =}.
-- Stacks may be deeper than Lua can call, so this walks a list.
local function place(root, least)
  local placed, deepest, hidden = { { node = root, depth = 0, start = 0 } }, 0, 0
  local at = 1
  while placed[at] do
    local parent = placed[at]
    local start = parent.start
    for _, child in ipairs(sorted_children(parent.node)) do
      if child.count >= least and child.count > 0 then
        local depth = parent.depth + 1
        placed[#placed + 1] = { node = child, depth = depth, start = start }
        deepest = math.max(deepest, depth)
      else
        hidden = hidden + 1
      end
      start = start + child.count
    end
    at = at + 1
  end
  return placed, deepest, hidden
end

local function label(name, width)
  local room <const> = math.floor((width - 6) / char)
  if room < 3 then return nil end
  name = utf8_text(name)
  if utf8.len(name) <= room then return name end
  return name:sub(1, utf8.offset(name, room - 1) - 1) .. ".."
end

local function number(value)
  return math.type(value) == "integer" and tostring(value) or ("%.17g"):format(value)
end

-- Pixels to a hundredth; locales may write a comma for the point.
local function pixels(value)
  return (("%.2f"):format(value):gsub(",", "."))
end

local function draw_frame(frame, graph)
  local node <const>, total <const> = frame.node, graph.total
  local share <const> = total > 0 and node.count / total or 1
  local x <const> = margin + (total > 0 and frame.start / total or 0) * graph.inner
  local width <const> = share * graph.inner
  local level <const> = graph.inverted and frame.depth or graph.deepest - frame.depth
  local y <const> = head + level * row
  local name <const> = escape(node.name)
  local text <const> = label(node.name, width)
  return table.concat {
    ('<g class="frame" data-name="%s" data-start="%s" data-count="%s" data-depth="%d">')
      :format(name, number(frame.start), number(node.count), frame.depth),
    ("<title>%s (%s %s, %s%%)</title>"):format(name, grouped(node.count), graph.unit,
      pixels(100 * share)),
    ('<rect x="%s" y="%d" width="%s" height="%d" rx="1" fill="%s"/>'):format(pixels(x), y,
      pixels(width), row - 1, graph.colour(node.name)),
    text and ('<text x="%s" y="%d">%s</text>'):format(pixels(x + 3), y + 11, escape(text)) or "",
    "</g>\n",
  }
end

local function header(graph)
  local centre <const> = graph.width / 2
  return table.concat {
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d"')
      :format(graph.width, graph.height, graph.width, graph.height),
    (' data-left="%d" data-width="%d" data-total="%s" data-char="%s">\n')
      :format(margin, graph.inner, number(graph.total), pixels(char)),
    "<style><![CDATA[\n", page.style, "]]></style>\n",
    '<rect width="100%" height="100%" fill="#fff8f0"/>\n',
    ('<text class="title" x="%d" y="24">%s</text>\n'):format(centre, escape(graph.title)),
    graph.subtitle and ('<text class="subtitle" x="%d" y="42">%s</text>\n')
      :format(centre, escape(graph.subtitle)) or "",
    ('<text id="reset" class="button hidden" x="%d" y="24">Reset zoom</text>\n'):format(margin),
    ('<text id="search" class="button hidden" x="%d" y="24">Search</text>\n')
      :format(graph.width - 110),
    ('<text id="details" x="%d" y="%d"> </text>\n'):format(margin, graph.height - margin),
    ('<text id="matched" x="%d" y="%d"> </text>\n')
      :format(graph.width - 150, graph.height - margin),
  }
end

local function draw(put, graph, placed)
  put(header(graph))
  for _, frame in ipairs(placed) do put(draw_frame(frame, graph)) end
  put("<script><![CDATA[\n", page.script, "]]></script>\n</svg>\n")
end

local known <const> = {
  "title", "subtitle", "unit", "colors", "width", "min_width", "inverted",
}

local function check(given, name, kind)
  if given[name] ~= nil and type(given[name]) ~= kind then
    error(("flamegraph.write: %s must be a %s, not a %s"):format(name, kind, type(given[name])), 4)
  end
end

local function colour_of(colors)
  if type(colors) == "function" then
    return function(name) return escape(colors(name)) end
  elseif not palettes[colors] then
    error(("flamegraph.write: colors '%s' is not known; there are hot, mem, io, wakeup and grey, "
      .. "or give a function"):format(tostring(colors)), 4)
  end
  return function(name) return paint(name, colors) end
end

local function graph_of(given)
  for _, name in ipairs { "title", "subtitle", "unit" } do check(given, name, "string") end
  for _, name in ipairs { "width", "min_width" } do check(given, name, "number") end
  local width <const> = given.width or 1200
  if not (width >= 200 and width <= 100000) then
    error("flamegraph.write: width must be from 200 to 100000 pixels", 3)
  end
  local inverted <const> = given.inverted and true or false
  return {
    title = given.title or (inverted and "Icicle graph" or "Flame graph"),
    subtitle = given.subtitle,
    unit = escape(given.unit or "samples"),
    colour = colour_of(given.colors or "hot"),
    width = math.floor(width),
    inner = math.floor(width) - 2 * margin,
    inverted = inverted,
  }
end

--- Writes a flame graph to a path, an open file, or (nil) the current output. stacks is an array of
--- {frames = {"outermost", …, "innermost"}, count = n}, or folded text. Equal frames are merged;
--- those narrower than 0.1 pixels are left out. Options: title, subtitle, unit ("samples"), colors
--- ("hot", "mem", "io", "wakeup", "grey" or a function that gives a name's colour), width (1200),
--- min_width (0.1), inverted (root on top). Returns how many frames were drawn, and left out right
--- beneath them.
---   flamegraph.write("out.svg", "main;work 17\nmain;idle 3\n", { unit = "ms", inverted = true })
function flamegraph.write(file, stacks, given)
  given = options.collect("flamegraph.write", known, given or {})
  local graph <const> = graph_of(given)
  local root <const> = merge(folded.stacks(stacks))
  local least <const> = root.count * (given.min_width or 0.1) / graph.inner
  local placed <const>, deepest <const>, hidden <const> = place(root, least)
  graph.total, graph.deepest = root.count, deepest
  graph.height = head + (deepest + 1) * row + foot
  sink.write("flamegraph.write", file, function(put) draw(put, graph, placed) end)
  return #placed, hidden
end

return flamegraph
