-- Maps as Lua tables.

local bpf = require "bpf"
local object = require "spec.support.value_object"

local program = [[
struct pair { u32 pid; char comm[16]; };
#define MAP(NAME, TYPE, KEY, VALUE, SIZE) \
  struct { __uint(type, TYPE); __type(key, KEY); __type(value, VALUE); \
    __uint(max_entries, SIZE); } NAME SEC(".maps")
MAP(counts, HASH, u32, u64, 4099);
MAP(by_pair, HASH, struct pair, u64, 100);
MAP(by_name, HASH, char[16], u64, 100);
MAP(slots, ARRAY, u32, u64, 65);
MAP(each_cpu, PERCPU_HASH, u32, u64, 10);
MAP(each_cpu_slots, PERCPU_ARRAY, u32, int, 3);
MAP(small, HASH, u32, u64, 2);
struct { __uint(type, HASH); __uint(key_size, 4); __uint(value_size, 8); __uint(max_entries, 10); }
  untyped SEC(".maps");
struct { __uint(type, STACK_TRACE); __uint(key_size, 4); __uint(value_size, 1016);
  __uint(max_entries, 128); } stacks SEC(".maps");
struct { __uint(type, RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
MAP(events, HASH, u32, u64, 2);
]]

describe("a table", function()
  local path, b

  setup(function() path = object.compile(program) end)
  teardown(function() os.remove(path) end)

  before_each(function()
    b = bpf.BPF { obj = path }
  end)

  after_each(function()
    b:close()
  end)

  it("is read, written, deleted and counted like a Lua table", function()
    local t = b.counts
    t[3] = 9
    t:set(4, 16)
    assert.equal(9, t[3])
    assert.equal(16, t:get(4))
    assert.is_nil(t[99])
    assert.equal(2, #t)
    t[3] = nil
    assert.is_nil(t[3])
    assert.is_true(t:delete(4))
    assert.is_false(t:delete(4))
    assert.equal(0, #t)
  end)

  it("is the same object each time", function()
    assert.equal(b.counts, b["counts"])
    assert.equal(b.counts, b:get_table("counts"))
  end)

  it("is named when it is not there, with the nearest one", function()
    assert.error_matches(function() return b.cuonts end, "did you mean 'counts'")
    assert.error_matches(function() b:get_table("cuonts") end, "no table 'cuonts'; did you mean")
    assert.error_matches(function() b.counts:claer() end, "no method 'claer'; did you mean 'clear'")
  end)

  it("may be called as a method that BCC does not have", function()
    assert.equal("bpf.Table 'events' (hash, max_entries 2)", tostring(b.events))
    assert.equal("r", b:events())
    assert.error_matches(function() b:counts() end, "is no function")
  end)

  it("reads all of 4099 entries, each once", function()
    local t = b.counts
    for i = 1, 4099 do
      t[i] = i * i
    end
    local seen, sum = {}, 0
    for k, v in pairs(t) do
      assert.is_nil(seen[k])
      seen[k] = true
      assert.equal(k * k, v)
      sum = sum + 1
    end
    assert.equal(4099, sum)
    assert.equal(4099, #t:keys())
    assert.equal(4099, #t:values())
    assert.equal(4099, #t:items_lookup_batch())
  end)

  it("may change while pairs walks over it", function()
    local t = b.counts
    for i = 1, 101 do
      t[i] = i
    end
    for k in pairs(t) do
      t[k] = nil
    end
    assert.equal(0, #t)
  end)

  it("gives items that can be sorted and iterated", function()
    for i = 1, 7 do
      b.counts[i] = 100 - i
    end
    local items = b.counts:items()
    table.sort(items, function(x, y) return x[2] < y[2] end)
    local order = {}
    for k, v in items do
      order[#order + 1] = k .. "=" .. v
    end
    assert.equal("7=93 6=94 5=95 4=96 3=97 2=98 1=99", table.concat(order, " "))
    for k in items do -- a loop that is left early
      if k == 6 then
        break
      end
    end
    local pairs_seen = 0
    for _ in items do
      for _ in items do
        pairs_seen = pairs_seen + 1
      end
    end
    assert.equal(49, pairs_seen)
  end)

  it("updates, deletes and empties in batches", function()
    local t, keys, leaves = b.counts, {}, {}
    for i = 1, 1024 do
      keys[i], leaves[i] = i, i * 2
    end
    t:items_update_batch(keys, leaves)
    assert.equal(1024, #t)
    t:items_delete_batch { 1, 2, 3 }
    assert.equal(1021, #t)
    assert.equal(1021, #t:items_lookup_and_delete_batch())
    assert.equal(0, #t)
    t:items_update_batch(keys, leaves)
    t:items_delete_batch()
    assert.equal(0, #t)
    assert.error_matches(function() t:items_update_batch({}, {}) end, "Array's length is wrong")
    for _, wrong in ipairs { { 1 }, { 1, 2, 3 } } do
      assert.error_matches(function() t:items_update_batch({ 1, 2 }, wrong) end,
        "keys array length != values array length")
    end
    assert.error_matches(function() t:items_delete_batch({}) end, "Array's length is wrong: 0")
  end)

  it("clears and zeroes", function()
    b.counts[1], b.slots[1] = 5, 5
    b.counts:zero()
    assert.equal(0, b.counts[1])
    b.counts:clear()
    assert.is_nil(b.counts[1])
    b.slots:clear()
    assert.equal(0, b.slots[1])
  end)

  it("says so when it is full", function()
    b.small[1], b.small[2] = 1, 2
    local ok, e = pcall(function() b.small[3] = 3 end)
    assert.is_false(ok)
    assert.equal(7, e.errno)
    assert.truthy(tostring(e):find("^[^\n]*table_spec.lua:%d+: .*table"))
  end)

  it("takes keys as tables and as struct values", function()
    b.by_pair[{ pid = 7, comm = "bash" }] = 1
    local key = b.by_pair:key { pid = 7, comm = "bash" }
    assert.equal(1, b.by_pair[key])
    assert.equal("bash", b.by_pair:keys()[1].comm)
    assert.is_nil(b.by_pair[{ pid = 7 }])
    assert.error_matches(function() b.by_pair[7] = 1 end, "key of table 'by_pair'")
  end)

  it("takes keys that are strings; methods win, get does not care", function()
    b.by_name.hello = 1
    b.by_name.clear = 2
    assert.equal(1, b.by_name.hello)
    assert.is_nil(b.by_name.nobody)
    assert.equal("function", type(b.by_name.clear))
    assert.equal(2, b.by_name:get("clear"))
  end)

  it("counts the indices of arrays from 0, and negative ones from the end", function()
    b.slots[-1] = 5
    assert.equal(5, b.slots[64])
    assert.equal(65, #b.slots)
    b.slots[64] = nil
    assert.equal(0, b.slots[64])
    assert.error_matches(function() return b.slots[65] end, "Array index out of range")
    assert.error_matches(function() return b.slots[-66] end, "Array index out of range")
    assert.error_matches(function() b.slots[1.5] = 1 end, "an integer expected")
    assert.equal(0, b.slots:items()[1][1])
  end)

  it("has a leaf for each possible CPU", function()
    local cpus = #b.each_cpu:leaf()
    local leaves, sum = {}, 0
    for cpu = 1, cpus do
      leaves[cpu] = 10 * cpu
      sum = sum + 10 * cpu
    end
    b.each_cpu[1] = leaves
    assert.same(leaves, b.each_cpu[1])
    assert.same(leaves, b.each_cpu:getvalue(1))
    assert.equal(sum, b.each_cpu:sum(1))
    assert.equal(sum / cpus, b.each_cpu:average(1))
    assert.equal(10 * cpus, b.each_cpu:max(1))
    assert.equal(10, b.each_cpu:min(1))
    assert.is_nil(b.each_cpu:sum(2))
    assert.error_matches(function() b.each_cpu[1] = 1 end, "one for each possible CPU")
    assert.error_matches(function() b.counts:sum(1) end, "kind 'hash' and has no sum: it has get")
    leaves = b.each_cpu_slots[0]
    leaves[1] = -5
    b.each_cpu_slots[0] = leaves
    assert.equal(-5, b.each_cpu_slots:sum(0))
    assert.equal(-5, b.each_cpu_slots:min(0))
    assert.equal(cpus > 1 and 0 or -5, b.each_cpu_slots:max(0))
    assert.equal(-5 / cpus, b.each_cpu_slots:average(0))
    leaves = { math.mininteger }
    for cpu = 2, cpus do leaves[cpu] = 1 end
    b.each_cpu[1] = leaves -- 2^63 and ones: unsigned
    assert.equal(math.mininteger, b.each_cpu:max(1))
    assert.equal(cpus > 1 and 1 or math.mininteger, b.each_cpu:min(1))
    assert.equal(2.0 ^ 63 / cpus, b.each_cpu:average(1))
  end)

  it("passes bytes through where types are not known", function()
    b.untyped["abcd"] = "12345678"
    assert.equal("12345678", b.untyped["abcd"])
    assert.error_matches(function() b.untyped[1] = "12345678" end, "its type is not known")
    assert.error_matches(function() b.untyped["abcd"] = "123" end, "8 bytes expected, got 3 bytes")
  end)

  it("has no stack for an id that is an error", function()
    assert.is_nil(b.stacks:get_stack(-14))
    assert.is_nil(b.stacks:get_stack(127))
    assert.is_nil(b.stacks:get_stack(1 << 40))
    for _ in b.stacks:walk(-14) do
      error("an address out of nothing")
    end
  end)

  it("is closed with its object", function()
    local t = b.counts
    b:close()
    assert.error_matches(function() return t[1] end, "the BPF object is closed")
    assert.error_matches(function() return b.counts end, "the BPF object is closed")
    b:close()
  end)

  it("keeps its object alive", function()
    local t = bpf.BPF { obj = path }.counts
    collectgarbage()
    collectgarbage()
    t[1] = 2
    assert.equal(2, t[1])
  end)
end)
