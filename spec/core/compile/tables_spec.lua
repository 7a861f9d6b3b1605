-- Every kind of table that BCC's dialect declares: it is created with its defaults and flags, its
-- methods do what they say on a traced program, and methods of other kinds are refused.
local bpf <const> = require "bpf"
local process <const> = require "spec.support.process"
local refusal <const> = require "spec.support.refusal"
local target <const> = require "spec.support.target"

local file <const> = "spec/core/compile/tables_spec.lua"
-- A guest without hardware help takes seconds for each: there, every fourth has to do.
local step <const> = os.getenv("LUABPF_SLOW") and 4 or 1
local count <const> = 107
local nothing <const> = "\nint nothing(struct pt_regs *ctx) { return 0; }"

local function open(text)
  return bpf.BPF{text = text, auto_attach = false}
end

local function at_answer(text)
  local b <const> = open(text)
  b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "on_answer"}
  return b
end

local function run(text, calls)
  local b <const> = at_answer(text)
  target.run(calls or count)
  return b
end

-- Whether this kernel has maps of a type; else the spec is pending.
local function lacks(text)
  local good, e = pcall(open, text .. nothing)
  if good then
    e:close()
    return false
  end
  if e.op == "create map" and (e.errno == 22 or e.errno == 95) then
    pending("needs a kernel with this map: " .. e.message)
    return true
  end
  error(e)
end

