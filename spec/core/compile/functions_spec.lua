-- What C a program may use: functions, callbacks, loops, globals, libbpf's macros. Each program is
-- loaded, so the verifier has its say; what can be run is run on a traced program.
local bpf <const> = require "bpf"
local packet <const> = require "spec.support.packet"
local target <const> = require "spec.support.target"

local BPF <const> = bpf.BPF

local function open(text)
  return BPF{text = text, auto_attach = false}
end

local function shell(command)
  local pipe <const> = io.popen(command)
  local text <const> = pipe:read("a")
  pipe:close()
  return text
end

if not packet.available() then
  it("programs", function() pending("needs bpftool") end)
  return
end

-- What `on_answer` of the text leaves in array `out` after answer(0 … count-1).
local function results(text, count, load_all)
  local b <close> = open("BPF_ARRAY(out, u64, 16);\n" .. text)
  if load_all then b:load_funcs() end
  b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "on_answer"}
  target.run(count or 1)
  local list <const> = {}
  for slot = 0, 15 do list[slot] = b.out[slot] end
  return list
end

describe("functions", function()
  it("may be static, global, noinline, declared ahead, and called by many", function()
    local out <const> = results([[
static u64 forward(u64 value);
u64 plain(u64 value) { return forward(value) * 2; }
static __noinline u64 apart(u64 value, u32 *slot) { return value + *slot; }
__noinline u64 global(u32 value) { return value & 1 ? 10 : 20; }
static inline void put(int slot, u64 value) { out.update(&slot, &value); }
int on_answer(struct pt_regs *ctx, unsigned long question) {
  u32 five = 5;
  put(0, plain(3));
  put(1, apart(bpf_get_prandom_u32() & 0, &five));
  put(2, global(question));
  put(3, plain(question));
  return 0;
}
static u64 forward(u64 value) { return value + 1; }]], 3)
    assert.equal(8, out[0])
    assert.equal(5, out[1])
    assert.equal(20, out[2])
    assert.equal(6, out[3])
  end)

  it("may be callbacks of helpers", function()
    local out <const> = results[[
struct state { u64 sum, calls; };
BPF_HASH(numbers, u32, u64, 16);
static int add(u32 index, void *context) {
  struct state *state = context;
  state->sum += index;
  state->calls++;
  return index == 99;
}
static long visit(void *map, u32 *key, u64 *value, void *context) {
  struct state *state = context;
  state->sum += *key * *value;
  return 0;
}
int on_answer(struct pt_regs *ctx) {
  struct state state = {}, visited = {};
  for (u32 i = 1; i < 5; i++) {
    u32 key = i;
    u64 value = i * 10;
    numbers.update(&key, &value);
  }
  u64 loops = bpf_loop(1000, add, &state, 0);
  out.atomic_increment(0, loops);
  out.atomic_increment(1, state.sum);
  out.atomic_increment(2, bpf_for_each_map_elem(&numbers, visit, &visited, 0));
  out.atomic_increment(3, visited.sum);
  return 0;
}]]
    assert.equal(100, out[0])
    assert.equal(4950, out[1])
    assert.equal(4, out[2])
    assert.equal(300, out[3])
  end)

  it("may be a timer's", function()
    local b <close> = open[[
struct slot { struct bpf_timer timer; u64 fired; };
BPF_ARRAY(slots, struct slot, 1);
static int fire(void *map, int *key, struct slot *slot) {
  slot->fired++;
  return 0;
}
int start(struct __sk_buff *skb) {
  int zero = 0;
  struct slot *slot = slots.lookup(&zero);
  if (!slot)
    return 1;
  bpf_timer_init(&slot->timer, &slots, 1);
  bpf_timer_set_callback(&slot->timer, fire);
  bpf_timer_start(&slot->timer, 1000, 0);
  return 0;
}]]
    b:load_func("start", BPF.SCHED_CLS)
  end)

  it("of the kernel are called by declaration", function()
    local kfuncs <const> = shell("bpftool btf dump file /sys/kernel/btf/vmlinux 2>&1")
    if not kfuncs:find("'bpf_iter_num_new'", 1, true) then
      pending("needs the kernel's bpf_iter_num_new (Linux 6.4)")
      return
    end
    local out <const> = results[[
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __weak SEC(".ksyms");
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __weak SEC(".ksyms");
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __weak SEC(".ksyms");
int on_answer(struct pt_regs *ctx) {
  struct bpf_iter_num it;
  u64 sum = 0;
  int *i;
  bpf_iter_num_new(&it, 0, 101);
  while ((i = bpf_iter_num_next(&it)))
    sum += *i;
  bpf_iter_num_destroy(&it);
  out.atomic_increment(0, sum);
  return 0;
}]]
    assert.equal(5050, out[0])
  end)

  it("take tail calls", function()
    local b <close> = open[[
BPF_PROG_ARRAY(next, 4);
BPF_ARRAY(out, u64, 4);
int tail(struct __sk_buff *skb) { out.increment(1); return 5; }
int first(struct __sk_buff *skb) {
  out.increment(0);
  next.call(skb, 2);
  out.increment(2);
  return 7;
}]]
    local first <const> = b:load_func("first", BPF.SCHED_CLS)
    assert.equal(7, (packet.run(first, ("x"):rep(64))))
    b.next[2] = b:load_func("tail", BPF.SCHED_CLS).fd
    assert.equal(5, (packet.run(first, ("x"):rep(64))))
    assert.same({2, 1, 1}, {b.out[0], b.out[1], b.out[2]})
  end)
end)

