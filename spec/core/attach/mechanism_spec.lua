-- Kernel probes mean the same by whatever mechanism they are made: one body of cases for each.
local bpf <const> = require "bpf"
local calls <const> = require "spec.support.calls"
local process <const> = require "spec.support.process"
local script <const> = require "spec.support.script"

local count <const> = 107
local features <const> = bpf.features()

-- A compilation in a slow guest takes seconds: one program for all cases.
local text <const> = [[
struct event { u64 bytes; };
BPF_HASH(seen, u32, u64);
BPF_HASH(places, u64, u64);
BPF_HASH(wanted, u32, u32);
BPF_STACK_TRACE(stacks, 64);
BPF_PERCPU_ARRAY(room, u64, 1);
BPF_PERF_OUTPUT(events);
#define OURS 4099

int on_mmap(struct pt_regs *ctx, unsigned long address, unsigned long bytes, unsigned long access,
            unsigned long flags, unsigned long fd, unsigned long page) {
  if (bytes != OURS) return 0;
  seen.increment(1);
  if (address == 0 && access == 1 && flags == 0x4022 && (int)fd == -1 && page == 5)
    seen.increment(2);
  return 0;
}
int by_macro(struct pt_regs *ctx) {
  if (PT_REGS_PARM2(ctx) == OURS && PT_REGS_PARM6(ctx) == 5 && (int)PT_REGS_PARM5(ctx) == -1)
    seen.increment(3);
  return 0;
}
int on_write(struct pt_regs *ctx, struct file *file, void *buffer, size_t bytes) {
  u32 pid = bpf_get_current_pid_tgid() >> 32;
  if (bytes != OURS || !wanted.lookup(&pid)) return 0;
  u64 place = bpf_get_func_ip(ctx);
  places.increment(place);
  if (file->f_inode->i_rdev == 0x100003) seen.increment(4);
  return 0;
}
int on_written(struct pt_regs *ctx) {
  long result = PT_REGS_RC(ctx);
  if (result != OURS) return 0;
  u64 place = bpf_get_func_ip(ctx);
  places.increment(place);
  seen.increment(5);
  return 0;
}
int on_dup3_done(struct pt_regs *ctx) {
  if ((int)PT_REGS_RC(ctx) == -22) seen.increment(6);
  return 0;
}
int submitting(struct pt_regs *ctx, void *file, void *buffer, size_t bytes) {
  struct event event = {bytes};
  if (bytes == OURS) events.perf_submit(ctx, &event, sizeof event);
  return 0;
}
int taking_stacks(struct pt_regs *ctx, void *file, void *buffer, size_t bytes) {
  if (bytes == OURS && stacks.get_stackid(ctx, 0) >= 0) seen.increment(7);
  return 0;
}
int with_room(struct pt_regs *ctx, void *file, void *buffer, size_t bytes) {
  u32 first = 0;
  u64 *mine = room.lookup(&first);
  if (mine && bytes == OURS) { *mine = bytes; seen.increment(8); }
  return 0;
}
int giving_one(struct pt_regs *ctx, void *file, void *buffer, size_t bytes) {
  if (bytes == OURS) seen.increment(9);
  return 1;
}
int at_stack_pointer(struct pt_regs *ctx) {
  if (PT_REGS_PARM3(ctx) == OURS && PT_REGS_SP(ctx)) seen.increment(10);
  return 0;
}
int in_module(struct pt_regs *ctx) {
  seen.increment(11);
  return 0;
}
]]

local object, current -- the program, and what happens to its events
local function program()
  if not object then
    object = bpf.BPF{text = text}
    object.events:open_perf_buffer(function(...) if current then current(...) end end)
  end
  return object
end

local function seen(number) return program().seen[number] or 0 end

local function in_kernel(feature, test)
  return features[feature].available and test
    or function() pending(("needs %s: %s"):format(feature, features[feature].reason)) end
end

local function entry(event, fn_name, mechanism)
  return program():attach_kprobe{event = event, fn_name = fn_name, mechanism = mechanism}
end

local function exit(event, fn_name, mechanism)
  return program():attach_kretprobe{event = event, fn_name = fn_name, mechanism = mechanism}
end

-- The one place that a probe saw, and how often.
local function only_place(b)
  local name, hits
  for address, number in pairs(b.places) do
    assert.is_nil(name)
    name, hits = b:ksym(address), number
  end
  return name, hits