describe("a declaration", function()
  -- what it says, then type, key size, leaf size, entries, flags
  local cases <const> = {
    {"BPF_HASH(t);", 1, 8, 8, 10240, 0},
    {"BPF_HASH(t, u32);", 1, 4, 8, 10240, 0},
    {"BPF_HASH(t, u32, u16);", 1, 4, 2, 10240, 0},
    {"BPF_HASH(t, struct pair, u16, 7);", 1, 8, 2, 7, 0},
    {"BPF_PERCPU_HASH(t);", 5, 8, 8, 10240, 0},
    {"BPF_PERCPU_HASH(t, u32, u32, 9);", 5, 4, 4, 9, 0},
    {"BPF_ARRAY(t);", 2, 4, 8, 10240, 0},
    {"BPF_ARRAY(t, u32);", 2, 4, 4, 10240, 0},
    {"BPF_ARRAY(t, struct pair, 3 * 5);", 2, 4, 8, 15, 0},
    {"BPF_PERCPU_ARRAY(t);", 6, 4, 8, 10240, 0},
    {"BPF_PERCPU_ARRAY(t, u32, 2);", 6, 4, 4, 2, 0},
    {"BPF_HISTOGRAM(t);", 2, 4, 8, 64, 0},
    {"BPF_HISTOGRAM(t, u64);", 1, 8, 8, 64, 0},
    {"BPF_HISTOGRAM(t, struct pair, 100);", 1, 8, 8, 100, 0},
    {"BPF_LPM_TRIE(t);", 11, 8, 8, 10240, 1},
    {"BPF_LPM_TRIE(t, struct pair, u32, 5);", 11, 8, 4, 5, 1},
    {"BPF_STACK_TRACE(t, 1000);", 7, 4, 127 * 8, 1024, 0},
    {"BPF_STACK_TRACE_BUILDID(t, 100);", 7, 4, 127 * 32, 128, 32},
    {"BPF_PROG_ARRAY(t, 6);", 3, 4, 4, 6, 0},
    {"BPF_PERF_ARRAY(t, 6);", 4, 4, 4, 6, 0},
    {"BPF_CGROUP_ARRAY(t, 6);", 8, 4, 4, 6, 0},
    {"BPF_RINGBUF_OUTPUT(t, 4);", 27, 0, 0, 4 * 4096, 0},
    {"BPF_DEVMAP(t, 6);", 14, 4, 4, 6},
    {"BPF_CPUMAP(t, 1);", 16, 4, 4, 1, 0},
    {"BPF_XSKMAP(t, 6);", 17, 4, 4, 6, 0},
    {"BPF_ARRAY(in, u64, 4); BPF_ARRAY_OF_MAPS(t, \"in\", 6);", 12, 4, 4, 6, 0},
    {"BPF_ARRAY(in, u64, 4); BPF_HASH_OF_MAPS(t, \"in\");", 13, 4, 4, 10240, 0},
    {"BPF_HASH(in); BPF_HASH_OF_MAPS(t, struct pair, \"in\");", 13, 8, 4, 10240, 0},
    {"BPF_HASH(in); BPF_HASH_OF_MAPS(t, u64, \"in\", 6);", 13, 8, 4, 6, 0},
    {"BPF_QUEUE(t, struct pair, 6);", 22, 0, 8, 6, 0},
    {"BPF_STACK(t, u32, 6, 0);", 23, 0, 4, 6, 0},
    {"BPF_QUEUESTACK(\"queue\", t, u64, 6, 0);", 22, 0, 8, 6, 0},
    {"BPF_QUEUESTACK_PUBLIC(\"stack\", t, u64, 6, 0);", 23, 0, 8, 6, 0},
    {"BPF_QUEUESTACK_SHARED(\"stack\", t, u64, 6, 0);", 23, 0, 8, 6, 0},
    {"BPF_SK_STORAGE(t, u64);", 24, 4, 8, 0, 1},
    {"BPF_INODE_STORAGE(t, u64);", 28, 4, 8, 0, 1},
    {"BPF_TASK_STORAGE(t, struct pair);", 29, 4, 8, 0, 1},
    {"BPF_SOCKMAP(t, 6);", 15, 4, 4, 6, 0},
    {"BPF_SOCKHASH(t);", 18, 4, 4, 10240, 0},
    {"BPF_SOCKHASH(t, u64);", 18, 8, 4, 10240, 0},
    {"BPF_SOCKHASH(t, u64, 6);", 18, 8, 4, 6, 0},
    {"BPF_CGROUP_STORAGE(t, u64);", 19, 16, 8, 0, 0},
    {"BPF_PERCPU_CGROUP_STORAGE(t, u64);", 21, 16, 8, 0, 0},
    {"BPF_TABLE(\"hash\", u32, struct pair, t, 6);", 1, 4, 8, 6, 0},
    {"BPF_F_TABLE(\"hash\", u32, u64, t, 6, BPF_F_NO_PREALLOC);", 1, 4, 8, 6, 1},
    {"BPF_TABLE_PUBLIC(\"array\", int, u64, t, 6);", 2, 4, 8, 6, 0},
    {"BPF_TABLE_SHARED(\"hash\", u32, u64, t, 6);", 1, 4, 8, 6, 0},
    {"BPF_TABLE_SHARED(\"hash\", u32, u64, t, 6, BPF_F_NO_PREALLOC);", 1, 4, 8, 6, 1},
    {"BPF_HASH(t); BPF_ANNOTATE_KV_PAIR(t, u64, u64);", 1, 8, 8, 10240, 0},
    {"BPF_QUEUE(t, u64, 6); BPF_ANNOTATE_KV_PAIR_QUEUESTACK(t, u64);", 22, 0, 8, 6, 0},
  }

  for i = 1, #cases, step do
    local case <const> = cases[i]
    it("with " .. case[1]:gsub("^BPF_%u+%(in.-; ", "") .. " makes that map", function()
      local text <const> = "struct pair { u32 a, b; };\n" .. case[1]
      if lacks(text) then return end
      local b <close> = open(text .. nothing)
      local t <const> = b.t
      assert.same({case[2], case[3], case[4], case[5]},
        {t.ttype, t.key_size, t.leaf_size, t.max_entries})
      if case[6] then assert.equal(case[6], t.flags) end
    end)
  end

  it("of a perf output makes room for every possible CPU", function()
    local b <close> = open("BPF_PERF_OUTPUT(t);" .. nothing)
    local possible <const> = io.open("/sys/devices/system/cpu/possible"):read("l")
    assert.equal(math.tointeger(possible:match("(%d+)$")) + 1, b.t.max_entries)
  end)
end)