describe("C for libbpf", function()
  it("compiles and runs beside BCC's", function()
    local out <const> = results([[
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
SEC("uprobe") int BPF_UPROBE(on_answer, unsigned long question) {
  struct task_struct *task = (void *)bpf_get_current_task(), *parent;
  char text[32] = {};
  u32 pid = 0;
  parent = BPF_CORE_READ(task, real_parent);
  BPF_CORE_READ_INTO(&pid, task, group_leader, pid);
  out.atomic_increment(0, question);
  out.atomic_increment(1, pid == BPF_CORE_READ(task, group_leader, pid));
  out.atomic_increment(2, BPF_CORE_READ(task, real_parent, tgid) == parent->tgid);
  out.atomic_increment(3, BPF_SNPRINTF(text, sizeof(text), "%d-%s", 12, "ab"));
  out.atomic_increment(4, text[4]);
  return 0;
}
SEC("kretprobe/do_unlinkat") int BPF_KRETPROBE(unlinked, long result) { return result != 0; }
SEC("kprobe") int BPF_KPROBE(none) { return ctx->ip != 0; }
SEC("ksyscall/openat") int BPF_KSYSCALL(opened, int folder, const char *path, int flags) {
  return path[0] == '/' && flags;
}
SEC("iter/task") int tasks(struct bpf_iter__task *ctx) {
  if (ctx->task)
    BPF_SEQ_PRINTF(ctx->meta->seq, "%d %s\n", ctx->task->pid, ctx->task->comm);
  return 0;
}]], 5, true)
    assert.equal(10, out[0])
    for slot = 1, 2 do assert.equal(5, out[slot]) end
    assert.equal(6 * 5, out[3])
    assert.equal(5 * ("b"):byte(), out[4])
  end)
end)

