-- Raw tracepoints: the arguments of the kernel's own call.
local bpf <const> = require "bpf"
local calls <const> = require "spec.support.calls"
local process <const> = require "spec.support.process"

local count <const> = 127
local feature <const> = bpf.features().raw_tracepoint

local function it_with_raw_tracepoints(name, test)
  it(name, function()
    if not feature.available then return pending("needs raw tracepoints: " .. feature.reason) end
    test()
  end)
end

local text <const> = [[
BPF_HASH(seen, u32, u64);
#define DUP3 292

RAW_TRACEPOINT_PROBE(sys_enter) {
  struct pt_regs *regs = (struct pt_regs *)ctx->args[0];
  if (ctx->args[1] == DUP3 && (int)PT_REGS_PARM1(regs) == -7) seen.increment(1);
  return 0;
}
int on_exit(struct bpf_raw_tracepoint_args *ctx) {
  if ((long)ctx->args[1] == -22) {
    struct pt_regs *regs = (struct pt_regs *)ctx->args[0];
    if (regs->orig_ax == DUP3) seen.increment(2);
  }
  return 0;
}
]]

describe("raw tracepoint", function()
  it_with_raw_tracepoints("is attached by itself or by a call, and counts exactly", function()
    local b <close> = bpf.BPF{text = text}
    local link <close> = b:attach_raw_tracepoint{tp = "sys_exit", fn_name = "on_exit"}
    assert.equal("raw_tracepoint", link:kind())
    assert.equal(1, link:count())
    calls.make(count)
    assert.equal(count, b.seen[1])
    assert.equal(count, b.seen[2])
    b:detach_raw_tracepoint{tp = "sys_enter"}
    link:detach()
    calls.make(count)
    assert.equal(count, b.seen[1])
    assert.equal(count, b.seen[2])
    assert.error_matches(function() b:detach_raw_tracepoint{tp = "sys_enter"} end, "not attached")
  end)

  it_with_raw_tracepoints("gives arguments with their types in a section tp_btf", function()
    local b <close> = bpf.BPF{text = [[
BPF_HASH(seen, u32, u64);
SEC("tp_btf/sys_enter") int BPF_PROG(on_enter, struct pt_regs *regs, long number) {
  if (number == 292 && (int)regs->di == -7) seen.increment(1);
  return 0;
}
SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old, struct linux_binprm *program) {
  if (task->tgid == bpf_get_current_pid_tgid() >> 32 && program->argc == 2) seen.increment(2);
  return 0;
}
]]}
    local link <close> = b:attach_raw_tracepoint{tp = "sys_enter", fn_name = "on_enter"}
    local exec <close> = b:attach_raw_tracepoint{tp = "sched_process_exec", fn_name = "on_exec"}
    assert.equal("tp_btf", link:kind())
    calls.make(count)
    exec:detach()
    assert.equal(count, b.seen[1])
    assert.is_true(b.seen[2] >= 1)
    local good, e = pcall(b.attach_raw_tracepoint, b, {tp = "sys_enter", fn_name = "on_enter"})
    assert.is_false(good)
    assert.equal("Raw tracepoint sys_enter has been attached", e.message)
    good, e = pcall(b.attach_raw_tracepoint, b, {tp = "no_such", fn_name = "on_enter"})
    assert.is_false(good)
    assert.truthy(e.message:find("no_such", 1, true))
  end)

  -- The guests of this suite have their file system through 9p.
  it_with_raw_tracepoints("is found in modules, with and without types", function()
    if not bpf.BPF.tracepoint_exists("9p", "9p_client_req") or not io.open("/sys/kernel/btf/9pnet")
    then
      return pending("needs the module 9pnet, with types in /sys/kernel/btf")
    end
    local b <close> = bpf.BPF{text = [[
BPF_HASH(seen, u32, u64);
#define P9_TWALK 110
int on_request(struct bpf_raw_tracepoint_args *ctx) {
  if (bpf_get_current_pid_tgid() >> 32 == OWN_PID && (u8)ctx->args[1] == P9_TWALK)
    seen.increment(1);
  return 0;
}
SEC("tp_btf/9p_client_req") int BPF_PROG(on_typed, void *client, u8 kind, int tag) {
  if (bpf_get_current_pid_tgid() >> 32 == OWN_PID && kind == P9_TWALK) seen.increment(2);
  return 0;
}
]], cflags = {"-DOWN_PID=" .. process.own_pid()}}
    b:attach_raw_tracepoint{tp = "9p_client_req", fn_name = "on_request"}
    b:attach_raw_tracepoint{tp = "9p_client_req", fn_name = "on_typed"}
    for i = 1, count do assert.is_nil(io.open("spec/no such file " .. i)) end
    assert.is_true(b.seen[1] >= count)
    assert.equal(b.seen[1], b.seen[2])
  end)

  it_with_raw_tracepoints("says which one may be meant", function()
    local b <close> = bpf.BPF{text = text}
    local cases <const> = {
      {"sched_swich", "sched_switch"},
      {"sched:sched_switch", "no category"},
      {"sys_enter_dup3", "sys_enter"},
    }
    for _, case in ipairs(cases) do
      local good, e = pcall(b.attach_raw_tracepoint, b, {tp = case[1], fn_name = "on_exit"})
      assert.is_false(good)
      assert.equal("attach raw tracepoint", e.op)
      assert.equal(2, e.errno)
      assert.truthy(e.message:find(case[1], 1, true))
      assert.truthy((e.hint or ""):find(case[2], 1, true), tostring(e))
    end
    local good, e = pcall(b.attach_raw_tracepoint, b, {tp = "sys_enter",
      fn_name = "raw_tracepoint__sys_enter"})
    assert.is_false(good)
    assert.equal(17, e.errno) -- EEXIST
  end)
end)