describe("BPF_TABLE", function()
  local types <const> = {
    hash = 1, array = 2, percpu_hash = 5, percpu_array = 6, lru_hash = 9, lru_percpu_hash = 10,
    prog = 3, perf_array = 4, perf_output = 4, stacktrace = 7, cgroup_array = 8, devmap = 14,
    cpumap = 16, xskmap = 17, sockmap = 15, sockhash = 18, sk_storage = 24, inode_storage = 28,
    task_storage = 29, ["array_of_maps$in"] = 12, ["hash_of_maps$in"] = 13,
  }

  for name, number in pairs(types) do
    it(("takes the type %q #any_kernel"):format(name), function()
      local leaf <const> = name == "stacktrace" and "struct bpf_stacktrace" or "u32"
      local text <const> = ('BPF_HASH(in); BPF_TABLE("%s", u32, %s, t, 1);'):format(name, leaf)
      if lacks(text) then return end
      local b <close> = open(text .. nothing)
      assert.equal(number, b.t.ttype)
    end)
  end

  it("takes histogram, which is an array over int and a hash over anything else", function()
    local b <close> = open([[
BPF_TABLE("histogram", int, u64, over_int, 5);
BPF_TABLE("histogram", u64, u64, over_u64, 5);
BPF_TABLE("lpm_trie", u64, u64, trie, 5);
BPF_TABLE("cgroup_storage", struct bpf_cgroup_storage_key, u64, local_storage, 0);
BPF_TABLE("percpu_cgroup_storage", struct bpf_cgroup_storage_key, u64, percpu_storage, 0);]]
      .. nothing)
    assert.equal(2, b.over_int.ttype)
    assert.equal(1, b.over_u64.ttype)
    assert.equal(11, b.trie.ttype)
    assert.equal(19, b.local_storage.ttype)
    assert.equal(21, b.percpu_storage.ttype)
  end)

  -- name, text with the mark at its line, words of the message, words of the hint
  local refused <const> = {
    {"an unknown type", [[
BPF_TABLE("hsah", u32, u64, t, 5); /*an unknown type*/]],
      'BPF_TABLE has no type "hsah": it takes hash, array'},
    {"a type that has a macro of its own", [[
BPF_TABLE("queue", u32, u64, t, 5); /*a type that has a macro of its own*/]], "see BPF_QUEUE"},
    {"a histogram of small leaves", [[
BPF_TABLE("histogram", int, u32, t, 5); /*a histogram of small leaves*/]],
      "histogram leaf type must be u64"},
    {"an unknown type of queue", [[
BPF_QUEUESTACK("hash", t, u64, 5, 0); /*an unknown type of queue*/]],
      'BPF_QUEUESTACK has no type "hash"'},
    {"a leaf without bytes", [[
struct empty {};
BPF_HASH(t, u32, struct empty); /*a leaf without bytes*/]],
      "the leaf type of table t has no bytes"},
    {"a method of another kind", [[
BPF_HASH(t);
int f(struct pt_regs *ctx) {
  return t.get_stackid(ctx, 0); /*a method of another kind*/
}]], "no member named 'get_stackid' in table 't'", "'t' has: lookup lookup_or_try_init"},
    {"look-ups of stacks", [[
BPF_TABLE("stacktrace", u32, struct bpf_stacktrace, my_t, 8);
int f(struct pt_regs *ctx) {
  u32 id = 0;
  return my_t.lookup(&id) != 0; /*look-ups of stacks*/
}]], "no member named 'lookup' in table 'my_t'", "'my_t' has: get_stackid"},
    {"keys in a queue", [[
BPF_QUEUE(t, u64, 8);
int f(struct pt_regs *ctx) {
  u64 v = 0;
  return t.update(&v, &v); /*keys in a queue*/
}]], "no member named 'update' in table 't'", "'t' has: push pop peek"},
    {"a misspelt method", [[
BPF_TABLE("sockhash", u32, int, t, 8);
int f(struct bpf_sock_ops *ctx) {
  u32 key = 0;
  return t.sock_hash_updat(ctx, &key, 0); /*a misspelt method*/
}]], "sock_hash_updat", "sock_hash_update"},
    {"a key of the wrong type", [[
struct pair { u32 a, b; };
BPF_HASH(t, struct pair);
int f(struct pt_regs *ctx) {
  u64 wrong = 0;
  t.increment(wrong); /*a key of the wrong type*/
  return 0;
}]], "incompatible type"},
  }

  for _, case in ipairs(refused) do
    it("refuses " .. case[1] .. " at the user's line #any_kernel", function()
      local e <const> = refusal.of(function() open(case[2]) end)
      assert.equal("compile", e.op)
      assert.truthy(e.message:find(case[3], 1, true), e.message)
      assert.equal(file .. ":" .. refusal.line_of(file, "/*" .. case[1] .. "*/"), e.where)
      if case[4] then
        assert.truthy((e.message .. (e.hint or "")):find(case[4], 1, true), tostring(e))
      end
    end)
  end

  it("counts exactly in LRU tables and by macro", function()
    local b <close> = run[[
BPF_TABLE("lru_hash", u32, u64, lru, 64);
BPF_TABLE("lru_percpu_hash", u32, u64, lru_percpu, 64);
BPF_TABLE("percpu_array", int, u64, slots, 4);
#define COUNT(table, key) table.increment(key)
#define KEY 3
int on_answer(struct pt_regs *ctx, unsigned long question) {
  COUNT(lru, question & 1);
  lru_percpu.increment(question & 1, 2);
  slots.atomic_increment(KEY);
  return 0;
}]]
    assert.equal(54, b.lru[0])
    assert.equal(53, b.lru[1])
    assert.equal(108, b.lru_percpu:sum(0))
    assert.equal(count, b.slots:sum(3))
  end)
end)

