-- Kernel probes, counted exactly on a program that makes a prime number of calls.
local bpf <const> = require "bpf"
local calls <const> = require "spec.support.calls"
local process <const> = require "spec.support.process"

local count <const> = 107
local kprobe <const> = bpf.features().kprobe
local direct <const> = bpf.features().fentry.available
local entry <const> = direct and "fentry" or "kprobe"

local function it_with_kprobes(name, test)
  it(name, kprobe.available and test or function() pending("needs kprobes: " .. kprobe.reason) end)
end

-- One program for most of the cases: a compilation in a slow guest takes seconds.
local text <const> = [[
BPF_HASH(seen, u32, u64);
BPF_HASH(entered, u64, u64);
#define OURS 4099

int on_write(struct pt_regs *ctx, void *file, void *buffer, size_t bytes) {
  if (bytes == OURS) seen.increment(1);
  return 0;
}
int on_write_too(struct pt_regs *ctx) {
  if (PT_REGS_PARM3(ctx) == OURS) seen.increment(2);
  return 0;
}
int on_written(struct pt_regs *ctx) {
  if (PT_REGS_RC(ctx) == OURS) seen.increment(3);
  return 0;
}
int on_dup3(struct pt_regs *ctx) {
  if ((int)PT_REGS_PARM1(PT_REGS_SYSCALL_CTX(ctx)) == -7) seen.increment(4);
  return 0;
}
int syscall__dup3(struct pt_regs *ctx, unsigned int old, unsigned int new, int flags) {
  if ((int)old == -7 && (int)new == -7 && flags == 02000000) seen.increment(5);
  return 0;
}
int in_write(struct pt_regs *ctx) {
  seen.increment(6);
  return 0;
}
]]