describe("data", function()
  it("may be global, static, constant, and strings", function()
    local out <const> = results([[
u64 counter;
int start = 40;
static u32 hidden = 7;
const volatile u32 setting = 9;
static const char *const words[] = {"zero", "one", "two"};
static const u16 table[8] = {1, 2, 4, 8, 16, 32, 64, 128};
static void put(int slot, u64 value) { out.update(&slot, &value); }
int on_answer(struct pt_regs *ctx, unsigned long question) {
  static u64 calls;
  const char *text = "literal";
  char copy[8];
  calls += 2;
  __sync_fetch_and_add(&counter, 3);
  hidden++;
  bpf_probe_read_kernel_str(copy, sizeof(copy), text);
  put(0, calls);
  put(1, counter);
  put(2, start + hidden);
  put(3, setting);
  put(4, table[question & 7]);
  put(5, copy[3]);
  put(6, sizeof("five5"));
  return 0;
}]], 3)
    assert.equal(6, out[0])
    assert.equal(9, out[1])
    assert.equal(50, out[2])
    assert.equal(9, out[3])
    assert.equal(4, out[4])
    assert.equal(("e"):byte(), out[5])
    assert.equal(6, out[6])
  end)

  it("may be chosen by a switch", function()
    local out <const> = results([[
static const char *name(u32 kind) {
  switch (kind) {
  case 0: return "zero";
  case 1: return "one";
  case 2: return "two";
  case 3: return "three";
  case 4: return "four";
  case 5: return "five";
  default: return "many";
  }
}
static u64 number(u32 kind) {
  switch (kind) {
  case 0: return 100;
  case 1: return 42;
  case 2: return 7;
  case 3: return 3;
  case 4: return 9999;
  case 5: return 1;
  default: return 0;
  }
}
int on_answer(struct pt_regs *ctx, unsigned long question) {
  char text[8] = {};
  int slot = question & 7;
  bpf_probe_read_kernel_str(text, sizeof(text), name(question));
  u64 value = number(question) * 1000 + text[1];
  out.update(&slot, &value);
  return 0;
}]], 7)
    local expected <const> = {[0] = 100101, 42110, 7119, 3104, 9999111, 1105, 97}
    for slot = 0, 6 do assert.equal(expected[slot], out[slot]) end
  end)

  it("is refused where it would need addresses that nobody fills in", function()
    for _, lines in ipairs{
      {'static const char *const words[] = {"zero", "one"};', "name = words[question & 1];"},
      {"u64 seen; u64 *const places[] = {&seen, 0};", "name = (void *)places[question & 1];"},
      {"", 'const char *words[] = {"a", "b", "c"}; name = words[question & 1];'},
    } do
      local good <const>, e <const> = pcall(open, lines[1] .. [[

int program(struct pt_regs *ctx, unsigned long question) {
  const char *name; char text[4];
  ]] .. lines[2] .. [[

  return bpf_probe_read_kernel_str(text, 4, name);
}]])
      assert.is_false(good, lines[2])
      assert.truthy(e.message:find("holds addresses", 1, true), e.message)
      assert.truthy(e.where:find(":4$"), e.where)
    end
  end)

  it("may hold addresses that the compiler resolves", function()
    local out <const> = results[[
static const char *const words[] = {"zero", "one", "two"};
int on_answer(struct pt_regs *ctx) {
  char text[8];
  #pragma unroll
  for (int i = 0; i < 3; i++) {
    int slot = i;
    bpf_probe_read_kernel_str(text, sizeof(text), words[i]);
    u64 value = text[0];
    out.update(&slot, &value);
  }
  return 0;
}]]
    assert.same({122, 111, 116}, {out[0], out[1], out[2]})
  end)

  it("has the number of CPUs and BCC's small functions", function()
    local out <const> = results[[
static void put(int slot, u64 value) { out.update(&slot, &value); }
int on_answer(struct pt_regs *ctx) {
  u64 sum = 0, shared = 5;
  for (int i = 0; i < bpf_num_cpus(); i++)
    sum++;
  lock_xadd(&shared, 4);
  put(0, sum);
  put(1, MASK(12));
  put(2, MASK128(70) >> 64);
  put(3, bpf_ntohs(0x1234) + bpf_htonl(0x01000000));
  put(4, bpf_ntohll(1) >> 56);
  put(5, bpf_log2(0) * 1000 + bpf_log2(1) * 100 + bpf_log2(8) * 10 + bpf_log2(1023));
  put(6, bpf_log2l(0) * 1000 + bpf_log2l(1) * 100 + bpf_log2l(2) * 10 + bpf_log2l(4));
  put(7, bpf_log2l(1ull << 40));
  put(8, CUR_CPU_IDENTIFIER == BPF_F_CURRENT_CPU);
  put(9, BPF_MAX_STACK_DEPTH);
  put(10, KERNEL_VERSION(6, 1, 2));
  put(11, bpf_ntoh128((unsigned __int128)1) >> 120);
  return 0;
}]]
    local cpus <const> = tonumber(shell("getconf _NPROCESSORS_ONLN"))
    local expected <const> = {[0] = cpus, 4095, 63, 0x3412 + 1, 1, 39, 1123, 41, 1, 127, 0x60102, 1}
    for slot = 0, 11 do assert.equal(expected[slot], out[slot], "slot " .. slot) end
  end)
end)