describe("atomic_increment", function()
  it("loses nothing when processes run at once, not even the first", function()
    local b <close> = at_answer[[
BPF_HASH(counts, u32);
BPF_HASH(narrow, u32, u32);
int on_answer(struct pt_regs *ctx, unsigned long question) {
  counts.atomic_increment(question);
  narrow.atomic_increment(7);
  return 0;
}]]
    local runs <const> = (target.path() .. " 503 & "):rep(4)
    assert(os.execute(("(%s wait) > /dev/null"):format(runs)))
    for question = 0, 502 do assert.equal(4, b.counts[question]) end
    assert.equal(4 * 503, b.narrow[7])
  end)

  it("is one instruction, and makes a leaf only if no other CPU did #any_kernel", function()
    local atomic <const> = { u64 = "\xdb", u32 = "\xc3" }
    for kind, expected in pairs{ hash = true, percpu_hash = false } do
      for leaf, instruction in pairs(atomic) do
        local b <close> = open(([[BPF_TABLE("%s", u32, %s, counts, 4);
int f(struct pt_regs *ctx) { counts.atomic_increment(7); return 0; }]]):format(kind, leaf))
        b:load_func("f", bpf.BPF.KPROBE)
        local code <const>, found = b:dump_func("f"), false
        for at = 1, #code, 8 do found = found or code:sub(at, at) == instruction end
        assert.equal(expected, found)
        assert.truthy(code:find("\xb7\4\0\0\1\0\0\0", 1, true)) -- BPF_NOEXIST
        assert.falsy(code:find("\xb7\4\0\0\0\0\0\0", 1, true))
      end
    end
  end)
end)

describe("BPF_LPM_TRIE", function()
  it("finds the longest prefix", function()
    local b <close> = at_answer[[
struct prefix { u32 bits; u8 bytes[4]; };
BPF_LPM_TRIE(networks, struct prefix, u32, 16);
BPF_ARRAY(found, u64, 4);
int on_answer(struct pt_regs *ctx, unsigned long question) {
  struct prefix address = {32, {10, question & 1, question & 3, 9}};
  u32 *network = networks.lookup(&address);
  if (network)
    found.increment(*network);
  return 0;
}]]
    b.networks[{bits = 8, bytes = {10, 0, 0, 0}}] = 1
    b.networks[{bits = 16, bytes = {10, 1, 0, 0}}] = 2
    b.networks[{bits = 24, bytes = {10, 1, 3, 0}}] = 3
    target.run(count)
    assert.equal(54, b.found[1])
    assert.equal(27, b.found[2])
    assert.equal(26, b.found[3])
    assert.equal(2, b.networks[{bits = 32, bytes = {10, 1, 1, 1}}])
    assert.is_nil(b.networks[{bits = 32, bytes = {11, 1, 1, 1}}])
  end)
end)

describe("BPF_PROG_ARRAY", function()
  it("chains programs, and goes on where a slot is empty", function()
    local b <close> = at_answer[[
BPF_PROG_ARRAY(steps, 4);
BPF_ARRAY(counts, u64, 4);
int on_answer(struct pt_regs *ctx) {
  counts.increment(0);
  steps.call(ctx, 1);
  counts.increment(3); /* only reached while the slot is empty */
  return 0;
}
int first(struct pt_regs *ctx) {
  counts.increment(1);
  steps.call(ctx, 2);
  return 0;
}
int second(struct pt_regs *ctx) {
  counts.increment(2);
  return 0;
}]]
    target.run(3)
    b.steps[1] = b:load_func("first", bpf.BPF.KPROBE)
    b.steps[2] = b:load_func("second", bpf.BPF.KPROBE).fd
    target.run(count)
    assert.equal(count + 3, b.counts[0])
    assert.equal(count, b.counts[1])
    assert.equal(count, b.counts[2])
    assert.equal(3, b.counts[3])
    b.steps[1] = nil
    target.run(2)
    assert.equal(count, b.counts[1])
    assert.equal(5, b.counts[3])
    refusal.misuse(function() b.steps[1] = "first" end, file)
  end)
end)

