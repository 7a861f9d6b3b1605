-- Every kind of table does all that its kernel map can, and says what it has when it is asked for
-- something else.

local bpf = require "bpf"
local leftovers = require "spec.support.leftovers"
local process = require "spec.support.process"
local refusal = require "spec.support.refusal"

local function open(text)
  return bpf.BPF { text = text, auto_attach = false }
end

-- Opens a program, or leaves the spec pending when this kernel lacks the kind of map.
local function try_open(text)
  local ok, b = pcall(open, text)
  if ok then
    return b
  end
  if b.op == "create map" and (b.errno == 22 or b.errno == 95) then
    return pending("needs a kernel with this map: " .. b.message)
  end
  error(b)
end

local function misuse(action)
  return refusal.misuse(action, "spec/lua/table_kinds_spec.lua")
end

describe("what a table has not", function()
  -- declaration of T, then what it has in the words of the message
  local elements = "get, contains, set, update, items_update_batch, delete, items_delete_batch, "
    .. "setdefault, pop"
  local listed = ", next, pairs, items, keys, values, zero, popitem, clear"
  local settable = "set, update, items_update_batch, delete, items_delete_batch"
  local kinds = {
    { "BPF_HASH(T, u32);", elements .. listed },
    { 'BPF_TABLE("lru_hash", u32, u64, T, 8);', elements .. listed },
    { "BPF_ARRAY(T, u64, 8);", elements .. listed },
    { "BPF_PERCPU_HASH(T, u32);", elements .. listed .. ", getvalue, sum, average, max, min" },
    { "BPF_PERCPU_ARRAY(T);", elements .. listed .. ", getvalue, sum, average, max, min" },
    { "BPF_LPM_TRIE(T);", elements .. listed .. ", prefix" },
    { "BPF_PROG_ARRAY(T, 8);", elements .. listed },
    { "BPF_DEVMAP(T, 8);", elements .. listed },
    { "BPF_CPUMAP(T, 2);", elements .. listed },
    { 'BPF_ARRAY_OF_MAPS(T, "inner", 8);', elements .. listed },
    { 'BPF_HASH_OF_MAPS(T, u32, "inner", 8);', elements .. listed },
    { "BPF_CGROUP_ARRAY(T, 8);", settable },
    { "BPF_XSKMAP(T, 8);", settable },
    { "BPF_SOCKMAP(T, 8);", settable },
    { "BPF_SOCKHASH(T, u32, 8);", settable },
    { "BPF_SK_STORAGE(T, u64);", elements },
    { "BPF_INODE_STORAGE(T, u64);", elements },
    { "BPF_TASK_STORAGE(T, u64);", elements },
    { "BPF_QUEUE(T, u32, 8);", "push, pop, peek, values, clear" },
    { "BPF_STACK(T, u32, 8);", "push, pop, peek, values, clear" },
    { "BPF_STACK_TRACE(T, 8);", "get, contains, delete, items_delete_batch, pop, next, pairs, "
      .. "items, keys, values, popitem, clear, get_stack, walk" },
    { "BPF_RINGBUF_OUTPUT(T, 4);", "open_ring_buffer, event" },
  }
  local calls = {
    get = function(t) return t:get(t:key()) end,
    pairs = function(t) for _ in pairs(t) do end end,
    items = function(t) t:items() end,
    next = function(t) t:next() end,
    clear = function(t) t:clear() end,
    zero = function(t) t:zero() end,
    peek = function(t) t:peek() end,
    sum = function(t) t:sum(t:key()) end,
    get_stack = function(t) t:get_stack(1) end,
    prefix = function(t) t:prefix(t:key()) end,
  }

  local b

  setup(function() -- one program for all: the compiler is what takes time
    local text = { "BPF_ARRAY(inner);" }
    for i, kind in ipairs(kinds) do
      text[#text + 1] = kind[1]:gsub("%f[%w]T%f[%W]", "t" .. i)
    end
    b = open(table.concat(text, "\n"))
  end)

  teardown(function()
    if b then
      b:close()
    end
  end)

  for i, kind in ipairs(kinds) do
    it("is refused with what it has: " .. kind[1], function()
      local t, has = b["t" .. i], (", %s,"):format(kind[2])
      for name, call in pairs(calls) do
        if has:find((" %s,"):format(name), 1, true) then
          local ok, e = pcall(call, t)
          assert(ok or name == "get" and e.errno == 88, e) -- 88: no socket
        else
          local text = misuse(function() call(t) end)
          assert.equal(("has no %s: it has %s"):format(name, kind[2]), text:match("has no .*"))
        end
      end
      assert.truthy(tostring(t):find(("^bpf.Table 't%d' %%(.-%%)$"):format(i)))
    end)
  end
end)

describe("a table as a dictionary", function()
  local b

  before_each(function()
    b = open [[
struct pair { u32 a, b; };
BPF_HASH(counts, u32, u64, 97);
BPF_HASH(others, u32, u64, 97);
BPF_PERCPU_HASH(each, u32, struct pair, 7);
BPF_PERCPU_ARRAY(numbers, u32, 7);
BPF_ARRAY(slots, u64, 11);]]
  end)

  after_each(function()
    b:close()
  end)

  it("gives defaults, pops and updates", function()
    local t = b.counts
    assert.equal("none", t:get(1, "none"))
    assert.is_false(t:contains(1))
    assert.equal(5, t:setdefault(1, 5))
    assert.equal(5, t:setdefault(1, 6))
    assert.is_true(t:contains(1))
    assert.equal(5, t:pop(1))
    assert.is_nil(t:pop(1))
    assert.equal(7, t:pop(1, 7))
    t:update { [1] = 10, [2] = 20 }
    b.others:update(t)
    assert.equal(30, b.others[1] + b.others[2])
    local k, v = b.others:popitem()
    assert.equal(10 * k, v)
    assert.is_nil(b.others[k])
    b.others:popitem()
    assert.is_nil(b.others:popitem())
    assert.equal(t.map_fd, t:get_fd())
  end)

  it("goes from key to key", function()
    assert.is_nil(b.counts:next())
    for i = 0, 88, 8 do
      b.counts[i] = i -- 0 is a key as others are
    end
    local seen, key = 0, b.counts:next()
    while key do
      seen = seen + key
      key = b.counts:next(key)
    end
    assert.equal(528, seen)
    assert.equal(12, #b.counts)
  end)

  it("reduces the leaves of all CPUs", function()
    local leaves = b.each:leaf()
    local cpus = #leaves
    for cpu = 1, cpus do
      leaves[cpu].a, leaves[cpu].b = cpu, 100 * cpu
    end
    b.each[3] = leaves
    local sums = b:get_table("each", { reducer = function(x, y)
      return { a = x.a + y.a, b = x.b + y.b }
    end })
    local sum = cpus * (cpus + 1) // 2
    if cpus > 1 then
      assert.same({ a = sum, b = 100 * sum }, sums[3])
      assert.same({ a = sum, b = 100 * sum }, sums:values()[1])
      for _, v in pairs(sums) do
        assert.same({ a = sum, b = 100 * sum }, v)
      end
    end
    assert.equal(cpus, #sums:getvalue(3))
    assert.equal(cpus, #b.each[3])
    assert.truthy(misuse(function() b.each:sum(3) end):find("reducer = function", 1, true))
    assert.truthy(misuse(function() b:get_table("counts", { reducer = math.max }) end)
      :find("has no reducer", 1, true))
    assert.truthy(misuse(function() b:get_table("each", { redcer = math.max }) end)
      :find("did you mean 'reducer'", 1, true))
  end)

  it("is seen with other types", function()
    b.counts[1] = 5 << 32 | 4
    local t = b:get_table("counts", { leaftype = "struct pair" })
    assert.equal(4, t[1].a)
    assert.equal(5, t[1].b)
    t[1] = { a = 1 }
    assert.equal(1, b.counts[1])
    assert.equal(1, b:get_table("counts", { keytype = "unsigned int", leaftype = "u64" })[1])
    assert.equal(b.counts, b:get_table("counts"))
    assert.equal(b.counts, b:get_table("counts", {}))
    local function refused(options)
      return misuse(function() b:get_table("counts", options) end)
    end
    assert.equal("get_table: leaftype: the program uses no type 'struct pear'",
      refused { leaftype = "struct pear" })
    assert.equal("get_table: keytype: 'struct pair' has 8 bytes, and the table's 4",
      refused { keytype = "struct pair" })
  end)

  it("adds up 32-bit leaves without loss", function()
    local leaves, sum = b.numbers:leaf(), 0
    for cpu = 1, #leaves do
      leaves[cpu] = 0xffffffff
      sum = sum + 0xffffffff
    end
    b.numbers[2] = leaves
    assert.same(leaves, b.numbers[2])
    assert.equal(sum, b.numbers:sum(2))
    assert.equal(0xffffffff, b.numbers:max(2))
  end)

  it("deletes a batch although some of its keys are not there", function()
    local keys, leaves = {}, {}
    for i = 1, 97 do
      keys[i], leaves[i] = i, i
    end
    b.counts:items_update_batch(keys, leaves)
    b.counts:items_delete_batch { 200, 1, 201, 202, 2, 3, 97, 203 }
    assert.equal(93, #b.counts)
    assert.is_nil(b.counts[97])
    b.slots:items_update_batch({ 0, -1 }, { 5, 6 })
    assert.equal(6, b.slots[10])
    b.slots:items_delete_batch { 0, 10 }
    assert.equal(0, b.slots[0] + b.slots[10])
    keys[98], leaves[98] = 98, 98
    assert.truthy(misuse(function() b.counts:items_update_batch(keys, leaves) end)
      :find("Array's length is wrong: 98, while table 'counts' has room for 97", 1, true))
    assert.equal(7, refusal.of(function()
      b.counts:items_update_batch({ 201, 202, 203, 204, 205, 206 }, { 1, 2, 3, 4, 5, 6 })
    end).errno)
  end)
end)

describe("batches", function()
  it("are one system call where the kernel has them", function()
    local b <close> = bpf.BPF { text = [[
BPF_HASH(counts, u32, u64, 1009);
BPF_PERCPU_ARRAY(each, u64, 1009);
BPF_ARRAY(calls, u64, 64);
TRACEPOINT_PROBE(syscalls, sys_enter_bpf) {
  if (bpf_get_current_pid_tgid() >> 32 == PID && args->cmd < 64)
    calls.increment(args->cmd);
  return 0;
}]], cflags = { "-DPID=" .. process.own_pid() } }
    local keys, leaves = {}, {}
    for i = 1, 1009 do
      keys[i], leaves[i] = i - 1, i
    end
    local function during(action)
      local before = b.calls:values()
      action()
      local list = {}
      for i, count in ipairs(b.calls:values()) do
        -- b.calls:values() itself makes calls of number 24
        if i - 1 ~= 24 and count > before[i] then
          list[#list + 1] = ("%d:%d"):format(i - 1, count - before[i])
        end
      end
      return table.concat(list, " ")
    end
    assert.equal("26:1", during(function() b.counts:items_update_batch(keys, leaves) end))
    assert.equal("27:1", during(function() b.counts:items_delete_batch { 1, 2, 3 } end))
    assert.equal("27:2", during(function() b.counts:items_delete_batch { 4, 1, 5 } end))
    assert.equal(1004, #b.counts)
    assert.truthy(during(function()
      assert.equal(1004, #b.counts:items_lookup_and_delete_batch())
    end):find("^25:[12]$"))
    assert.equal(0, #b.counts)
  end)
end)

describe("keys of an LPM trie", function()
  local b

  before_each(function()
    b = open [[
struct v4 { u32 prefixlen; u8 data[4]; };
struct v6 { u32 prefixlen; unsigned __int128 data; } __attribute__((packed));
BPF_LPM_TRIE(routes, struct v4, u32, 5000);
BPF_LPM_TRIE(routes6, struct v6, u32, 100);
BPF_LPM_TRIE(plain);
struct mac { u32 prefixlen; u8 data[6]; } __attribute__((packed));
BPF_LPM_TRIE(other, struct mac);]]
  end)

  after_each(function()
    b:close()
  end)

  it("are written and read as addresses", function()
    b.routes["10.0.0.0/8"] = 8
    b.routes:set("10.1.0.0/16", 16)
    b.routes["0.0.0.0/0"] = 1
    assert.equal(16, b.routes["10.1.2.3"])
    assert.equal(8, b.routes["10.2.2.3"])
    assert.equal(8, b.routes[{ prefixlen = 32, data = { 10, 2, 2, 3 } }])
    assert.equal(1, b.routes["9.9.9.9"])
    b.routes6["2001:db8::/32"] = 32
    assert.equal(32, b.routes6["2001:db8::1"])
    assert.is_nil(b.routes6["2001:db9::1"])
    b.plain["192.168.0.0/24"] = 24
    assert.equal(24, b.plain["192.168.0.77"])
    local list = {}
    for _, t in ipairs { b.routes, b.routes6, b.plain } do
      for key, leaf in pairs(t) do
        list[#list + 1] = ("%s=%d"):format(t:prefix(key), leaf)
      end
    end
    table.sort(list)
    assert.equal("0.0.0.0/0=1 10.0.0.0/8=8 10.1.0.0/16=16 192.168.0.0/24=24 2001:db8::/32=32",
      table.concat(list, " "))
    local key = b.routes:key "172.16.0.0/12"
    assert.equal(12, key.prefixlen)
    assert.same({ 172, 16, 0, 0 }, key.data:totable())
    b.routes["10.0.0.0/8"] = nil
    assert.equal(1, b.routes["10.2.2.3"])
    assert.equal("172.16.0.0/12", b.routes:prefix("172.16.0.0/12"))
    assert.equal("10.0.0.1/32", b.routes:prefix("10.0.0.1"))
    assert.equal("::1/128", b.routes6:prefix("::1"))
  end)

  it("are refused when they are none", function()
    for _, text in ipairs { "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/8x", "::1",
      "10.0.0.0/-1", ("1."):rep(40) } do
      assert.truthy(misuse(function() b.routes[text] = 1 end)
        :find("an address such as 10.0.0.0/8 expected, got '" .. text, 1, true))
    end
    assert.truthy(misuse(function() b.routes6["10.0.0.0/8"] = 1 end):find("2001:db8::/32", 1, true))
    assert.truthy(misuse(function() return b.routes:clera() end):find("did you mean", 1, true))
    assert.truthy(misuse(function() b.other:prefix({}) end):find("has no prefix", 1, true))
  end)

  it("come each once while the trie changes", function()
    for i = 0, 4999 do
      b.routes[("10.%d.%d.0/24"):format(i >> 8, i & 255)] = i
    end
    local seen, count = {}, 0
    for key, leaf in pairs(b.routes) do
      local text = b.routes:prefix(key)
      assert.is_nil(seen[text])
      seen[text], count = leaf, count + 1
    end
    assert.equal(5000, count)
    assert.equal(5000, #b.routes:items_lookup_and_delete_batch())
    assert.equal(0, #b.routes)
  end)
end)

describe("queues and stacks", function()
  it("give all that they have, and are emptied", function()
    local b <close> = open "BPF_QUEUE(queue, u32, 7); BPF_STACK(stack, u32, 7);"
    for i = 1, 5 do
      b.queue:push(i)
      b.stack:push(i)
    end
    assert.same({ 1, 2, 3, 4, 5 }, b.queue:values())
    assert.same({ 5, 4, 3, 2, 1 }, b.stack:values())
    assert.same({}, b.queue:values())
    for i = 1, 7 do
      b.queue:push(i)
    end
    b.queue:clear()
    assert.is_nil(b.queue:peek())
  end)
end)

describe("storage", function()
  it("of tasks is reached by the id of a process", function()
    local b <close> = try_open "struct seen { u64 count; }; BPF_TASK_STORAGE(t, struct seen);"
    local pid = process.own_pid()
    assert.is_nil(b.t[pid])
    b.t[pid] = { count = 7 }
    assert.equal(7, b.t[pid].count)
    b.t[pid] = nil
    assert.is_nil(b.t[pid])
    assert.is_false(b.t:delete(pid))
    local ended = assert(io.popen("echo $$"))
    local gone = ended:read("n")
    ended:close()
    assert.is_nil(b.t[gone])
    assert.is_false(b.t:delete(gone))
    assert.equal(3, refusal.of(function() b.t[gone] = { count = 1 } end).errno)
    assert.truthy(misuse(function() return b.t["x/y"] end):find("the id of a process expected"))
    assert.truthy(misuse(function() b.t[pid] = { cuont = 1 } end):find("did you mean 'count'"))
  end)

  it("of inodes is reached by the path of a file or a descriptor", function()
    local b <close> = try_open "BPF_INODE_STORAGE(t, u64);"
    local path = os.tmpname()
    local ok, e = pcall(function() b.t[path] = 5 end)
    if not ok and (e.errno == 95 or e.errno == 22 or e.errno == 524) then
      os.remove(path)
      return pending("needs a kernel with BPF's security hooks: " .. e.message)
    end
    assert(ok, e)
    assert.equal(5, b.t[path])
    assert.is_nil(b.t["/dev/null"])
    b.t[path] = nil
    assert.is_nil(b.t[path])
    os.remove(path)
    assert.equal(2, refusal.of(function() return b.t[path] end).errno)
    assert.truthy(misuse(function() return b.t[-1] end):find("the path of a file or"))
  end)
end)

describe("a cgroup array", function()
  it("takes paths", function()
    local b <close> = open "BPF_CGROUP_ARRAY(groups, 3);"
    local root
    for line in io.lines("/proc/mounts") do
      root = root or line:match("^%S+ (%S+) cgroup2 ")
    end
    assert.equal(22, refusal.of(function() b.groups[1] = "/tmp" end).errno)
    assert.equal(2, refusal.of(function() b.groups[1] = "/nowhere" end).errno)
    assert.equal(20, refusal.of(function() b.groups[1] = "/dev/null" end).errno)
    assert.truthy(misuse(function() b.groups[1] = {} end):find("the path of a cgroup or a file"))
    if not root then
      return pending("needs a cgroup2 file system")
    end
    local before <const> = leftovers.now()
    b.groups[1] = root
    b.groups:items_update_batch({ 0, 2 }, { root, root })
    assert.same(before, leftovers.now())
    assert.is_true(b.groups:delete(1))
    assert.is_false(b.groups:delete(1))
    assert.is_true(b.groups:delete(2))
  end)
end)

describe("a large array", function()
  it("is zeroed to its end, also when its elements are taken", function()
    local b <close> = open "BPF_ARRAY(large, u64, 8205);"
    local keys, leaves = {}, {}
    for i = 1, 8205 do
      keys[i], leaves[i] = i - 1, i
    end
    for _, method in ipairs { "zero", "clear", "items_lookup_and_delete_batch" } do
      b.large:items_update_batch(keys, leaves)
      local items = b.large[method](b.large)
      assert.equal(method:find("items") and 8205, items and items[8205][2])
      for _, leaf in ipairs(b.large:values()) do assert(leaf == 0, method) end
    end
  end)
end)

describe("tables of devices and CPUs", function()
  it("are read and written", function()
    local b <close> = open "BPF_DEVMAP(devices, 4); BPF_CPUMAP(cpus, 2);"
    b.devices[3], b.cpus[0] = 1, 192
    assert.equal(1, b.devices[3]) -- the loopback device
    assert.equal(192, b.cpus[0]) -- packets that wait for the CPU
    assert.is_nil(b.devices[0])
  end)
end)
