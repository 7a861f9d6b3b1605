-- Kinds of programs, and what C a program may use: functions, callbacks, loops, globals. Each is
-- loaded, so the verifier has its say; what can be run is run on a traced program.
local bpf <const> = require "bpf"
local packet <const> = require "spec.support.packet"
local process <const> = require "spec.support.process"
local target <const> = require "spec.support.target"

local BPF <const>, AttachType <const> = bpf.BPF, bpf.BPFAttachType

local function open(text, options)
  options = options or {}
  options.text, options.auto_attach = text, false
  return BPF(options)
end

local function shell(command)
  local pipe <const> = io.popen(command)
  local text <const> = pipe:read("a")
  pipe:close()
  return text
end

-- What bpftool says of a loaded program.
local function shown(program)
  return shell("bpftool prog show id " .. packet.id(program))
end

if not packet.available() then
  it("programs", function() pending("needs bpftool") end)
  return
end

-- Whether the kernel lets programs be put at function entries, as an empty one shows.
local trampoline <const> = (function()
  local b <close> = open[[KFUNC_PROBE(do_unlinkat) { return 0; }]]
  local good <const>, e <const> = pcall(b.load_func, b, "kfunc__vmlinux__do_unlinkat")
  return good or e.message
end)()

local function it_with_trampolines(name, test)
  it(name, trampoline == true and test or function()
    pending("needs fentry: " .. trampoline)
  end)
end

