-- fentry, fexit, fmod_ret and security hooks, counted exactly.
local bpf <const> = require "bpf"
local calls <const> = require "spec.support.calls"
local process <const> = require "spec.support.process"
local refusal <const> = require "spec.support.refusal"

local count <const> = 109
local fentry <const> = bpf.features().fentry

local function it_with_trampolines(name, test)
  it(name, fentry.available and test or function() pending("needs fentry: " .. fentry.reason) end)
end

local text <const> = [[
BPF_HASH(seen, u32, u64);
#define OURS 4099

KFUNC_PROBE(vfs_write, struct file *file, const char *buffer, size_t bytes) {
  if (bytes == OURS) seen.increment(1);
  return 0;
}
KRETFUNC_PROBE(vfs_write, struct file *file, const char *buffer, size_t bytes, loff_t *at,
               ssize_t result) {
  if (bytes == OURS && result == OURS) seen.increment(2);
  return 0;
}
SEC("fentry/vfs_write") int BPF_PROG(entered, struct file *file, const char *buffer, size_t bytes) {
  if (bytes == OURS && file->f_flags & 1) seen.increment(3);
  return 0;
}
KMOD_RET(security_file_permission, struct file *file, int mask, int result) {
  char name[16];
  bpf_get_current_comm(name, sizeof name);
  if (name[0] == 'c' && name[4] == 's' && name[5] == 0 && mask == 2) seen.increment(4);
  return result;
}
LSM_PROBE(file_permission, struct file *file, int mask) {
  char name[16];
  bpf_get_current_comm(name, sizeof name);
  if (name[0] == 'c' && name[4] == 's' && name[5] == 0 && mask == 2) seen.increment(5);
  return 0;
}
int no_trampoline(struct pt_regs *ctx) { return 0; }
]]

describe("a trampoline", function()
  local b
  local function seen(number) return b.seen[number] or 0 end

  setup(function()
    if fentry.available then b = bpf.BPF{text = text, auto_attach = false} end
  end)
  before_each(function() if b then b.seen:clear() end end)
  teardown(function() if b then b:close() end end)

  it_with_trampolines("counts entries and returns, with arguments and result", function()
    local entry <close> = b:attach_kfunc{fn_name = "kfunc__vmlinux__vfs_write"}
    local exit <close> = b:attach_kretfunc("vfs_write")
    local section <close> = b:attach_kfunc("entered")
    assert.same({"fentry", "fexit", "fentry"}, {entry:kind(), exit:kind(), section:kind()})
    assert.equal(1, entry:count())
    assert.truthy(tostring(entry):find("vfs_write -> kfunc__vmlinux__vfs_write", 1, true))
    calls.make(count)
    assert.same({count, count, count}, {seen(1), seen(2), seen(3)})
    assert.equal(1, b:detach_kfunc("vmlinux__vfs_write"))
    exit:detach()
    calls.make(count)
    assert.same({count, count, 2 * count}, {seen(1), seen(2), seen(3)})
  end)

  it_with_trampolines("sees and keeps what a function was to return", function()
    local good <const>, link = pcall(b.attach_fmod_ret, b, "security_file_permission")
    if not good then return pending("needs fmod_ret: " .. link.message) end
    assert.equal("fmod_ret", link:kind())
    calls.make(count)
    b:detach_fmod_ret("kmod_ret__security_file_permission")
    assert.is_true(seen(4) >= count)
    local before <const> = seen(4)
    calls.make(count)
    assert.equal(before, seen(4))
  end)

  it_with_trampolines("is at security hooks", function()
    local lsm <const> = bpf.features().lsm
    local link <close> = b:attach_lsm("file_permission")
    assert.equal("lsm", link:kind())
    calls.make(count)
    b:detach_lsm("file_permission")
    if not lsm.available then
      assert.equal(0, seen(5))
      return pending("needs lsm: " .. lsm.reason)
    end
    assert.is_true(seen(5) >= count)
  end)

  it_with_trampolines("is attached by its name, once", function()
    local named <close> = bpf.BPF{text = text:gsub("SEC.-\n}\n", "", 1)}
    calls.make(count)
    assert.same({count, count}, {named.seen[1], named.seen[2]})
    assert.is_nil(named.seen[4]) -- BCC leaves kmod_ret__ alone
    local cases <const> = {
      {named.attach_kfunc, "Kernel entry func kfunc__vmlinux__vfs_write has been attached"},
      {named.attach_kretfunc, "Kernel exit func kretfunc__vmlinux__vfs_write has been attached"},
    }
    for _, case in ipairs(cases) do
      local e <const> = refusal.of(function() case[1](named, "vmlinux__vfs_write") end)
      assert.equal(case[2], e.message)
      assert.equal(17, e.errno) -- EEXIST
    end
    assert.equal(1, named:detach_kretfunc("vfs_write"))
    assert.error_matches(function() named:detach_kretfunc("vfs_write") end,
      "Kernel exit func kretfunc__vmlinux__vfs_write is not attached")
  end)

  -- The guests of this suite have their file system through 9p.
  it_with_trampolines("finds functions of modules", function()
    local types <const> = io.open("/sys/kernel/btf/9pnet")
    if not types then return pending("needs the module 9pnet, with types in /sys/kernel/btf") end
    types:close()
    local other <close> = bpf.BPF{auto_attach = false, text = [[
BPF_HASH(seen, u32, u64);
MODULE_KFUNC_PROBE(9pnet, p9_client_open, void *fid, int mode) {
  if (bpf_get_current_pid_tgid() >> 32 == OWN_PID) seen.increment(1);
  return 0;
}
MODULE_KRETFUNC_PROBE(9pnet, p9_client_open, void *fid, int mode, int result) {
  if (bpf_get_current_pid_tgid() >> 32 == OWN_PID && result == 0) seen.increment(2);
  return 0;
}
]], cflags = {"-DOWN_PID=" .. process.own_pid()}}
    local link <close> = other:attach_kfunc("9pnet__p9_client_open")
    local back <close> = other:attach_kretfunc("9pnet__p9_client_open")
    assert.same({"fentry", "fexit"}, {link:kind(), back:kind()})
    for _ = 1, count do assert(io.open("README.md")):close() end
    assert.same({count, count}, {other.seen[1], other.seen[2]})
  end)

  it("is told from other programs", function()
    local other <close> = bpf.BPF{text = text, auto_attach = false}
    local e = refusal.of(function() other:attach_kfunc("kretfunc__vmlinux__vfs_write") end)
    assert.equal("it is an fexit program: use attach_kretfunc", e.hint)
    e = refusal.of(function() other:attach_lsm("entered") end)
    assert.equal("it is an fentry program: use attach_kfunc", e.hint)
    e = refusal.of(function() other:attach_kfunc("no_trampoline") end)
    assert.truthy(e.hint:find("kfunc__", 1, true))
    e = refusal.of(function() other:attach_kfunc("nothing") end)
    assert.equal("Unknown program nothing", e.message)
    assert.error_matches(function() other:detach_kfunc("vfs_write") end,
      "Kernel entry func kfunc__vmlinux__vfs_write is not attached")
    assert.truthy(refusal.misuse(function() other:attach_kfunc{event = "vfs_write"} end,
      "trampoline_spec.lua"):find("unknown option 'event'", 1, true))
  end)

  it("is refused with the reason where the kernel has none", function()
    if fentry.available then return end
    local good <const>, e = pcall(bpf.BPF, {text = text})
    assert.is_false(good)
    assert.truthy(tostring(e):find("kfunc__vmlinux__vfs_write", 1, true), tostring(e))
  end)
end)