describe("maps of maps", function()
  it("lead to the table that the script put there", function()
    local b <close> = at_answer[[
struct slot { u32 which, unused; };
BPF_ARRAY(one, u64, 8);
BPF_ARRAY(two, u64, 8);
BPF_ARRAY_OF_MAPS(by_index, "one", 2);
BPF_HASH_OF_MAPS(by_slot, struct slot, "one", 10);
int on_answer(struct pt_regs *ctx, unsigned long question) {
  int index = question & 1, place = 5;
  struct slot slot = {index, 0};
  void *inner = by_index.lookup(&index);
  u64 *value;
  if (inner && (value = bpf_map_lookup_elem(inner, &place)))
    lock_xadd(value, 1);
  place = 6;
  inner = by_slot.lookup(&slot);
  if (inner && (value = bpf_map_lookup_elem(inner, &place)))
    lock_xadd(value, 1);
  return 0;
}]]
    b.by_index[0] = b.one
    b.by_index[1] = b.two
    b.by_slot[{which = 1}] = b.one
    target.run(count)
    assert.equal(54, b.one[5])
    assert.equal(53, b.two[5])
    assert.equal(53, b.one[6])
    assert.equal(0, b.two[6])
    b.by_slot[{which = 1}] = nil
    target.run(2)
    assert.equal(53, b.one[6])
  end)

  it("need an inner table that is none of them", function()
    local e = refusal.of(function() open('BPF_HASH_OF_MAPS(t, "none");' .. nothing) end)
    assert.truthy(e.message:find("there is no such table", 1, true))
    e = refusal.of(function()
      open('BPF_HASH(a); BPF_HASH_OF_MAPS(b, "a"); BPF_HASH_OF_MAPS(c, "b");' .. nothing)
    end)
    assert.truthy(e.message:find("holds maps itself", 1, true))
  end)

  it("take only tables like the inner one", function()
    local text <const> = 'BPF_HASH(a); BPF_HASH(other, u32); BPF_HASH_OF_MAPS(t, "a");'
    local b <close> = open(text .. nothing)
    refusal.of(function() b.t[1] = b.other end)
    refusal.misuse(function() b.t[1] = {} end, file)
  end)
end)

describe("queues and stacks", function()
  it("give back first what came first, or last", function()
    local b <close> = run([[
BPF_QUEUE(queue, u64, 64);
BPF_STACK(stack, u64, 64);
BPF_QUEUE(from_lua, u32, 4);
BPF_ARRAY(out, s64, 4);
static void put(int slot, s64 value) { out.update(&slot, &value); }
int on_answer(struct pt_regs *ctx, unsigned long question) {
  u64 value = question, popped = 99, seen = 99;
  queue.push(&value, BPF_ANY);
  stack.push(&value, 0);
  if (question == 6) {
    put(0, stack.pop(&popped));
    put(1, popped);
    put(2, queue.peek(&seen));
    put(3, seen);
  }
  return 0;
}]], 11)
    assert.same({0, 6, 0, 0}, {b.out[0], b.out[1], b.out[2], b.out[3]})
    assert.equal(0, b.queue:peek())
    for i = 0, 10 do assert.equal(i, b.queue:pop()) end
    assert.is_nil(b.queue:pop())
    assert.is_nil(b.queue:peek())
    for _, value in ipairs{10, 9, 8, 7, 5} do assert.equal(value, b.stack:pop()) end
    for i = 1, 4 do b.from_lua:push(i) end
    local e <const> = refusal.of(function() b.from_lua:push(5) end)
    assert.truthy(tostring(e):find("declared for 4 entries", 1, true))
    b.from_lua:push(5, 2)
    assert.equal(2, b.from_lua:pop())
    refusal.misuse(function() b.out:push(1) end, file)
  end)
end)