end

local function body(on_entry, on_exit, feature)
  local function it_here(name, test) it(name, in_kernel(feature, test)) end

  before_each(function()
    if not features[feature].available then return end
    local b <const> = program()
    b.seen:clear() b.places:clear() b.wanted:clear()
  end)

  it_here("counts exactly and gives six arguments", function()
    local one <close> = entry("ksys_mmap_pgoff", "on_mmap", on_entry)
    local two <close> = entry("ksys_mmap_pgoff", "by_macro", on_entry)
    assert.equal(on_entry, one:kind())
    assert.equal(on_entry, two:kind())
    calls.make(count)
    assert.same({count, count, count}, {seen(1), seen(2), seen(3)})
    one:detach()
    calls.make(count)
    assert.same({count, count, 2 * count}, {seen(1), seen(2), seen(3)})
  end)

  it_here("knows the process, the place, and what an argument points to", function()
    local b <const> = program()
    local link <close> = entry("vfs_write", "on_write", on_entry)
    assert.equal(on_entry, link:kind())
    local target <const> = calls.start(count)
    b.wanted[target.pid] = 1
    calls.make(count) -- another process
    calls.go(target)
    assert.equal(count, seen(4))
    assert.same({"vfs_write", count}, {only_place(b)})
  end)

  it_here("gives results, also negative ones", function()
    local one <close> = exit("vfs_write", "on_written", on_exit)
    local two <close> = exit("sys_dup3", "on_dup3_done", on_exit)
    assert.equal(on_exit, one:kind())
    calls.make(count)
    assert.same({count, count}, {seen(5), seen(6)})
    assert.same({"vfs_write", count}, {only_place(program())})
    two:detach()
    calls.make(count)
    assert.same({2 * count, count}, {seen(5), seen(6)})
  end)

  it_here("sends events", function()
    local b <const> = program()
    local link <close> = entry("vfs_write", "submitting", on_entry)
    local events = 0
    current = function(_, event) if event.bytes == 4099 then events = events + 1 end end
    calls.make(13)
    b:perf_buffer_poll(0)
    assert.equal(13, events)
    assert.equal(on_entry, link:kind())
  end)
end

