-- Tables read while a program stores and deletes at full speed: no key comes twice, those that stay
-- all come, every walk ends. Then readers under a collector that never rests, and two Lua states in
-- two threads.

local bpf = require "bpf"
local process = require "spec.support.process"
local target = require "spec.support.target"

local slow = tonumber(os.getenv("LUABPF_SLOW")) or 1

-- A program that stores and deletes random keys below 4096 of table t; make_key is C for one.
local function churn(declarations, key_type)
  return declarations .. [[
BPF_ARRAY(changes, u64, 1);
int on_answer(struct pt_regs *ctx) {
  for (int i = 0; i < 8; i++) {
    u32 number = bpf_get_prandom_u32();
    KEY key = MAKE_KEY(number & 4095);
    u64 leaf = number;
    if (number >> 31)
      t.update(&key, &leaf);
    else
      t.delete(&key);
  }
  changes.atomic_increment(0, 8);
  return 0;
}]], { "-DKEY=" .. key_type }
end

describe("a table that a program changes", function()
  local writer

  before_each(function()
    writer = process.start(target.path() .. " 1000000000")
  end)

  after_each(function()
    writer:signal("KILL")
    writer:finish()
  end)

  -- declaration of t, type of its keys, C that makes one of a number, Lua that does the same
  local kinds = {
    { "BPF_HASH(t, u32, u64, 8192);", "u32", "-DMAKE_KEY(n)=n", function(n) return n end },
    { "BPF_PERCPU_HASH(t, u32, u64, 8192);", "u32", "-DMAKE_KEY(n)=n", function(n) return n end },
    { 'BPF_TABLE("lru_hash", u32, u64, t, 65536);', "u32", "-DMAKE_KEY(n)=n",
      function(n) return n end },
    { "struct prefix { u32 prefixlen; u32 data; }; BPF_LPM_TRIE(t, struct prefix, u64, 8192);",
      "struct prefix", "-DMAKE_KEY(n)={32, n}", function(n)
        return { prefixlen = 32, data = n }
      end, may_miss = true },
  }

  for _, kind in ipairs(kinds) do
    it("gives each key once: " .. kind[1]:match("BPF_.*"), function()
      local text, flags = churn(kind[1], kind[2])
      flags[2] = kind[3]
      local b <close> = bpf.BPF { text = text, cflags = flags, auto_attach = false }
      local stay, leaf = 500, b.t:leaf()
      for i = 1, stay do
        b.t[kind[4](100000 + i)] = type(leaf) == "table" and leaf or 5
      end
      b:attach_uprobe { name = target.path(), sym = "answer", fn_name = "on_answer",
        pid = writer.pid }
      local function number_of(key)
        return math.type(key) and key or key.data
      end
      local walks, before, deadline = 0, b.changes[0], os.time() + math.max(60, 10 * slow)
      repeat
        walks = walks + 1
        local seen, stayed, count = {}, 0, 0
        for key in pairs(b.t) do
          local number = number_of(key)
          assert(not seen[number], "a key came twice")
          seen[number], count = true, count + 1
          if number > 100000 then
            stayed = stayed + 1
          end
        end
        assert(count <= 4096 + stay)
        assert(kind.may_miss or stayed == stay, ("%d of the keys that stay came"):format(stayed))
        assert(os.time() < deadline, "the program does not run meanwhile")
      until walks * slow >= 20 and b.changes[0] - before > 100 * walks
      local removed = b.t:items_lookup_and_delete_batch()
      assert.is_true(#removed >= (kind.may_miss and 1 or stay))
    end)
  end

  it("is emptied although it fills again", function()
    local text, flags = churn("BPF_HASH(t, u32, u64, 8192);", "u32")
    flags[2] = "-DMAKE_KEY(n)=n"
    local b <close> = bpf.BPF { text = text, cflags = flags, auto_attach = false }
    b:attach_uprobe { name = target.path(), sym = "answer", fn_name = "on_answer",
      pid = writer.pid }
    for _ = 1, 20 do
      b.t:clear()
      b.t:zero()
      assert.is_true(#b.t <= 4096)
    end
  end)

  it("is zeroed without what the program deletes meanwhile coming back", function()
    local b <close> = bpf.BPF { auto_attach = false, text = [[
BPF_HASH(t, u32, u64, 8192);
int on_answer(struct pt_regs *ctx) {
  u32 keys[64];
  u64 leaf = 1;
  for (int i = 0; i < 64; i++) {
    keys[i] = bpf_get_prandom_u32();
    t.update(&keys[i], &leaf);
  }
  for (int i = 0; i < 64; i++)
    t.delete(&keys[i]);
  return 0;
}]] }
    local link = b:attach_uprobe { name = target.path(), sym = "answer", fn_name = "on_answer",
      pid = writer.pid }
    local finish = os.clock() + 0.3
    repeat b.t:zero() until os.clock() > finish
    link:detach()
    assert.equal(0, #b.t)
  end)
end)

describe("two Lua states in two threads #any_kernel", function()
  it("have tables and events of their own", function()
    local program = os.tmpname()
    local module = assert(io.open(assert(package.searchpath("bpf.core", package.cpath)), "rb"))
    local sanitized = module:read("a"):find("libasan", 1, true) -- its program must be, too
    module:close()
    local status, _, errors = process.run(("sh -c 'cc -O1 -g %s $(pkg-config --cflags lua5.4) "
      .. "-o %s spec/support/two_states.c $(pkg-config --libs lua5.4) -pthread -Wl,-E'")
      :format(sanitized and "-fsanitize=address,undefined" or "", program))
    if status ~= 0 then
      os.remove(program)
      return pending("needs a C compiler and Lua's library: " .. errors)
    end
    local done, output, said = process.run(("env 'LUA_PATH=%s' 'LUA_CPATH=%s' %s %s"):format(
      package.path, package.cpath, program, "spec/support/two_states.lua"))
    os.remove(program)
    assert.equal("", said)
    assert.equal(0, done)
    assert.equal("done\ndone\n", output)
  end)
end)

describe("tables and values under a collector that never rests #any_kernel", function()
  it("stay what they are", function()
    local b <close> = bpf.BPF { text = [[
struct inner { u32 a; char name[8]; };
struct leaf { u64 n; struct inner parts[2]; struct inner one; };
BPF_HASH(t, struct inner, struct leaf, 211);
BPF_PERCPU_ARRAY(each, struct inner, 3);]], auto_attach = false }
    collectgarbage("incremental", 1, 10000, 1)
    -- A table that collects at each step of a loop over it.
    local function collecting(fields)
      return setmetatable({}, { __pairs = function()
        return function(_, k)
          collectgarbage()
          return next(fields, k)
        end
      end })
    end
    local ok, e = pcall(function()
      for i = 1, 211 do
        local key = b.t:key { a = i, name = "k" .. i }
        b.t[key] = { n = -i, parts = { { a = 2 * i }, { name = "p" .. i } },
          one = b.t:leaf().one:copy() }
        local one = b.t[key].one -- outlives what it lies in
        collectgarbage(i % 16 == 0 and "collect" or "step")
        one.a = i
        assert(one.a == i and tostring(one) == ('{a=%d, name=""}'):format(i))
      end
      local last = b.t:key { a = 1000 }
      b.t[b.t:key { a = 1, name = "k1" }] = nil -- room for one
      b.t:update(collecting { [last] = { n = 1 } })
      assert(b.t[last].n == 1)
      b.t[last] = nil
      local count = 0
      for key, leaf in pairs(b.t) do
        collectgarbage("step")
        assert(leaf.n == -key.a and leaf.parts[1].a == 2 * key.a)
        assert(key.name == "k" .. key.a and leaf:totable().parts[2].name == "p" .. key.a)
        count = count + 1
        b.t[key] = nil
      end
      assert(count == 210 and #b.t == 0)
      local reduced = b:get_table("each", { reducer = function(x, y)
        collectgarbage()
        return { a = x.a + y.a, name = "" }
      end })
      local leaves = b.each:leaf()
      for cpu = 1, #leaves do
        leaves[cpu].a = cpu
      end
      b.each[1] = leaves
      collectgarbage()
      assert(reduced[1].a == #leaves * (#leaves + 1) // 2)
    end)
    collectgarbage("incremental", 200, 100, 13)
    assert(ok, e)
  end)
end)
