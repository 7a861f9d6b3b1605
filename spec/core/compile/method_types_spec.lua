-- Arguments of table methods: what is no key or leaf of the table is refused at its line, what has
-- the bytes of one is taken; and every kind of table tells what methods it has.
local bpf <const> = require "bpf"
local refusal <const> = require "spec.support.refusal"
local script <const> = require "spec.support.script"

local head <const> = [[
struct pair { u32 a, b; };
struct other { u64 x; };
BPF_HASH(counts, u32, u64);
BPF_HASH(pairs, struct pair, struct pair);
BPF_HASH(names, char[16], u32);
BPF_QUEUE(queue, struct pair, 8);
BPF_TABLE("lru_hash", int, u64, recent, 8);
int probe(struct pt_regs *ctx) {
  int i = 0; u32 u = 0; u64 l = 0; unsigned long w = 0; long long s = 0; u16 h = 0; bool yes = 0;
  struct pair pair = {}; struct other other = {}; char name[16] = ""; u8 bytes[16] = {};
  enum kind { ONE, TWO } kind = ONE; struct sock *sock = NULL; const volatile u32 fixed = 0;
  void *any = &u;
]]

-- statement, part of the message, part of the hint
local refused <const> = {
  {"counts.lookup(&other);",
    "counts.lookup takes the address of a key of type 'u32', not a 'struct other *'",
    "sizeof(u32)"},
  {"counts.lookup(&l);", "key of type 'u32', not a 'u64 *'"},
  {"counts.delete(&h);", "counts.delete takes the address of a key of type 'u32'"},
  {"counts.lookup(&sock);", "not a 'struct sock **'"},
  {"counts.lookup(name);", "not a 'char[16]'"},
  {"counts.update(5, &l);", "key of type 'u32', not a 'int'", "variable of type 'u32'"},
  {"counts.lookup(u);", "key of type 'u32', not a 'u32'", "pass its address"},
  {"counts.update(&u, &u);",
    "counts.update takes the address of a leaf of type 'u64', not a 'u32 *'"},
  {"counts.update(&u, l);", "leaf of type 'u64', not a 'u64'"},
  {"u64 *p = counts.lookup_or_try_init(&u, &pair);", "leaf of type 'u64', not a 'struct pair *'"},
  {"pairs.lookup(&l);", "key of type 'struct pair', not a 'u64 *'"},
  {"pairs.insert(&pair, &other);", "leaf of type 'struct pair', not a 'struct other *'"},
  {"names.lookup(&u);", "key of type 'char[16]', not a 'u32 *'"},
  {"queue.push(&l, 0);", "queue.push takes the address of a leaf of type 'struct pair'"},
  {"queue.pop(&u);", "queue.pop takes the address of a leaf of type 'struct pair'"},
  {"recent.update(&pair.a, (0, &pair));", "recent.update takes the address of a leaf"},
}

describe("a method's argument #any_kernel", function()
  for _, case in ipairs(refused) do
    it("is refused in " .. case[1], function()
      local path <const> = os.tmpname()
      local file <const> = assert(io.open(path, "w"))
      file:write(head, "  ", case[1], "\n  return 0;\n}\n")
      file:close()
      local e <const> = refusal.of(function() bpf.BPF{src_file = path} end)
      os.remove(path)
      local line <const> = select(2, head:gsub("\n", "")) + 1
      assert.equal(("%s:%d"):format(path, line), e.where)
      assert.equal("compile", e.op)
      assert.truthy(e.message:find(case[2], 1, true), e.message)
      assert.truthy(e.hint:find(case[3] or "", 1, true), e.hint)
    end)
  end

  it("is taken where its bytes are those of the table's type", function()
    local b <close> = bpf.BPF{auto_attach = false, text = head .. [[
  counts.lookup(&i); counts.lookup(&u); counts.lookup(&kind); counts.lookup(&fixed);
  counts.lookup(any); counts.lookup(&pair.a);
  counts.update(&u, &l); counts.update(&u, &w); counts.update(&u, &s); counts.update(&u, &sock);
  recent.lookup(&u); recent.update(&i, (u64 *)&pair);
  pairs.update(&pair, &pair); pairs.update(any, any);
  names.lookup(&name); names.lookup(name); names.lookup(bytes);
  queue.push(&pair, 0); queue.pop(&pair);
  counts.increment(sock != NULL);
  return yes;
}]]}
    b:load_func("probe", bpf.BPF.KPROBE)
  end)

  it("is told about inside a macro, too", function()
    local e <const> = refusal.of(function()
      bpf.BPF{text = "#define FIND(t, k) t.lookup(&k)\nBPF_HASH(counts, u32);\n"
        .. "int probe(void *ctx) {\n  u64 l = 0;\n  return FIND(counts, l) != 0;\n}"}
    end)
    assert.truthy(e.message:find("'u32', not a 'u64 *'", 1, true), e.message)
  end)
end)