describe("a kernel probe by", function()
  teardown(function() if object then object:close() object = nil end end)

  for _, row in ipairs{
    {"fentry", "fexit", "fentry"}, {"kprobe_multi", "kprobe_multi", "kprobe_multi"},
    {"kprobe", "kretprobe", "kprobe"}, {"tracefs", "tracefs", "kprobe"},
  } do
    describe(row[1], function() body(row[1], row[2], row[3]) end)
  end

  describe("the kernel's best mechanism", function()
    -- What a function does decides: each with the reason that fentry gives when it is forced.
    local multi <const> = features.kprobe_multi.available and "kprobe_multi" or "kprobe"
    for fn_name, case in pairs{
      taking_stacks = {7, "stack traces", "kprobe"}, with_room = {8, "per%-CPU", multi},
      giving_one = {9, "verifier refuses", multi},
      at_stack_pointer = {10, "other registers", "kprobe"},
    } do
      it("is not fentry for a function like " .. fn_name, in_kernel("fentry", function()
        local b <const> = program()
        b.seen:clear()
        for times = 1, 2 do -- the second time the refusal is known
          local link <close> = entry("vfs_write", fn_name)
          assert.equal(case[3], link:kind())
          calls.make(count)
          assert.equal(times * count, seen(case[1]))
        end
        if fn_name == "with_room" then -- allowed to those who ask for it
          local forced <close> = entry("vfs_write", fn_name, "fentry")
          calls.make(count)
          assert.equal(3 * count, seen(case[1]))
          assert.equal("fentry", forced:kind())
          return
        end
        local good <const>, e <const> = pcall(entry, "vfs_write", fn_name, "fentry")
        assert.is_false(good)
        assert.truthy(e.message:find(case[2]), e.message)
        assert.truthy(e.message:find("as fentry", 1, true))
        assert.truthy(e.hint:find("leave out", 1, true))
      end))
    end

    it("is fexit instead of a return probe with maxactive", in_kernel("fentry", function()
      local b <const> = program()
      local link <close> = b:attach_kretprobe{event = "vfs_write", fn_name = "on_written",
        maxactive = 17}
      assert.equal("fexit", link:kind())
    end))

    it("is not fexit for a function that never returns", in_kernel("fentry", function()
      local link <close> = exit("do_exit", "on_dup3_done")
      assert.equal("kretprobe", link:kind())
    end))

    it("passes over functions that refuse, where no list tells them", in_kernel("kprobe",
      function()
        local path <const> = os.tmpname()
        local file <const> = assert(io.open(path, "w"))
        file:write([[
local b = require "bpf".BPF{text = "int f(struct pt_regs *ctx) { return 0; }"}
local link = b:attach_kprobe{event_re = "(vfs_write|exc_page_fault|vfs_fsync|irqentry_enter)",
  fn_name = "f"}
print(link:count(), link:kind(), b:num_open_kprobes())
]])
        file:close()
        local status <const>, output <const>, errors <const> = process.run(
          "unshare -m sh -c 'while umount /sys/kernel/tracing || umount /sys/kernel/debug; do :;"
            .. " done 2> /dev/null; exec lua5.4 " .. path .. "'")
        os.remove(path)
        assert.equal(0, status, errors)
        assert.equal(("2\t%s\t2\n"):format(
          features.kprobe_multi.available and "kprobe_multi" or "kprobe"), output)
      end))

    it("reaches functions of modules", in_kernel("kprobe", function()
      if not os.execute("grep -q ' p9_client_walk.*9pnet' /proc/kallsyms") then
        pending("needs the module 9pnet, as guests have it")
        return
      end
      local b <const> = program()
      b.seen:clear()
      local link <close> = entry("9pnet:p9_client_walk", "in_module", "kprobe")
      local all <close> = b:attach_kprobe{event_re = "p9_client_(walk|getattr_dotl)",
        fn_name = "in_module"}
      assert.equal("kprobe", link:kind())
      assert.equal(2, all:count())
      os.execute("ls -l . > /dev/null")
      assert.is_true(seen(11) > 0)
    end))
  end)

  it("tracefs tolerates namesakes and removes what dead processes left", in_kernel("kprobe",
    function()
      local b <const> = program()
      local killed <const> = script.start([[
local bpf = require "bpf"
local b = bpf.BPF{text = "int f(struct pt_regs *ctx) { return 0; }"}
b:attach_kretprobe{event = "vfs_write", fn_name = "f", mechanism = "tracefs"}
print "attached"
bpf.sleep(300)]])
      assert.equal("attached", killed:line())
      killed:signal("KILL")
      assert.equal(128 + 9, (killed:finish()))
      local left <const> = ("r_vfs_write_bcc_%d"):format(killed.pid)
      assert.truthy(process.defined_probes():find(left, 1, true))
      b.seen:clear()
      local one <close> = exit("vfs_write", "on_written", "tracefs")
      assert.is_nil(process.defined_probes():find(left, 1, true))
      local two <close> = exit("vfs_write", "on_dup3_done", "tracefs")
      calls.make(count)
      assert.equal(count, seen(5))
      one:detach() two:detach()
      assert.is_nil(process.defined_probes():find("vfs_write_", 1, true))
    end))
end)

describe("the option mechanism", function()
  it("is refused clearly", function()
    local b <close> = bpf.BPF{text = "int f(struct pt_regs *ctx) { return 0; }"}
    local function attach(kind, options)
      options.fn_name = "f"
      local good <const>, e <const> = pcall(b["attach_" .. kind], b, options)
      assert.is_false(good)
      assert.equal(22, e.errno)
      return tostring(e)
    end
    assert.truthy(attach("kprobe", {event = "vfs_write", mechanism = "fexit"}):find(
      "fentry, kprobe_multi, kprobe, tracefs", 1, true))
    assert.truthy(attach("kretprobe", {event = "vfs_write", mechanism = "kprobe"}):find(
      "fexit, kprobe_multi, kretprobe, tracefs", 1, true))
    assert.truthy(attach("kprobe", {event_re = "vfs_.*", mechanism = "fentry"}):find(
      "one function", 1, true))
    assert.truthy(attach("kprobe", {event = "vfs_write", event_off = 9,
      mechanism = "kprobe_multi"}):find("start of a function", 1, true))
  end)
end)
