-- Folded stacks and flame graphs: sums, shape and well-formed files, whatever the names are.
local flamegraph <const> = require "bpf.flamegraph"

local has_xmllint <const> = (os.execute("command -v xmllint >/dev/null 2>&1"))
local has_python <const> = (os.execute("command -v python3 >/dev/null 2>&1"))

describe("flamegraph #any_kernel", function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  local function svg_of(stacks, options)
    flamegraph.write(path, stacks, options)
    local file <close> = assert(io.open(path, "rb"))
    return file:read("a")
  end

  local function check_well_formed()
    if not has_xmllint and not has_python then
      pending("needs xmllint or python3 to read XML")
    end
    local command <const> = has_xmllint and "xmllint --noout %s 2>&1"
      or "python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' %s 2>&1"
    local pipe <close> = assert(io.popen(command:format(path)))
    assert.equal("", pipe:read("a"))
  end

  -- Frames by name: {start =, count =, depth =, x =, y =, width =}.
  local function frames_of(svg)
    local frames, number = {}, 0
    for name, start, count, depth, x, y, width in svg:gmatch('data%-name="([^"]*)" '
      .. 'data%-start="([^"]+)" data%-count="([^"]+)" data%-depth="(%d+)">.-<rect x="([%d.]+)" '
      .. 'y="(%d+)" width="([%d.]+)"') do
      frames[name] = { start = tonumber(start), count = tonumber(count), depth = tonumber(depth),
        x = tonumber(x), y = tonumber(y), width = tonumber(width) }
      number = number + 1
    end
    return frames, number
  end

  it("folds stacks into sorted lines, equal ones summed", function()
    assert.equal("main 2\nmain;read 7\nmain;work;a:b c 11\n", flamegraph.fold{
      { frames = { "main", "work", "a;b\nc" }, count = 11 },
      { frames = { "main", "read" }, count = 4 },
      { frames = { "main" }, count = 2 },
      { frames = { "main", "read" }, count = 3 },
    })
    assert.equal("[unknown] 5\n", flamegraph.fold{ { frames = {}, count = 5 } })
    assert.equal("a;b c 3\n", flamegraph.fold("a;b c 1\r\n\na;b c 2"))
    assert.equal("", flamegraph.fold{})
  end)

  it("says which stack is wrong", function()
    assert.error_matches(function() flamegraph.fold{ { frames = { "a" }, count = -1 } } end,
      "stack 1: the count must be a number that is not negative, not %-1")
    assert.error_matches(function() flamegraph.fold("a;b 1\nb;c\n") end,
      "line 2 of the folded stacks does not end with a count: 'b;c'")
    assert.error_matches(function() flamegraph.fold{ "a;b 1" } end, "stack 1 must be a table")
    assert.error_matches(function() flamegraph.fold(7) end, "array or folded text, not a number")
  end)

  it("draws each frame as wide as its share", function()
    local svg <const> = svg_of("main;work;malloc 17\nmain;idle 3\nmain;work 5\n")
    check_well_formed()
    local frames <const>, number <const> = frames_of(svg)
    assert.equal(5, number)
    assert.same({ start = 0, count = 25, depth = 0, x = 10, y = 108, width = 1180 }, frames.all)
    assert.same({ start = 0, count = 3, depth = 2, x = 10, y = 76, width = 141.6 }, frames.idle)
    assert.same({ start = 3, count = 22, depth = 2, x = 151.6, y = 76, width = 1038.4 },
      frames.work)
    assert.same({ start = 3, count = 17, depth = 3, x = 151.6, y = 60, width = 802.4 },
      frames.malloc)
    assert.truthy(svg:find("<title>malloc (17 samples, 68.00%)</title>", 1, true))
    assert.truthy(svg:find(">Flame graph</text>", 1, true))
    assert.is_nil(svg:gsub("http://www.w3.org/2000/svg", ""):match("https?:"))
  end)

  it("puts the root on top when inverted, and takes titles and units", function()
    local svg <const> = svg_of("main;work 1234567\n", { inverted = true, unit = "µs",
      title = "A <title>", subtitle = "& below", colors = function() return "#123456" end })
    check_well_formed()
    local frames <const> = frames_of(svg)
    assert.same({ 60, 76, 92 }, { frames.all.y, frames.main.y, frames.work.y })
    assert.truthy(svg:find("<title>work (1,234,567 µs, 100.00%)</title>", 1, true))
    assert.truthy(svg:find("A &lt;title&gt;", 1, true))
    assert.truthy(svg:find("&amp; below", 1, true))
    assert.truthy(svg:find('fill="#123456"', 1, true))
  end)

  it("writes names of any bytes as text", function()
    local names <const> = {
      "std::map<int, char>::operator[]", "a\"b'c", "</script><script>alert(1)</script>",
      "]]>", "&amp;", "\1\27[31m\0", "\xFF\xC3(", "\xED\xA0\x80", "\u{FFFE}\u{FFFF}", "é日本",
    }
    local stacks <const> = {}
    for i, name in ipairs(names) do stacks[i] = { frames = { "main", name }, count = i * 10 } end
    local svg <const> = svg_of(stacks)
    check_well_formed()
    local _, number <const> = frames_of(svg)
    assert.equal(#names + 2, number)
    assert.truthy(utf8.len(svg))
    local _, scripts <const> = svg:gsub("</script>", "")
    assert.equal(1, scripts)
    assert.truthy(svg:find('data-name="é日本"', 1, true))
  end)

  it("is well-formed without samples and for one very deep stack", function()
    assert.equal(1, (flamegraph.write(path, {})))
    check_well_formed()
    local deep <const> = {}
    for i = 1, 5000 do deep[i] = "f" .. i end
    assert.equal(5001, (flamegraph.write(path, { { frames = deep, count = 1 } })))
    check_well_formed()
  end)

  it("leaves out what is narrower than min_width, and keeps all else in its place", function()
    local svg = svg_of("a 1\nb;c 1\nz 999998\n")
    local frames, number = frames_of(svg)
    assert.equal(2, number)
    assert.equal(2, frames.z.start)
    svg = svg_of("a 1\nb;c 1\nz 999998\n", { min_width = 0 })
    frames, number = frames_of(svg)
    assert.equal(5, number)
    assert.equal(1, frames.b.start)
  end)

  it("merges 100,000 stacks", function()
    local stacks, sum = {}, 0
    for i = 1, 100000 do
      local frames <const> = { "main" }
      for depth = 1, 8 do frames[depth + 1] = "f" .. (i * depth * 7919) % (3 + depth) end
      stacks[i] = { frames = frames, count = i % 13 }
      sum = sum + i % 13
    end
    local frames <const> = frames_of(svg_of(stacks))
    check_well_formed()
    assert.equal(sum, frames.all.count)
    assert.equal(sum, frames.main.count)
  end)

  it("writes to open files, and raises what it can't do", function()
    local file <close> = assert(io.open(path, "wb"))
    flamegraph.write(file, "a 1\n")
    assert.equal("file", io.type(file))
    assert.error_matches(function() flamegraph.write("/nowhere/x.svg", "a 1\n") end,
      "flamegraph.write: /nowhere/x.svg: No such file")
    assert.error_matches(function() flamegraph.write("/dev/full", "a 1\n") end, "No space left")
    assert.error_matches(function() flamegraph.write(7, "a 1\n") end, "a path or an open file")
    assert.error_matches(function() flamegraph.write(path, "a 1\n", { titel = "x" }) end,
      "unknown option 'titel'; did you mean 'title'%?")
    assert.error_matches(function() flamegraph.write(path, "a 1\n", { colors = "pink" }) end,
      "colors 'pink' is not known")
    assert.error_matches(function() flamegraph.write(path, "a 1\n", { width = 1 }) end,
      "width must be from 200")
  end)
end)
