-- Histograms, compared to the byte with what BCC prints.

local bpf = require "bpf"
local object = require "spec.support.value_object"
local histogram = require "bpf.histogram"

-- What a method prints for a table, or for the items of one.
local function printed(method, items, ...)
  local before, path = io.output(), os.tmpname()
  local source = type(items) == "userdata" and items or { items = function() return items end }
  io.output(path)
  local ok, problem = pcall(histogram.methods[method], source, ...)
  io.output():close()
  io.output(before)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  os.remove(path)
  if not ok then
    error(problem, 0)
  end
  return text
end

local function items_of(values)
  local items = {}
  for key, value in pairs(values) do
    items[#items + 1] = { key, value }
  end
  return items
end

describe("a power-of-two histogram", function()
  it("is laid out as BCC's", function()
    assert.equal([[
     kbytes              : count     distribution
         0 -> 1          : 3        |                                        |
         2 -> 3          : 0        |                                        |
         4 -> 7          : 211      |**********                              |
         8 -> 15         : 0        |                                        |
        16 -> 31         : 0        |                                        |
        32 -> 63         : 0        |                                        |
        64 -> 127        : 1        |                                        |
       128 -> 255        : 800      |****************************************|
]], printed("print_log2_hist", items_of { [1] = 3, [3] = 211, [7] = 1, [8] = 800 }, "kbytes"))
    local wide = (" "):rep(15) .. "n" .. (" "):rep(28) .. " : count     distribution\n"
    assert.equal(wide, printed("print_log2_hist", items_of { [33] = 1 }, "n"):sub(1, #wide))
    local narrow = "     n                   : count     distribution\n"
    assert.equal(narrow, printed("print_log2_hist", items_of { [32] = 1 }, "n"):sub(1, #narrow))
  end)

  it("leaves out leading zeros when asked", function()
    assert.equal([[
     usecs               : count     distribution
         4 -> 7          : 5        |****************************************|
         8 -> 15         : 0        |                                        |
        16 -> 31         : 2        |****************                        |
]], printed("print_log2_hist", items_of { [3] = 5, [5] = 2 },
      { val_type = "usecs", strip_leading_zero = true }))
  end)

  it("prints bounds above 2^63 as unsigned numbers", function()
    assert.equal([[
               n                             : count     distribution
 4611686018427387904 -> 9223372036854775807  : 1        |**********          |
 9223372036854775808 -> 18446744073709551615 : 2        |********************|
]], printed("print_log2_hist", items_of { [63] = 1, [64] = 2 }, "n",
      { strip_leading_zero = true }))
  end)

  it("prints counts above 2^63 as unsigned numbers", function()
    assert.truthy(printed("print_log2_hist", items_of { [1] = -1, [2] = math.mininteger })
      :find(" : 18446744073709551615 |****************************************|\n"
        .. "         2 -> 3          : 9223372036854775808 |" .. ("*"):rep(20), 1, true))
  end)

  it("prints nothing when nothing above slot 0 counts", function()
    assert.equal("", printed("print_log2_hist", items_of { [0] = 5 }))
    assert.equal("", printed("print_log2_hist", items_of { [1] = 0 }))
    assert.equal("", printed("print_log2_hist", {}))
  end)

  it("adds up the leaves of all CPUs", function()
    assert.truthy(printed("print_log2_hist", items_of { [1] = { 2, 3 } }):find(": 5  ", 1, true))
  end)

  it("refuses slots and leaves that are none, and unknown options", function()
    assert.error_matches(function() printed("print_log2_hist", items_of { [65] = 1 }) end,
      "Index in print_log2_hist%(%) of 65 exceeds max of 65")
    assert.error_matches(function() printed("print_log2_hist", items_of { a = 1 }) end,
      "a slot must be an integer")
    assert.error_matches(function() printed("print_log2_hist", items_of { [1] = "a" }) end,
      "leaves must be integers")
    assert.error_matches(function() printed("print_log2_hist", {}, { val_typ = "x" }) end,
      "unknown option 'val_typ'; did you mean 'val_type'")
    assert.error_matches(function() printed("print_log2_hist", {}, 1, 2, 3, 4, 5, 6, 7) end,
      "at most 6 arguments")
  end)
end)

describe("a linear histogram", function()
  it("is laid out as BCC's", function()
    assert.equal([[
     kbytes        : count     distribution
        0          : 3        |******                                  |
        1          : 0        |                                        |
        2          : 0        |                                        |
        3          : 0        |                                        |
        4          : 19       |****************************************|
        5          : 0        |                                        |
        6          : 0        |                                        |
        7          : 0        |                                        |
        8          : 4        |********                                |
]], printed("print_linear_hist", items_of { [0] = 3, [4] = 19, [8] = 4 }, "kbytes"))
    assert.equal([[
     value         : count     distribution
        0          : 2        |****************************************|
]], printed("print_linear_hist", items_of { [0] = 2 }))
    assert.equal("", printed("print_linear_hist", items_of { [0] = 0 }))
  end)

  it("leaves out leading zeros when asked", function()
    assert.equal([[
     value         : count     distribution
        2          : 1        |****************************************|
        3          : 0        |                                        |
        4          : 1        |****************************************|
]], printed("print_linear_hist", items_of { [2] = 1, [4] = 1 }, { strip_leading_zero = true }))
  end)

  it("has 1025 slots", function()
    assert.truthy(printed("print_linear_hist", items_of { [1024] = 1 }):find("\n        1024 "))
    assert.error_matches(function() printed("print_linear_hist", items_of { [1025] = 1 }) end,
      "Index in print_linear_hist%(%) of 1025 exceeds max of 1025.")
  end)
end)

describe("histograms #any_kernel", function()
  it("are BCC's own to the byte, whatever is in them", function()
    if not os.execute("/usr/bin/python3 -c 'import bcc.table' 2>/dev/null") then
      pending("needs python3-bpfcc to compare with")
    end
    local path <const> = os.tmpname()
    finally(function() os.remove(path) end)
    local random, ours, file = 20241, {}, assert(io.open(path, "w"))
    local function below(limit)
      random = (random * 48271) % 2147483647
      return random % limit
    end
    for number = 1, 200 do
      local is_linear <const>, strip <const> = number % 8 == 0, number % 2 == 0
      local count <const>, values <const>, row <const> = is_linear and 1025 or 65, {}, {}
      local used <const>, limit <const> = 1 + below(count), 10 ^ (1 + below(8)) // 1 | 0
      for _ = 1, below(20) do values[below(used)] = below(limit) end
      for slot = 0, count - 1 do row[slot + 1] = values[slot] or 0 end
      file:write(is_linear and "L " or "G ", strip and 1 or 0, " ", table.concat(row, " "), "\n")
      local lines <const> = (is_linear and histogram.linear_lines or histogram.log2_lines)(values,
        "usecs", strip)
      ours[#ours + 1] = ("# %d\n%s\n"):format(number, table.concat(lines, "\n"))
    end
    file:close()
    local pipe <close> = assert(io.popen([[/usr/bin/python3 -c '
import sys, bcc.table as t
for i, line in enumerate(open(sys.argv[1])):
    kind, strip, *values = line.split()
    print("#", i + 1)
    f = t._print_linear_hist if kind == "L" else t._print_log2_hist
    f([int(v) for v in values], "usecs", strip == "1")
' ]] .. path))
    local theirs <const> = pipe:read("a")
    assert.equal((theirs:gsub("\n+$", "")), (table.concat(ours):gsub("\n\n", "\n")
      :gsub("\n+$", "")))
  end)
end)

describe("a histogram by bucket", function()
  local path, b

  setup(function()
    path = object.compile [[
      struct key { u32 disk; u64 slot; };
      struct who { u32 pid; u32 cpu; };
      struct wide { struct who who; u64 slot; };
      struct named { char name[8]; u64 slot; };
      struct { __uint(type, HASH); __type(key, struct key); __type(value, u64);
        __uint(max_entries, 99); } disks SEC(".maps");
      struct { __uint(type, HASH); __type(key, struct wide); __type(value, u64);
        __uint(max_entries, 99); } pairs SEC(".maps");
      struct { __uint(type, HASH); __type(key, struct named); __type(value, u64);
        __uint(max_entries, 99); } names SEC(".maps");
    ]]
  end)

  teardown(function() os.remove(path) end)

  before_each(function()
    b = bpf.BPF { obj = path }
  end)

  after_each(function()
    b:close()
  end)

  local function descending(buckets)
    table.sort(buckets, function(x, y) return x > y end)
    return buckets
  end

  it("prints a section for each bucket, in the order that a function gives", function()
    b.disks[{ disk = 1, slot = 1 }] = 1
    b.disks[{ disk = 2, slot = 2 }] = 4
    b.disks[{ disk = 1, slot = 2 }] = 2
    assert.equal([[

disk = sd2
     ms                  : count     distribution
         0 -> 1          : 0        |                                        |
         2 -> 3          : 4        |****************************************|

disk = sd1
     ms                  : count     distribution
         0 -> 1          : 1        |********************                    |
         2 -> 3          : 2        |****************************************|
]], printed("print_log2_hist", b.disks, {
      val_type = "ms", section_header = "disk", bucket_sort_fn = descending,
      section_print_fn = function(disk) return "sd" .. disk end,
    }))
    assert.equal("\nBucket ptr = 7\n", printed("print_log2_hist", b.disks,
      { bucket_sort_fn = function() return { 7 } end }))
  end)

  it("names buckets by their text", function()
    b.names[{ name = "vda", slot = 1 }] = 1
    assert.truthy(printed("print_linear_hist", b.names):find("\nBucket ptr = vda\n", 1, true))
  end)

  it("takes buckets that are structs, or what a function makes of them", function()
    b.pairs[{ who = { pid = 7, cpu = 0 }, slot = 1 }] = 1
    b.pairs[{ who = { pid = 7, cpu = 1 }, slot = 2 }] = 1
    local text = printed("print_log2_hist", b.pairs)
    assert.truthy(text:find("Bucket ptr = {pid=7, cpu=1}", 1, true))
    assert.equal(2, select(2, text:gsub("Bucket ptr", "")))
    local function pid_of(who)
      return { who.pid }
    end
    text = printed("print_log2_hist", b.pairs, {
      bucket_fn = pid_of, section_print_fn = function(bucket) return bucket[1] end,
    })
    assert.equal(1, select(2, text:gsub("Bucket ptr = 7\n", "")))
  end)

  it("is real JSON, one line for each bucket", function()
    local found, json = pcall(require, "dkjson")
    if not found then
      pending("needs dkjson")
    end
    b.disks[{ disk = 3, slot = 2 }] = 9
    local text = printed("print_json_hist", b.disks, { val_type = "ms", section_header = "disk" })
    local record = json.decode(text)
    assert.equal("ms", record.val_type)
    assert.equal(3, record.disk)
    assert.truthy(record.ts:find("^%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d$"))
    assert.same({
      { ["interval-start"] = 0, ["interval-end"] = 1, count = 0 },
      { ["interval-start"] = 2, ["interval-end"] = 3, count = 9 },
    }, record.data)
    b.disks[{ disk = 3, slot = 64 }] = 1
    text = printed("print_json_hist", b.disks)
    assert.truthy(text:find('"interval-end":18446744073709551615', 1, true))
  end)
end)
