-- Kinds of programs: how each is told, its parameters, helpers and licence.
local bpf <const> = require "bpf"
local object <const> = require "spec.support.object"
local packet <const> = require "spec.support.packet"
local process <const> = require "spec.support.process"
local refusal <const> = require "spec.support.refusal"
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
KMOD_RET(security_file_open, struct file *file, int result) { return 0; }
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

  it("says how large a program is that is too large", function()
    local b <close> = open[[
int program(struct pt_regs *ctx) {
  asm volatile(".rept 1000000\n r0 = 0\n .endr" ::: "r0");
  return 0;
}]]
    local good <const>, e <const> = pcall(b.load_func, b, "program", BPF.KPROBE)
    assert.is_false(good)
    assert.truthy(e.message:find("too large for this kernel (1000002 insns)", 1, true), e.message)
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

  it("of a system call lie in the registers that its wrapper is given #any_kernel", function()
    if not shell("uname -m"):find("x86_64", 1, true) then return pending("needs x86-64") end
    local wrapper <const> = process.compile[[
__attribute__((noinline)) void wrapper(unsigned long *words) { __asm__("" : : "r"(words)); }
int main(void) {
  unsigned long words[21];
  for (int i = 0; i < 21; i++) words[i] = i;
  wrapper(words);
  return 0;
}]]
    local b <close> = open[[
BPF_ARRAY(out, u64, 7);
#define PUT(i, v) { int key = i; u64 value = v; out.update(&key, &value); }
int syscall__wrapper(struct pt_regs *ctx, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  PUT(0, a) PUT(1, b) PUT(2, c) PUT(3, d) PUT(4, e) PUT(5, f)
  PUT(6, PT_REGS_PARM4_SYSCALL(PT_REGS_SYSCALL_CTX(ctx)))
  return 0;
}]]
    b:attach_uprobe{name = wrapper, sym = "wrapper", fn_name = "syscall__wrapper"}
    assert(os.execute(wrapper))
    os.remove(wrapper)
    assert.same({14, 13, 12, 7, 9, 8, 7}, b.out:values())
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

  it("takes no more than fits", function()
    local b <close> = open[[
struct text { char before[4], bytes[9], after[4]; }; // all but the 0 at the end
BPF_HASH(names, u32, struct text);
TRACEPOINT_PROBE(sched, sched_process_exec) {
  struct text text = {.before = "abc", .after = "xyz"};
  char whole[32] = {};
  u32 key = 0;
  TP_DATA_LOC_READ(text.bytes, filename);
  TP_DATA_LOC_READ(whole, filename);
  if (whole[0] == '/' && whole[5] == 't' && whole[9] == 0)
    names.update(&key, &text);
  return 0;
}]]
    b:attach_tracepoint{tp = "sched:sched_process_exec",
      fn_name = "tracepoint__sched__sched_process_exec"}
    os.execute("exec /bin/true")
    assert.equal("/bin/true", b.names[0].bytes)
    assert.equal("abc", b.names[0].before)
    assert.equal("xyz", b.names[0].after)
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
    assert.is_true((licensed("", {cflags = {"-DBPF_LICENSE=GPL"}})))
    assert.is_true((licensed([[char mine[] SEC("license") = "GPL";]])))
    assert.is_true((licensed([[char license[] SEC("license") = "Dual MIT/GPL";]])))
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

describe("without any #include #any_kernel", function()
  it("there are the basic types and constants", function()
    assert(object.compile[[
_Static_assert(sizeof(u8) + sizeof(s16) + sizeof(u32) + sizeof(s64) == 15, "sizes");
_Static_assert(PAGE_SIZE == 1 << PAGE_SHIFT, "pages");
#if LINUX_VERSION_CODE < KERNEL_VERSION(4, 1, 0)
#error old
#endif
int program(void *ctx) { asm_inline volatile("" ::: "memory"); return 0; }]])
  end)
end)

describe("another machine's #any_kernel", function()
  it("registers have their places: arm64", function()
    bpf.compile{cflags = {"-U__TARGET_ARCH_x86", "-D__TARGET_ARCH_arm64"}, text = [[
struct pt_regs { u64 regs[31], sp, pc, pstate, orig_x0; };
#define AT(macro, offset) \
  _Static_assert((u64)&macro((struct pt_regs *)0) == offset, #macro)
AT(PT_REGS_PARM1, 0); AT(PT_REGS_PARM2, 8); AT(PT_REGS_PARM3, 16); AT(PT_REGS_PARM4, 24);
AT(PT_REGS_PARM5, 32); AT(PT_REGS_PARM6, 40); AT(PT_REGS_RC, 0); AT(PT_REGS_FP, 232);
AT(PT_REGS_RET, 240); AT(PT_REGS_SP, 248); AT(PT_REGS_IP, 256);
AT(PT_REGS_PARM1_SYSCALL, 272); AT(PT_REGS_PARM4_SYSCALL, 24);
int program(struct pt_regs *ctx) { return PT_REGS_PARM1(PT_REGS_SYSCALL_CTX(ctx)); }]]}
  end)
end)

describe("an object for another architecture #any_kernel", function()
  -- Offsets of the loads through the first register, the context.
  local function loads(arch, text)
    return object.loads(bpf.compile{text = text, arch = arch}, "probe", 1)
  end

  local functions <const> = [[
BPF_ARRAY(seen, u64, 8);
int probe(struct pt_regs *ctx, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  return a + b + c + d + e + f;
}]]
  local macros <const> = [[
int probe(struct pt_regs *ctx) {
  return PT_REGS_PARM1(ctx) + PT_REGS_PARM2(ctx) + PT_REGS_RC(ctx) + PT_REGS_IP(ctx)
    + PT_REGS_SP(ctx) + PT_REGS_FP(ctx);
}]]

  it("takes a function's arguments and registers from where they lie there", function()
    assert.same({64, 72, 88, 96, 104, 112}, loads("x86-64", functions))
    assert.same({0, 8, 16, 24, 32, 40}, loads("arm64", functions))
    assert.same({32, 80, 104, 112, 128, 152}, loads("x86_64", macros))
    assert.same({0, 8, 232, 248, 256}, loads("aarch64", macros))
  end)

  it("takes a system call's arguments behind those of its wrapper", function()
    local text <const> = functions:gsub("probe", "syscall__probe")
    for arch, first in pairs{["x86-64"] = 112, arm64 = 0} do
      local bytes <const> = bpf.compile{text = text, arch = arch}
      assert.same({first}, object.loads(bytes, "syscall__probe", 1))
    end
  end)

  it("is built with that one's options, and relocated", function()
    assert.same({0}, loads("arm64", [[
#if !defined(CONFIG_ARM64) || defined(CONFIG_X86_64) || !defined(__TARGET_ARCH_arm64)
#error wrong
#endif
int probe(struct pt_regs *ctx, struct task_struct *task) { return task->pid; }]]))
    assert.same({8}, loads("arm64", [[
struct pt_regs { u64 other, regs[31]; };
int probe(struct pt_regs *ctx) { return PT_REGS_PARM1(ctx); }]]))
  end)

  it("is refused where nothing is known of it", function()
    local e <const> = refusal.of(function() bpf.compile{text = macros, arch = "vax"} end)
    assert.equal("Programs can't be compiled for 'vax', only for x86-64 (x86_64) and arm64 "
      .. "(aarch64)", e.message)
  end)
end)

describe("an old kernel #any_kernel", function()
  it("has one helper for kernel and user memory", function()
    local bytes <const> = assert(object.compile([[
int program(struct pt_regs *ctx) {
  char a[8], b[8], c[8], d[8];
  bpf_probe_read_kernel(a, 8, (void *)ctx->ip);
  bpf_probe_read_user(b, 8, (void *)ctx->sp);
  bpf_probe_read_kernel_str(c, 8, (void *)ctx->ip);
  bpf_probe_read_user_str(d, 8, (void *)ctx->sp);
  return a[0] + b[0] + c[0] + d[0];
}]], {cflags = {"-ULINUX_VERSION_CODE", "-DLINUX_VERSION_CODE=0x50400"}}))
    local helpers <const> = {}
    for i, call in ipairs(object.functions(bytes).program.calls) do helpers[i] = call.helper end
    assert.same({4, 4, 45, 45}, helpers)
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
    local b <close> = open[[
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
BPF_ARRAY(out, u64, 1);
int on_answer(struct pt_regs *ctx) {
  out.increment(0, read_second(ctx));
  return 0;
}]]
    b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "on_answer"}
    target.run(1)
    assert.equal(11, b.out[0])
  end)
end)
