-- Histograms measured and over time: percentiles against sorted values, cells against counts.
local bpf <const> = require "bpf"
local object <const> = require "spec.support.value_object"
local percentiles <const> = require "bpf.percentiles".methods.percentiles

-- What has items like a table.
local function table_of(values)
  return {
    values = values,
    items = function(self)
      local items <const> = {}
      for key, value in pairs(self.values) do items[#items + 1] = { key, value } end
      return items
    end,
  }
end

describe("percentiles #any_kernel", function()
  it("of a linear histogram are those of the values", function()
    local random, values, sorted = 1, {}, {}
    for i = 1, 1009 do
      random = (random * 48271) % 2147483647
      local value <const> = random % 1025
      values[value] = (values[value] or 0) + 1
      sorted[i] = value
    end
    table.sort(sorted)
    local percents <const> = { 0.1, 1, 25, 50, 90, 99, 99.9, 100, kind = "linear" }
    local result <const> = percentiles(table_of(values), percents)
    for _, percent in ipairs(percents) do
      assert.equal(sorted[math.ceil(percent / 100 * 1009)], result[percent], percent)
    end
    assert.same({ 1009, sorted[1], sorted[1009] }, { result.count, result.min, result.max })
  end)

  it("of a power-of-two histogram are interpolated inside of a slot", function()
    local source <const> = table_of{ [3] = 10, [5] = 90 } -- 4 to 7, 16 to 31
    assert.same({ [0] = 4.0, [5] = 5.5, [10] = 7.0, [55] = 23.5, [100] = 31.0, count = 100, min = 4,
      max = 31 }, percentiles(source, { 0, 5, 10, 55, 100 }))
    local usual <const> = percentiles(source)
    assert.equal("22.667 29.333 30.833",
      ("%.3f %.3f %.3f"):format(usual[50], usual[90], usual[99]))
    assert.same({ 0.5, -1 }, { percentiles(table_of{ [1] = 2 }, { 50 })[50],
      percentiles(table_of{ [64] = 1 }).max })
    assert.is_nil(percentiles(table_of{}))
  end)

  it("says what is no percentage, and no kind", function()
    local source <const> = table_of{}
    assert.error_matches(function() percentiles(source, { 101 }) end, "101 is no percentage")
    assert.error_matches(function() percentiles(source, { kind = "log" }) end,
      "kind must be 'log2' or 'linear', not 'log'")
    assert.error_matches(function() percentiles(source, { by_buckets = true }) end,
      "did you mean 'by_bucket'")
  end)

  it("of a table with buckets are those of all, or of each", function()
    local path <const> = object.compile [[
      struct key { u32 disk; u32 slot; };
      struct { __uint(type, HASH); __type(key, struct key); __type(value, u64);
        __uint(max_entries, 9); } dist SEC(".maps");
    ]]
    finally(function() os.remove(path) end)
    local b <close> = bpf.BPF{ obj = path }
    b.dist[{ disk = 1, slot = 3 }] = 5
    b.dist[{ disk = 2, slot = 3 }] = 5
    b.dist[{ disk = 2, slot = 5 }] = 90
    assert.equal(5.5, b.dist:percentiles{ 5 }[5])
    local each <const> = b.dist:percentiles{ 100, by_bucket = true }
    table.sort(each, function(x, y) return x.bucket < y.bucket end)
    assert.same({ { [100] = 7.0, bucket = 1, count = 5, min = 4, max = 7 },
      { [100] = 31.0, bucket = 2, count = 95, min = 4, max = 31 } }, each)
  end)
end)

describe("a heat map #any_kernel", function()
  local file

  before_each(function() file = assert(io.tmpfile()) end)
  after_each(function() file:close() end)

  local function drawn()
    file:seek("set")
    return file:read("a")
  end

  it("shows what came in each interval", function()
    local source <const> = table_of{ [1] = 1, [3] = 1000 }
    local map <const> = bpf.heatmap{ file = file, width = 40 }
    map:add(source, "first")
    source.values = { [1] = 2, [3] = 1000, [4] = 40 }
    map:add(source, "second")
    source.values = { [2] = 7 } -- cleared in between
    map:add(source, "a long label")
    map:add(source, "nothing")
    assert.equal("         0 2 4 8 16  64  256 1K  4K    +\n"
      .. "first    ..  @@\n"
      .. "second   ..    ++\n"
      .. "a long l   --\n"
      .. "nothing\n", (drawn():gsub(" +\n", "\n")))
  end)

  it("stops at the width, the last column having all beyond it", function()
    local source <const> = table_of{}
    for slot = 0, 1024 do source.values[slot] = 1 end
    local map <const> = bpf.heatmap{ file = file, width = 30, kind = "linear", step = 10 }
    map:add(source, "x")
    assert.equal("         0 20 50 80 110 150  +\nx        "
      .. ("-"):rep(19) .. "@\n", drawn())
  end)

  it("is coloured when asked, and ends colours", function()
    local map <const> = bpf.heatmap{ file = file, width = 40, color = true }
    map:add(table_of{ [1] = 1, [2] = 1, [4] = 9 }, "x")
    local line <const> = drawn():match("\n(.-)\n")
    assert.equal("x        \27[48;5;17m    \27[0m  \27[48;5;196m  \27[0m", (line:gsub(" +$", "")))
    assert.equal(9 + 2 * 15, #line:gsub("\27%[[%d;]*m", ""))
  end)

  it("raises wrong options", function()
    assert.error_matches(function() bpf.heatmap{ width = 3 } end, "width must be an integer of at")
    assert.error_matches(function() bpf.heatmap{ file = "x" } end, "the file must be an open file")
    assert.error_matches(function() bpf.heatmap{ kind = "cubic" } end, "heatmap: kind must be")
    assert.error_matches(function() bpf.heatmap{ colour = true } end, "did you mean 'color'")
  end)
end)
