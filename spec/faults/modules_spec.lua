-- A module of the kernel is removed while its functions are traced: the kernel refuses that or
-- takes the probe away with it, and either way all goes on. Only guests have modules to play with.
local bpf <const> = require "bpf"
local leftovers <const> = require "spec.support.leftovers"
local process <const> = require "spec.support.process"

local is_guest <const> = io.open("/proc/cmdline"):read("a"):find("guest.run=", 1, true)
local missing <const> = not is_guest and "a guest, whose modules can be removed"
  or not os.execute("modprobe -n dummy 2> /dev/null") and "the module dummy"

local program <const> = [[
BPF_ARRAY(seen, u64, 1);
int on_device(struct pt_regs *ctx) {
  seen.atomic_increment(0);
  return 0;
}
]]

-- Each device is one call of dummy_dev_init.
local function add_devices(count)
  for i = 1, count do
    assert(os.execute(("ip link add luabpf%d type dummy && ip link del luabpf%d"):format(i, i)))
  end
end

local function load_module() assert(os.execute("modprobe dummy numdummies=0")) end
local function remove_module() return os.execute("rmmod dummy 2> /dev/null") end

-- Counts, tries to remove the module, and counts again if it could not be removed.
local function trace_over_removal(read)
  add_devices(3)
  assert.equal(3, read())
  if remove_module() then
    load_module()
    add_devices(2) -- the probe is gone, or follows the new module
    assert.truthy(read() == 3 or read() == 5)
  else
    add_devices(2)
    assert.equal(5, read())
  end
end

describe("a module that is removed while it is traced", function()
  if missing then
    return it("does no harm", function() pending("needs " .. missing) end)
  end

  before_each(load_module)

  for _, mechanism in ipairs{ "fentry", "kprobe_multi", "kprobe", "tracefs" } do
    it("does no harm: " .. mechanism, function()
      local before <const> = leftovers.now()
      do
        local b <close> = bpf.BPF{text = program}
        local good <const>, e <const> = pcall(b.attach_kprobe, b, {event = "dummy_dev_init",
          fn_name = "on_device", mechanism = mechanism})
        if not good then
          return pending(("needs %s: %s"):format(mechanism, e.message))
        end
        trace_over_removal(function() return b.seen[0] end)
        b:detach_kprobe{event = "dummy_dev_init"}
        assert.equal(0, b:num_open_kprobes())
        assert.is_true(process.wait_until(remove_module))
      end
      assert.same(before, leftovers.now())
    end)
  end

  it("does no harm: fentry and fexit", function()
    local before <const> = leftovers.now()
    do
      local b <close> = bpf.BPF{text = [[
BPF_ARRAY(seen, u64, 2);
MODULE_KFUNC_PROBE(dummy, dummy_dev_init, struct net_device *dev) {
  seen.atomic_increment(0);
  return 0;
}
MODULE_KRETFUNC_PROBE(dummy, dummy_dev_init, struct net_device *dev, int result) {
  seen.atomic_increment(1, result + 1);
  return 0;
}]]}
      trace_over_removal(function()
        assert.equal(b.seen[0], b.seen[1])
        return b.seen[0]
      end)
    end
    assert.is_true(process.wait_until(remove_module))
    assert.same(before, leftovers.now())
  end)

  it("is traced as cheaply as the kernel itself", function()
    if not bpf.features().fentry.available then return pending("needs fentry") end
    do
      local b <close> = bpf.BPF{text = [[
BPF_ARRAY(seen, u64, 2);
int on_device(struct pt_regs *ctx, struct net_device *dev) {
  if (dev->name[0] == 'l' && dev->name[5] == 'f') seen.atomic_increment(0);
  return 0;
}
int on_made(struct pt_regs *ctx) {
  if (PT_REGS_RC(ctx) == 0) seen.atomic_increment(1);
  return 0;
}]]}
      for i, event in ipairs{"dummy_dev_init", "dummy:dummy_dev_init"} do
        local entry <close> = b:attach_kprobe{event = event, fn_name = "on_device"}
        local made <close> = b:attach_kretprobe{event = event, fn_name = "on_made"}
        assert.equal("fentry", entry:kind())
        assert.equal("fexit", made:kind())
        add_devices(3)
        assert.equal(3 * i, b.seen[0])
        assert.equal(3 * i, b.seen[1])
      end
      local good <const>, e <const> = pcall(b.attach_kprobe, b,
        {event = "other:dummy_dev_init", fn_name = "on_device", mechanism = "fentry"})
      assert.is_false(good)
      assert.truthy(e.message:find("has no such function", 1, true), e.message)
    end
    assert.is_true(process.wait_until(remove_module))
  end)

  it("is missed by name afterwards", function()
    assert.is_true(process.wait_until(remove_module))
    local b <close> = bpf.BPF{text = program}
    local good, e = pcall(b.attach_kprobe, b, {event = "dummy_dev_init", fn_name = "on_device"})
    assert.is_false(good)
    assert.truthy(e.message:find("dummy_dev_init", 1, true), e.message)
    assert.truthy(e.hint:find("no function of that name", 1, true), e.hint)
    good, e = pcall(bpf.BPF, {text = "MODULE_KFUNC_PROBE(dummy, dummy_dev_init) { return 0; }"})
    assert.is_false(good)
    assert.truthy(e.message:find("has no function dummy_dev_init", 1, true), e.message)
    assert.truthy(e.hint:find("need that module loaded", 1, true), e.hint)
  end)
end)