describe("storage", function()
  it("of tasks counts for each", function()
    if lacks("BPF_TASK_STORAGE(t, u64);") then return end
    local good, b = pcall(at_answer, [[
BPF_TASK_STORAGE(calls, u64);
BPF_ARRAY(out, u64, 2);
int on_answer(struct pt_regs *ctx, unsigned long question) {
  struct task_struct *task = bpf_get_current_task_btf();
  int slot = 0;
  u64 *mine = calls.task_storage_get(task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!mine)
    return 0;
  *mine += 1;
  out.update(&slot, mine);
  if (question == 100)
    out.increment(1, calls.task_storage_delete(task) == 0);
  return 0;
}]])
    if not good then
      assert.equal("load", b.op)
      return pending("needs a kernel whose probes may use task storage: " .. b.message)
    end
    target.run(count)
    assert.equal(count - 101, b.out[0])
    assert.equal(1, b.out[1])
    b:close()
  end)

  it("of sockets, inodes and cgroups loads in the programs that may use it", function()
    local b <close> = open[[
BPF_SK_STORAGE(sockets, u64);
BPF_CGROUP_STORAGE(groups, u64);
BPF_PERCPU_CGROUP_STORAGE(percpu_groups, u32);
int on_packet(struct __sk_buff *skb) {
  struct bpf_sock *sk = skb->sk;
  u64 first = 1, *value, *group = groups.get_local_storage(0);
  u32 *percpu = percpu_groups.get_local_storage(0);
  lock_xadd(group, 1);
  *percpu += 1;
  if (!sk || !(sk = bpf_sk_fullsock(sk)))
    return 1;
  value = sockets.sk_storage_get(sk, &first, BPF_SK_STORAGE_GET_F_CREATE);
  if (value && *value > 100)
    sockets.sk_storage_delete(sk);
  return 1;
}]]
    assert.is_true(b:load_func("on_packet", bpf.BPF.CGROUP_SKB).fd > 0)
  end)
end)

describe("tables of sockets and devices", function()
  it("load in the programs that may use them", function()
    local b <close> = open[[
BPF_SOCKMAP(by_index, 8);
BPF_SOCKHASH(by_port, u32, 8);
BPF_DEVMAP(devices, 8);
BPF_CPUMAP(cpus, 1);
BPF_XSKMAP(xsks, 4);
int on_socket(struct bpf_sock_ops *ctx) {
  u32 key = 1, port = ctx->local_port;
  by_index.sock_map_update(ctx, &key, BPF_ANY);
  by_port.sock_hash_update(ctx, &port, BPF_ANY);
  by_port.delete(&port);
  return 0;
}
int on_message(struct sk_msg_md *ctx) {
  u32 port = ctx->local_port;
  if (port == 1)
    return by_index.msg_redirect_map(ctx, 1, 0);
  return by_port.msg_redirect_hash(ctx, &port, BPF_F_INGRESS);
}
int on_stream(struct __sk_buff *ctx) {
  u32 port = ctx->local_port;
  if (port == 1)
    return by_index.sk_redirect_map(ctx, 1, 0);
  return by_port.sk_redirect_hash(ctx, &port, 0);
}
int on_frame(struct xdp_md *ctx) {
  int index = ctx->rx_queue_index;
  if (xsks.lookup(&index))
    return xsks.redirect_map(index, 0);
  return index ? devices.redirect_map(index, 0) : cpus.redirect_map(0, 0);
}
BPF_PERF_OUTPUT(packets);
int on_packet(struct __sk_buff *skb) {
  struct { u32 length, mark; } seen = {skb->len, skb->mark};
  packets.perf_submit_skb(skb, skb->len, &seen, sizeof(seen));
  return 0;
}]]
    assert.is_true(b:load_func("on_packet", bpf.BPF.SOCKET_FILTER).fd > 0)
    assert.is_true(b:load_func("on_socket", bpf.BPF.SOCK_OPS).fd > 0)
    assert.is_true(b:load_func("on_message", bpf.BPF.SK_MSG).fd > 0)
    assert.is_true(b:load_func("on_stream", bpf.BPF.SK_SKB).fd > 0)
    assert.is_true(b:load_func("on_frame", bpf.BPF.XDP).fd > 0)
  end)
end)