describe("a method that a table does not have #any_kernel", function()
  local before <const> = "BPF_HASH(in); struct pair { u32 a, b; };\n"
  -- declaration, methods that the hint must list
  local kinds <const> = {
    {"BPF_HASH(t)", "lookup lookup_or_try_init lookup_or_init update insert delete increment"},
    {"BPF_ARRAY(t)", "lookup"}, {"BPF_HISTOGRAM(t)", "increment atomic_increment"},
    {"BPF_PERCPU_HASH(t)", "lookup"}, {"BPF_PERCPU_ARRAY(t)", "lookup"},
    {"BPF_LPM_TRIE(t)", "lookup"}, {"BPF_STACK_TRACE(t, 8)", "get_stackid"},
    {"BPF_STACK_TRACE_BUILDID(t, 8)", "get_stackid"}, {"BPF_PROG_ARRAY(t, 8)", "call"},
    {"BPF_PERF_OUTPUT(t)", "perf_submit perf_submit_skb"},
    {"BPF_PERF_ARRAY(t, 8)", "perf_read perf_counter_value"},
    {"BPF_RINGBUF_OUTPUT(t, 8)", "ringbuf_output ringbuf_reserve ringbuf_discard ringbuf_submit"},
    {"BPF_CGROUP_ARRAY(t, 8)", "check_current_task"}, {"BPF_DEVMAP(t, 8)", "redirect_map"},
    {"BPF_CPUMAP(t, 8)", "redirect_map"}, {"BPF_XSKMAP(t, 8)", "lookup redirect_map"},
    {"BPF_ARRAY_OF_MAPS(t, \"in\", 8)", "lookup"}, {"BPF_HASH_OF_MAPS(t, \"in\")", "lookup"},
    {"BPF_QUEUE(t, u64, 8)", "push pop peek"}, {"BPF_STACK(t, u64, 8)", "push pop peek"},
    {"BPF_SK_STORAGE(t, u64)", "sk_storage_get sk_storage_delete"},
    {"BPF_INODE_STORAGE(t, u64)", "inode_storage_get inode_storage_delete"},
    {"BPF_TASK_STORAGE(t, u64)", "task_storage_get task_storage_delete"},
    {"BPF_SOCKMAP(t, 8)", "sock_map_update"}, {"BPF_SOCKHASH(t)", "sock_hash_update"},
    {"BPF_CGROUP_STORAGE(t, u64)", "get_local_storage"},
    {"BPF_PERCPU_CGROUP_STORAGE(t, u64)", "get_local_storage"},
    {"BPF_TABLE(\"lru_percpu_hash\", u32, u64, t, 8)", "lookup"},
    {"BPF_TABLE(\"perf_output\", int, u32, t, 8)", "perf_submit"},
    {"BPF_TABLE(\"extern\", u32, u64, t, 8)", "get_stackid perf_submit"},
    {"BPF_QUEUESTACK(\"stack\", t, u64, 8, 0)", "push pop peek"},
  }

  for _, kind in ipairs(kinds) do
    it("is refused with the list of those of " .. kind[1], function()
      local e <const> = refusal.of(function()
        bpf.BPF{text = before .. kind[1] .. ";\nint probe(void *ctx) {\n"
          .. "  t.frobnicate(1);\n  return 0;\n}"}
      end)
      assert.equal("no member named 'frobnicate' in table 't'", e.message)
      assert.truthy(e.where:find(":%d+$"))
      for method in kind[2]:gmatch("%S+") do
        assert.truthy((e.hint .. " "):find(" " .. method .. " ", 1, true), e.hint)
      end
    end)
  end
end)

describe("insert into an array #any_kernel", function()
  it("compiles with a warning", function()
    local function warnings(declaration)
      local _, _, errors <const> = script.run(([==[
local b <close> = require "bpf".BPF{debug = 0x20, cache = false, auto_attach = false, text =
"%s;\nint probe(void *ctx) {\n  int k = 0;\n  u64 v = 0;\n  t.insert(&k, &v);\n  return 0;\n}"}
]==]):format(declaration))
      return select(2, errors:gsub(":5:%d+: warning: insert%(%) into an array does nothing", ""))
    end
    assert.equal(1, warnings("BPF_ARRAY(t)"))
    assert.equal(1, warnings("BPF_PERCPU_ARRAY(t)"))
    assert.equal(1, warnings("BPF_HISTOGRAM(t)"))
    assert.equal(0, warnings("BPF_HASH(t, int)"))
  end)
end)