describe("load_func", function()
  it("knows the type of a program by its name", function()
    local b <close> = open[[
int kprobe__do_nothing(struct pt_regs *ctx) { return 0; }
int kretprobe__do_nothing(struct pt_regs *ctx) { return 0; }
int do_nothing(struct pt_regs *ctx) { return 0; }
int syscall__openat(struct pt_regs *ctx, int folder, const char *path) { return 0; }
TRACEPOINT_PROBE(sched, sched_switch) { return args->prev_pid; }
RAW_TRACEPOINT_PROBE(sched_switch) { return 0; }
BPF_ITER(task) { return 0; }]]
    local expected <const> = {
      kprobe__do_nothing = "kprobe  name do_nothing ",
      kretprobe__do_nothing = "kprobe  name do_nothing ",
      syscall__openat = "kprobe  name openat ",
      tracepoint__sched__sched_switch = "tracepoint  name tracepoint__sched__sched_switch ",
      raw_tracepoint__sched_switch = "raw_tracepoint  name sched_switch ",
      bpf_iter__task = "tracing  name task ",
    }
    for name, words in pairs(expected) do
      local text <const> = shown(b:load_func(name))
      assert.truthy(text:find(words, 1, true), text)
      assert.truthy(text:find("btf_id %d+"), text)
    end
    assert.truthy(shown(b:load_func("do_nothing", BPF.KPROBE)):find("name do_nothing ", 1, true))
    local good <const>, e <const> = pcall(b.load_func, b, "do_nothing")
    assert.is_false(good)
    assert.equal("Nothing says what type of program do_nothing is", e.message)
  end)

  it("knows it by libbpf's sections", function()
    local b <close> = open[[
SEC("xdp") int on_xdp(struct xdp_md *ctx) { return XDP_PASS; }
SEC("tc") int on_tc(struct __sk_buff *skb) { return skb->len; }
SEC("socket") int on_socket(struct __sk_buff *skb) { return skb->len; }
SEC("kprobe/do_unlinkat") int on_kprobe(struct pt_regs *ctx) { return 0; }
SEC("perf_event") int on_perf(struct bpf_perf_event_data *ctx) { return ctx->sample_period > 5; }
SEC("cgroup/connect4") int on_connect(struct bpf_sock_addr *ctx) { return ctx->user_port != 5; }
SEC("iter/task") int on_task(struct bpf_iter__task *ctx) { return 0; }
char _license[] SEC("license") = "GPL";]]
    local expected <const> = {on_xdp = "xdp", on_tc = "sched_cls", on_socket = "socket_filter",
      on_kprobe = "kprobe", on_perf = "perf_event", on_connect = "cgroup_sock_addr",
      on_task = "tracing"}
    local programs <const> = b:load_funcs()
    assert.equal(7, #programs)
    for _, program in ipairs(programs) do
      local line <const> = shown(program)
      assert.truthy(line:find(expected[program.name] .. "  name " .. program.name, 1, true), line)
    end
  end)

  it("takes the type and the attach type that it is given", function()
    local b <close> = open[[
int get_option(struct bpf_sockopt *ctx) { return ctx->level == 1; }
int on_packet(struct __sk_buff *skb) { return skb->len > 100; }
int on_bind(struct bpf_sock_addr *ctx) { return 1; }
int on_sample(struct bpf_perf_event_data *ctx) { return ctx->regs.ip != 0; }]]
    b:load_func("get_option", BPF.CGROUP_SOCKOPT, {attach_type = AttachType.CGROUP_GETSOCKOPT})
    for _, kind in ipairs{"SOCKET_FILTER", "SCHED_CLS", "SCHED_ACT", "CGROUP_SKB", "LWT_IN"} do
      b:load_func("on_packet", BPF[kind])
    end
    b:load_func("on_bind", BPF.CGROUP_SOCK_ADDR, {attach_type = AttachType.CGROUP_INET4_BIND})
    b:load_func("on_sample", BPF.PERF_EVENT)
    local good <const>, e <const> = pcall(b.load_func, b, "get_option", BPF.TRACING)
    assert.is_false(good)
    assert.equal("Nothing says which kernel function get_option traces", e.message)
  end)

  it("loads all functions as one type", function()
    local b <close> = open[[
int first(struct pt_regs *ctx) { return 0; }
int second(struct pt_regs *ctx) { return 1; }
static int third(struct pt_regs *ctx) { return 1; }]]
    local names <const> = {}
    for i, program in ipairs(b:load_funcs(BPF.KPROBE)) do names[i] = program.name end
    assert.same({"first", "second"}, names)
  end)

  it_with_trampolines("puts typed programs at functions, hooks and tracepoints", function()
    local b <close> = open[[
#include <linux/errno.h>
BPF_HASH(lengths);
KFUNC_PROBE(do_unlinkat, int folder, struct filename *name) {
  u64 start = (u64)name->name;
  lengths.increment(start & 0xff);
  return 0;
}
KRETFUNC_PROBE(do_unlinkat, int folder, struct filename *name, long result) {
  lengths.increment(result);
  return 0;
}
LSM_PROBE(file_open, struct file *file) { return file->f_flags == 0x7fffffff ? -EPERM : 0; }
KMOD_RET(bpf_modify_return_test, int a, int *b, int result) { return 0; }
int raw_tracepoint__sched_switch(u64 *ctx) {
  struct task_struct *next = (void *)ctx[2];
  lengths.increment(next->pid);
  return 0;
}
SEC("fentry/do_unlinkat") int BPF_PROG(entered, int folder, struct filename *name) {
  if (name->name == 0)
    lengths.increment(1);
  return 0;
}]]
    local programs <const> = {}
    for _, name in ipairs(b:functions()) do
      programs[name] = name:find("^raw") and b:load_func(name, BPF.TRACING) or b:load_func(name)
    end
    local text <const> = shown(programs.kretfunc__vmlinux__do_unlinkat)
    assert.truthy(text:find("tracing  name do_unlinkat ", 1, true), text)
    assert.truthy(shown(programs.lsm__file_open):find("lsm  name file_open ", 1, true))
    local good <const>, e <const> = pcall(function()
      local c <close> = open[[KFUNC_PROBE(no_such_function_anywhere) { return 0; }]]
      c:load_func("kfunc__vmlinux__no_such_function_anywhere")
    end)
    assert.is_false(good)
    assert.truthy(e.message:find("no function no_such_function_anywhere", 1, true), e.message)
  end)

  it("shows source lines of a program in the kernel", function()
    local b <close> = open[[
int second_line(struct pt_regs *ctx) {
  return bpf_get_smp_processor_id() + 5; // here
}]]
    local program <const> = b:load_func("second_line", BPF.KPROBE)
    local text <const> = shell("bpftool prog dump xlated id " .. packet.id(program) .. " linum")
    assert.truthy(text:find("return bpf_get_smp_processor_id() + 5; // here", 1, true), text)
    assert.truthy(text:find("programs_spec.lua line_num:%d+"), text)
  end)
end)

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

describe("parameters", function()
  it("cost nothing when unused, named or not", function()
    local function instructions(parameters)
      local b <close> = open("int program(struct pt_regs *ctx" .. parameters .. ") { return 0; }")
      local text <const> = shown(b:load_func("program", BPF.KPROBE))
      return tonumber(text:match("xlated (%d+)B"))
    end
    assert.equal(instructions(""), instructions(", struct sock *sk, int size, const char *name"))
    assert.equal(instructions(""), instructions(", struct sock *, int"))
  end)

  it("of a system call are the caller's", function()
    local kprobe <const> = bpf.features().kprobe
    if not kprobe.available then
      pending("needs kprobes: " .. kprobe.reason)
      return
    end
    local b <close> = open[[
struct seen { u64 folder, flags, mode, folder2, flags2, mode2; char path[32]; };
BPF_HASH(calls, u32, struct seen);
int syscall__openat(struct pt_regs *ctx, int folder, const char *path, int flags, u16 mode) {
  struct pt_regs *caller = PT_REGS_SYSCALL_CTX(ctx);
  struct seen seen = {.folder = (u32)folder, .flags = flags, .mode = mode};
  u32 pid = bpf_get_current_pid_tgid() >> 32;
  seen.folder2 = (u32)PT_REGS_PARM1_SYSCALL(caller);
  seen.flags2 = PT_REGS_PARM3_SYSCALL(caller);
  seen.mode2 = (u16)PT_REGS_PARM4_SYSCALL(caller);
  bpf_probe_read_user_str(seen.path, sizeof(seen.path), path);
  calls.update(&pid, &seen);
  return 0;
}]]
    local path <const>, pid <const> = "/tmp/luabpf-openat", process.own_pid()
    b:attach_kprobe{event = b:get_syscall_fnname("openat"), fn_name = "syscall__openat"}
    assert(io.open(path, "w")):close()
    local seen <const> = b.calls[pid]
    b:close()
    os.remove(path)
    assert.equal(path, seen.path)
    for _, suffix in ipairs{"", "2"} do
      assert.equal(0xffffff9c, seen["folder" .. suffix]) -- AT_FDCWD
      assert.equal(577, seen["flags" .. suffix]) -- O_WRONLY | O_CREAT | O_TRUNC
      assert.equal(438, seen["mode" .. suffix]) -- 0666, in r10
    end
  end)

  it("are at most six, numbers or pointers", function()
    for text, reason in pairs{
      ["int p(struct pt_regs *c, int a, int b, int d, int e, int f, int g, int h) { return h; }"] =
        "too many parameters in p: 6 arguments come in registers",
      ["struct s { u64 a[4]; }; int p(struct pt_regs *c, struct s s) { return s.a[2]; }"] =
        "parameter 1 of p is no integer or pointer",
      ["int p(struct xdp_md *c, int a) { return a; }"] = "is no struct pt_regs *",
    } do
      local good <const>, e <const> = pcall(open, text)
      assert.is_false(good, text)
      assert.truthy(e.message:find(reason, 1, true), e.message)
    end
  end)
end)

describe("helpers", function()
  -- libbpf's own list: static long (*bpf_name)(…) = (void *) 12;
  local function libbpf_numbers()
    local file <const> = io.open("/usr/include/bpf/bpf_helper_defs.h")
    if not file then return end
    local numbers <const> = {}
    for name, number in file:read("a"):gmatch("%(%*(bpf_[%w_]+)%)%b() = %(void %*%) (%d+);") do
      numbers[name] = tonumber(number)
    end
    file:close()
    return numbers
  end

  it("have the kernel's numbers", function()
    local theirs <const> = libbpf_numbers()
    if not theirs then
      pending("needs libbpf's headers")
      return
    end
    local ours <const>, count = {bpf_trace_printk = 6}, 0
    for line in io.lines("core/compile/prelude/include/lbpf/helpers.h") do
      local number <const>, name <const> = line:match(
        "^LBPF_HELPER%((%d+), [%w_ ]+[ *]*, (bpf_[%w_]+),")
      if number then
        ours[name] = tonumber(number)
        count = count + 1
      end
    end
    assert.equal(210, count)
    for name, number in pairs(theirs) do assert.equal(number, ours[name], name) end
  end)
end)

describe("TP_DATA_LOC_READ", function()
  it("reads a tracepoint's strings", function()
    local b <close> = open[[
struct text { char bytes[32]; };
BPF_HASH(names, u32, struct text);
TRACEPOINT_PROBE(sched, sched_process_exec) {
  struct text text = {}, string = {};
  u32 key = 0, one = 1;
  TP_DATA_LOC_READ_CONST(&text, filename, 8);
  TP_DATA_LOC_READ_STR(&string, filename, 32);
  if (string.bytes[0] == '/' && string.bytes[5] == 't' && string.bytes[8] == 'e') {
    names.update(&key, &text);
    names.update(&one, &string);
  }
  return 0;
}]]
    b:attach_tracepoint{tp = "sched:sched_process_exec",
      fn_name = "tracepoint__sched__sched_process_exec"}
    os.execute("exec /bin/true")
    assert.equal("/bin/tru", b.names[0].bytes)
    assert.equal("/bin/true", b.names[1].bytes)
  end)
end)

describe("a licence", function()
  local function licensed(before, options)
    local b <close> = open(before .. [[

int program(struct pt_regs *ctx) { bpf_trace_printk("x"); return 0; }]], options)
    return pcall(b.load_func, b, "program", BPF.KPROBE)
  end

  it("is GPL unless the program says otherwise", function()
    assert.is_true((licensed("")))
    assert.is_true((licensed("#define BPF_LICENSE Dual BSD/GPL")))
    assert.is_true((licensed("#define BPF_LICENSE GPL v2")))
    assert.is_true((licensed([[char mine[] SEC("license") = "GPL";]])))
  end)

  it("decides which helpers there are", function()
    for _, text in ipairs{"#define BPF_LICENSE Proprietary",
      [[char mine[] SEC("license") = "Proprietary";]]} do
      local good <const>, e <const> = licensed(text)
      assert.is_false(good)
      assert.truthy(e.message:find("this helper is only for programs under the GPL", 1, true),
        e.message)
      assert.truthy(e.hint:find("SEC(\"license\") = \"GPL\"", 1, true), e.hint)
    end
  end)
end)

describe("bpf_usdt_readarg", function()
  it("needs a USDT context", function()
    for _, call in ipairs{"bpf_usdt_readarg(2, ctx, &value);",
      "char text[8]; bpf_usdt_readarg_p(2, ctx, text, sizeof(text));"} do
      local good <const>, e <const> = pcall(open,
        "int program(struct pt_regs *ctx) {\n  u64 value;\n  " .. call .. "\n  return 0;\n}")
      assert.is_false(good)
      assert.equal("bpf_usdt_readarg needs a USDT context: nothing enables a USDT probe with " ..
        "argument 2 for program", e.message)
      assert.truthy(e.where:find(":3$"), e.where)
    end
  end)

  it("calls the reader of the program that it is in", function()
    local out <const> = results[[
static __always_inline int _bpf_readarg_on_answer_2(void *ctx, void *to, unsigned long size) {
  *(u64 *)to = 11;
  return 0;
}
int (*const keep)(void *, void *, unsigned long) = _bpf_readarg_on_answer_2;
static u64 read_second(struct pt_regs *ctx) {
  u64 value = 0;
  bpf_usdt_readarg(2, ctx, &value);
  return value;
}
int on_answer(struct pt_regs *ctx) {
  out.increment(0, read_second(ctx));
  return 0;
}]]
    assert.equal(11, out[0])
  end)
end)