describe("BPF_CGROUP_ARRAY", function()
  it("tells who runs in a cgroup", function()
    local root
    for line in io.lines("/proc/mounts") do root = root or line:match("^%S+ (%S+) cgroup2 ") end
    local folder <const> = ("%s/luabpf-%d"):format(root or "", process.own_pid())
    if not root or not os.execute("mkdir " .. folder .. " 2> /dev/null") then
      return pending("needs a cgroup2 file system that can be written")
    end
    local b <close> = at_answer[[
BPF_CGROUP_ARRAY(groups, 2);
BPF_HASH(answers, s64);
int on_answer(struct pt_regs *ctx) {
  answers.increment(groups.check_current_task(1));
  return 0;
}]]
    local handle <close> = assert(io.open(folder))
    local list <const> = io.popen(("ls -l /proc/%d/fd"):format(process.own_pid()))
    local fd <const> = list:read("a"):match("(%d+) %-> " .. folder:gsub("%p", "%%%0"))
    list:close()
    b.groups[1] = math.tointeger(fd)
    target.run(count)
    os.execute(("sh -c 'echo $$ > %s/cgroup.procs && exec %s 53' > /dev/null"):format(
      folder, target.path()))
    os.execute("rmdir " .. folder)
    assert.equal(count, b.answers[0])
    assert.equal(53, b.answers[1])
    assert.is_not_nil(handle)
  end)
end)

describe("other kinds", function()
  it("load or answer", function()
    local b <close> = run[[
BPF_TABLE("stacktrace", int, struct bpf_stacktrace, stacks, 64);
BPF_STACK_TRACE_BUILDID(built, 64);
BPF_PERF_ARRAY(counters, 2);
BPF_CGROUP_ARRAY(groups, 1);
BPF_HASH(ids, int);
BPF_HASH(results, u32, s64);
int on_answer(struct pt_regs *ctx) {
  struct bpf_perf_event_value value = {};
  u32 slot = 0;
  s64 result = counters.perf_counter_value(CUR_CPU_IDENTIFIER, &value, sizeof(value));
  results.update(&slot, &result);
  slot = 1;
  result = counters.perf_read(CUR_CPU_IDENTIFIER);
  results.update(&slot, &result);
  slot = 2;
  result = groups.check_current_task(0);
  results.update(&slot, &result);
  ids.increment(stacks.get_stackid(ctx, BPF_F_USER_STACK));
  slot = 3;
  result = built.get_stackid(ctx, BPF_F_USER_STACK);
  results.update(&slot, &result);
  return 0;
}]]
    local no_entry <const> = -2 -- no counter is open in the array
    assert.equal(no_entry, b.results[0])
    assert.equal(no_entry, b.results[1])
    assert.equal(-11, b.results[2]) -- EAGAIN: no cgroup in the array
    local frame <const> = b.built[b.results[3]][1]
    assert.equal(1, frame.status) -- build_id and offset are known
    assert.is_true(frame.offset > 0)
    local items <const> = b.ids:items()
    assert.equal(1, #items)
    assert.equal(count, items[1][2])
    assert.is_true(items[1][1] >= 0)
  end)
end)

describe("BPF_INODE_STORAGE", function()
  it("keeps a leaf for each file", function()
    local path <const> = "/proc/version" -- other file systems may lie on one another
    local pipe <const> = io.popen("stat -c %i " .. path)
    local inode <const> = pipe:read("l")
    pipe:close()
    local b <close> = bpf.BPF{auto_attach = false, cflags = {"-DINODE=" .. inode}, text = [[
#include <linux/fs.h>
BPF_INODE_STORAGE(seen, u64);
BPF_ARRAY(out, u64, 2);
LSM_PROBE(file_open, struct file *file) {
  u64 *opened, first = 100;
  if (file->f_inode->i_ino != INODE)
    return 0;
  opened = seen.inode_storage_get(file->f_inode, &first, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (opened) {
    (*opened)++;
    out.increment(0);
    if (*opened == 117)
      out.increment(1, seen.inode_storage_delete(file->f_inode) == 0);
  }
  return 0;
}]]}
    local good <const>, e <const> = pcall(b.attach_lsm, b, {fn_name = "lsm__file_open"})
    if not good then
      pending("needs programs at LSM hooks: " .. e.message)
      return
    end
    for _ = 1, 20 do assert(io.open(path)):close() end
    assert.equal(20, b.out[0])
    assert.equal(1, b.out[1])
  end)
end)