describe("kprobe", function()
  local b
  local function attach_nothing() b = b or bpf.BPF{text = text} end
  local function seen(number) return b.seen[number] or 0 end

  before_each(function()
    if kprobe.available then attach_nothing() b.seen:clear() end
  end)
  teardown(function() if b then b:close() end end)

  it_with_kprobes("runs two functions on one kernel function, each with its arguments", function()
    local one <close> = b:attach_kprobe{event = "vfs_write", fn_name = "on_write"}
    local two <close> = b:attach_kprobe{event = "vfs_write", fn_name = "on_write_too"}
    assert.equal(entry, one:kind())
    assert.equal(1, two:count())
    assert.equal(2, b:num_open_kprobes())
    calls.make(count)
    assert.equal(count, seen(1))
    assert.equal(count, seen(2))
    one:detach()
    assert.equal(1, b:num_open_kprobes())
    calls.make(count)
    assert.equal(count, seen(1))
    assert.equal(2 * count, seen(2))
  end)

  it_with_kprobes("gives a return probe what the function returned", function()
    local link <close> = b:attach_kretprobe{event = "vfs_write", fn_name = "on_written"}
    assert.equal(direct and "fexit" or "kretprobe", link:kind())
    assert.equal(1, b:num_open_kprobes())
    calls.make(count)
    assert.equal(count, seen(3))
  end)

  it_with_kprobes("takes maxactive, and leaves no event in tracefs", function()
    local before <const> = process.defined_probes()
    local link <close> = b:attach_kretprobe{event = "vfs_write", fn_name = "on_written",
      maxactive = 17}
    calls.make(count)
    assert.equal(count, seen(3))
    link:detach()
    assert.equal(before, process.defined_probes())
    assert.equal(0, b:num_open_kprobes())
  end)

  it_with_kprobes("attaches to all functions that an expression matches", function()
    local link <close> = b:attach_kprobe{event_re = "vfs_(write|fsync)", fn_name = "on_write"}
    assert.equal(2, link:count())
    assert.equal(2, b:num_open_kprobes())
    assert.equal(bpf.features().kprobe_multi.available and "kprobe_multi" or "kprobe", link:kind())
    local back <close> = b:attach_kretprobe{event_re = "vfs_writ[e]", fn_name = "on_written"}
    assert.equal(1, back:count())
    calls.make(count)
    assert.equal(count, seen(1))
    assert.equal(count, seen(3))
  end)

  it_with_kprobes("attaches inside a function, to the start of an instruction only", function()
    -- The entry is a 5-byte call for ftrace, with or without a 4-byte endbr64 before it.
    local good, inside = pcall(b.attach_kprobe, b, {event = "vfs_write", event_off = 9,
      fn_name = "in_write"})
    if not good then
      inside = b:attach_kprobe{event = "vfs_write", event_off = 5, fn_name = "in_write"}
    end
    local program <const> = calls.start(count)
    b.seen:clear()
    calls.go(program)
    assert.is_true(seen(6) >= count)
    inside:detach()
    local e
    good, e = pcall(b.attach_kprobe, b, {event = "vfs_write", event_off = 1, fn_name = "in_write"})
    assert.is_false(good)
    assert.equal("attach kprobe", e.op)
    assert.truthy(e.hint:find("middle of an instruction", 1, true))
  end)

  it_with_kprobes("finds what the kernel calls a system call", function()
    local name <const> = b:get_syscall_fnname("dup3")
    assert.truthy(name:find("sys_dup3$"))
    local one <close> = b:attach_kprobe{event = name, fn_name = "on_dup3"}
    local two <close> = b:attach_kprobe{event = "__arm64_sys_dup3", fn_name = "syscall__dup3"}
    assert.equal(entry, one:kind())
    assert.equal(entry, two:kind())
    calls.make(count)
    assert.equal(count, seen(4))
    assert.equal(count, seen(5))
  end)

  it_with_kprobes("detaches by name, and says what is not attached", function()
    b:attach_kprobe{event = "vfs_write", fn_name = "on_write"}
    b:attach_kprobe{event = "vfs_write", fn_name = "on_write_too"}
    b:attach_kretprobe{event = "vfs_write", fn_name = "on_written"}
    b:detach_kprobe{event = "vfs_write", fn_name = "on_write"}
    assert.equal(2, b:num_open_kprobes())
    b:detach_kprobe{event = "vfs_write"}
    b:detach_kretprobe{event = "vfs_write"}
    assert.equal(0, b:num_open_kprobes())
    calls.make(count)
    assert.is_nil(b.seen[1] or b.seen[2] or b.seen[3])
    assert.error_matches(function() b:detach_kprobe{event = "vfs_write"} end, "not attached")
  end)

  it_with_kprobes("refuses the same function twice on one place", function()
    local link <close> = b:attach_kprobe{event = "vfs_write", fn_name = "on_write"}
    local good, e = pcall(b.attach_kprobe, b, {event = "vfs_write", fn_name = "on_write"})
    assert.is_false(good)
    assert.equal(17, e.errno) -- EEXIST
    assert.equal(1, b:num_open_kprobes())
    link:detach()
    b:attach_kprobe{event = "vfs_write", fn_name = "on_write"}:detach()
  end)

  it_with_kprobes("says what a kernel function may really be called", function()
    local good, e = pcall(b.attach_kprobe, b, {event = "vfs_wrote", fn_name = "on_write"})
    assert.is_false(good)
    assert.equal("attach kprobe", e.op)
    assert.equal(2, e.errno)
    assert.truthy(e.message:find("vfs_wrote", 1, true))
    assert.truthy(e.hint:find("vfs_write", 1, true))
    good, e = pcall(b.attach_kprobe, b, {event_re = "nothing_[0-9]+_like_this",
      fn_name = "on_write"})
    assert.is_false(good)
    assert.truthy(e.hint:find("whole name", 1, true))
    assert.equal(0, b:num_open_kprobes())
  end)

  it("says why there are no kprobes, where there are none", function()
    if kprobe.available then return end
    local other <close> = bpf.BPF{text = text}
    for _, options in ipairs{
      {event = "vfs_write", fn_name = "on_write"}, {event_re = "vfs_write", fn_name = "on_write"},
    } do
      local good, e = pcall(other.attach_kprobe, other, options)
      assert.is_false(good)
      assert.equal("attach kprobe", e.op)
      assert.truthy(tostring(e):find("vfs_write", 1, true))
      assert.equal(kprobe.reason, e.hint)
    end
  end)
end)

describe("a function whose name begins with kprobe__ or kretprobe__", function()
  it_with_kprobes("is attached by itself, to system calls too", function()
    local b <close> = bpf.BPF{text = [[
BPF_HASH(seen, u32, u64);
BPF_HASH(args, u64, int);
int kprobe__vfs_write(struct pt_regs *ctx, struct file *file, const char *buffer, size_t bytes) {
  if (bytes == 4099) seen.increment(1);
  return 0;
}
int kretprobe__vfs_write(struct pt_regs *ctx) {
  if (PT_REGS_RC(ctx) == 4099) seen.increment(2);
  return 0;
}
int kprobe__sys_dup3(struct pt_regs *ctx, unsigned int old) {
  struct pt_regs *regs = PT_REGS_SYSCALL_CTX(ctx);
  if ((int)PT_REGS_PARM1(regs) == -7) seen.increment(3);
  return 0;
}
int kretprobe__sys_dup3(struct pt_regs *ctx) {
  if (PT_REGS_RC(ctx) == -22) seen.increment(4);
  return 0;
}
]]}
    assert.equal(4, b:num_open_kprobes())
    calls.make(count)
    assert.same({count, count, count, count}, {b.seen[1], b.seen[2], b.seen[3], b.seen[4]})
    b:detach_kprobe{event = "vfs_write"}
    assert.equal(3, b:num_open_kprobes())
  end)
end)
