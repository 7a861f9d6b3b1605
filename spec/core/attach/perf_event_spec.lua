-- Perf events: samples of page faults and watchpoints counted exactly, of clocks roughly.
local bpf <const> = require "bpf"
local build <const> = require "spec.support.build"
local leftovers <const> = require "spec.support.leftovers"
local process <const> = require "spec.support.process"
local refusal <const> = require "spec.support.refusal"

local count <const> = 211
local Type <const>, Software <const>, Hardware <const> =
  bpf.PerfType, bpf.PerfSWConfig, bpf.PerfHWConfig
local features <const> = bpf.features()

local text <const> = [[
BPF_ARRAY(range, u64, 2);
BPF_HASH(seen, u32, u64);
BPF_ARRAY(by_cpu, u64, 1024);
BPF_PERF_ARRAY(counters, 1024);
BPF_ARRAY(marks, u64, 3);
BPF_ARRAY(values, struct bpf_perf_event_value, 3);
BPF_STACK_TRACE(stacks, 16);

int on_fault(struct bpf_perf_event_data *ctx) {
  u64 *from = range.lookup(&(int){0}), *to = range.lookup(&(int){1});
  if (from && to && ctx->addr >= *from && ctx->addr < *to) seen.increment(1);
  return 0;
}
int on_write(struct bpf_perf_event_data *ctx) {
  seen.increment(2);
  return 0;
}
int on_tick(struct bpf_perf_event_data *ctx) {
  by_cpu.increment(bpf_get_smp_processor_id());
  if (ctx->sample_period > 0) seen.increment(3);
  return 0;
}
int on_tick_with_stack(struct bpf_perf_event_data *ctx) {
  stacks.get_stackid(ctx, 0);
  return 0;
}
int on_mark(struct pt_regs *ctx, int number) {
  struct bpf_perf_event_value value = {};
  u64 result = counters.perf_read(CUR_CPU_IDENTIFIER);
  marks.update(&number, &result);
  if (counters.perf_counter_value(CUR_CPU_IDENTIFIER, &value, sizeof value) == 0)
    values.update(&number, &value);
  return 0;
}
]]

local function it_with(feature, name, test)
  it(name, features[feature].available and test or function()
    pending(("needs %s: %s"):format(feature, features[feature].reason))
  end)
end

describe("a perf event", function()
  local b
  local function seen(number) return b.seen[number] or 0 end

  setup(function() b = bpf.BPF{text = text} end)
  before_each(function() b.seen:clear() end)
  teardown(function() b:close() end)

  local running -- a failed case must not leave it waiting for its start
  after_each(function()
    if running then running:signal("KILL") end
    running = nil
  end)

  -- The program to sample, started and waiting: where its memory is, and how it goes on.
  local function start(before)
    local program <const> = process.start((before or "") .. build.program("touch") .. " " .. count)
    running = program
    local pid <const>, variable <const>, region <const> =
      program:line():match("^ready (%d+) (%d+) (%d+)$")
    b.range[0], b.range[1] = tonumber(region), tonumber(region) + count * 4096
    return {pid = tonumber(pid), variable = tonumber(variable), finish = function()
      program:signal("USR1")
      assert.equal(0, (program:finish()))
      running = nil
    end}
  end

  it_with("perf_event", "counts each page fault of one process", function()
    local touch <const> = start()
    local link <close> = b:attach_perf_event{ev_type = Type.SOFTWARE,
      ev_config = Software.PAGE_FAULTS, sample_period = 1, pid = touch.pid, fn_name = "on_fault"}
    assert.equal("perf_event", link:kind())
    assert.equal(1, link:count())
    touch.finish()
    assert.equal(count, seen(1))
  end)

  it_with("perf_event", "counts each page fault on every CPU, and stops", function()
    local touch = start()
    local link <close> = b:attach_perf_event{ev_type = Type.SOFTWARE,
      ev_config = Software.PAGE_FAULTS, sample_period = 1, fn_name = "on_fault"}
    local online <const> = #process.online_cpus()
    assert.equal(online, link:count())
    touch.finish()
    assert.equal(count, seen(1))
    assert.equal(1, b:detach_perf_event(Type.SOFTWARE, Software.PAGE_FAULTS))
    touch = start()
    touch.finish()
    assert.equal(count, seen(1))
    local e <const> = refusal.of(function()
      b:detach_perf_event{ev_type = Type.SOFTWARE, ev_config = Software.PAGE_FAULTS}
    end)
    assert.equal("Perf event type 1 config 2 is not attached", e.message)
  end)

  it_with("perf_event", "watches an address", function()
    local touch = start()
    local good <const>, link = pcall(b.attach_perf_event, b, {ev_type = Type.BREAKPOINT,
      bp_addr = touch.variable, pid = touch.pid, fn_name = "on_write"})
    touch.finish()
    if not good then return pending("needs debug registers: " .. link.message) end
    link:detach()
    assert.equal(count, seen(2))
    touch = start()
    local seventh <const> = b:attach_perf_event_raw{attr = {type = Type.BREAKPOINT, bp_type = "rw",
      bp_addr = touch.variable, bp_len = 4, sample_period = 7}, pid = touch.pid,
      fn_name = "on_tick"}
    touch.finish()
    seventh:detach()
    assert.equal(count // 7, seen(3))
  end)

  it_with("perf_event", "samples a clock on every CPU, and on one", function()
    b.by_cpu:zero()
    local link <const> = b:attach_perf_event(Type.SOFTWARE, Software.CPU_CLOCK, "on_tick", 0, 97)
    assert.is_true(process.wait_until(function()
      for _, cpu in ipairs(process.online_cpus()) do
        if b.by_cpu[cpu] == 0 then return false end
      end
      return true
    end))
    link:detach()
    b.by_cpu:zero()
    local one <const> = b:attach_perf_event_raw{attr = {type = Type.SOFTWARE,
      config = Software.CPU_CLOCK, sample_freq = 97}, cpu = 0, fn_name = "on_tick"}
    assert.equal(1, one:count())
    assert.is_true(process.wait_until(function() return b.by_cpu[0] > 3 end))
    one:detach()
    for _, cpu in ipairs(process.online_cpus()) do
      if cpu ~= 0 then assert.equal(0, b.by_cpu[cpu]) end
    end
  end)

  it_with("hardware_event", "samples what the CPU counts", function()
    local link <close> = b:attach_perf_event{ev_type = Type.HARDWARE,
      ev_config = Hardware.CPU_CYCLES, sample_freq = 97, fn_name = "on_tick"}
    assert.is_true(process.wait_until(function() return seen(3) > 7 end))
    assert.is_true(link:count() > 0)
  end)

  it_with("perf_event", "of one cgroup tells of its processes alone", function()
    local folder <const> = os.tmpname()
    os.remove(folder)
    local mounted <const> = os.execute(("mkdir %s && mount -t cgroup2 none %s && mkdir %s/spec-%d")
      :format(folder, folder, folder, process.own_pid()))
    finally(function()
      os.execute(("rmdir %s/spec-%d; umount %s; rmdir %s"):format(folder, process.own_pid(), folder,
        folder))
    end)
    if not mounted then return pending("needs cgroups of version 2") end
    local cgroup <const> = ("%s/spec-%d"):format(folder, process.own_pid())
    local good <const>, link = pcall(b.attach_perf_event, b, {ev_type = Type.SOFTWARE,
      ev_config = Software.PAGE_FAULTS, sample_period = 1, cgroup = cgroup, fn_name = "on_fault"})
    if not good then return pending("needs perf events of cgroups: " .. link.message) end
    start().finish()
    assert.equal(0, seen(1))
    local join <const> = "sh -c 'echo $$ > %s/cgroup.procs; exec \"$@\"' sh "
    local inside <const> = start(join:format(cgroup))
    inside.finish()
    assert.equal(count, seen(1))
    assert.equal(1, b:detach_perf_event{ev_type = Type.SOFTWARE, ev_config = Software.PAGE_FAULTS,
      cgroup = cgroup})
    assert.is_nil(link:fd())
  end)

  it_with("perf_event", "is refused twice, and when it can not be, with nothing left", function()
    local options <const> = {ev_type = Type.SOFTWARE, ev_config = Software.CPU_CLOCK,
      sample_freq = 97, fn_name = "on_tick"}
    local link <const> = b:attach_perf_event(options)
    assert.equal(17, refusal.of(function() b:attach_perf_event(options) end).errno) -- EEXIST
    link:detach()
    local deep <const> = {attr = {type = Type.SOFTWARE, config = Software.CPU_CLOCK,
      sample_freq = 97}, fn_name = "on_tick_with_stack"}
    b:attach_perf_event_raw(deep):detach()
    local before <const> = leftovers.now()
    local out_of_range <const> = "perf event config out of range"
    local cases <const> = {
      {{ev_type = Type.SOFTWARE, ev_config = Software.CGROUP_SWITCHES + 1}, out_of_range},
      {{ev_type = Type.HARDWARE, ev_config = Hardware.REF_CPU_CYCLES + 1}, out_of_range},
      {{ev_type = Type.HW_CACHE, ev_config = 7}, out_of_range},
      {{ev_type = Type.HW_CACHE, ev_config = 3 << 8}, out_of_range},
      {{ev_type = Type.HW_CACHE, ev_config = 2 << 16}, out_of_range},
      {{ev_type = Type.SOFTWARE, ev_config = 999}, "SOFTWARE perf event config out of range"},
      {{ev_type = Type.SOFTWARE, ev_config = Software.BPF_OUTPUT}, "BPF_OUTPUT"},
      {{ev_type = Type.HARDWARE, ev_config = 999}, "HARDWARE perf event config out of range"},
      {{ev_type = Type.HW_CACHE, ev_config = 0xff}, "HW_CACHE perf event config out of range"},
      {{ev_type = Type.TRACEPOINT, ev_config = 1}, "TRACEPOINT"},
      {{ev_type = Type.SOFTWARE, ev_config = 0, pid = 0x3fffffff}, "No such process"},
      {{ev_type = Type.SOFTWARE, ev_config = 0, cpu = 4095}, "perf event type 1 config 0"},
      {{ev_type = Type.SOFTWARE, ev_config = 0, group_fd = 0}, "perf event type 1 config 0"},
      {{ev_type = Type.SOFTWARE, ev_config = 0, cgroup = "/nowhere"}, "cgroup /nowhere"},
      {{ev_type = 4095, ev_config = 0}, "perf event type 4095 config 0"},
      {{ev_type = 4095, ev_config = 0, cgroup = "/sys/fs/cgroup"}, "cgroup /sys/fs/cgroup"},
    }
    for _, case in ipairs(cases) do
      case[1].fn_name, case[1].sample_period = "on_tick", 1000000
      local e <const> = refusal.of(function() b:attach_perf_event(case[1]) end)
      assert.truthy(e.message:find(case[2], 1, true), e.message)
      assert.equal("attach perf event", e.op)
    end
    deep.attr.precise_ip = 2 -- then the event is there before the kernel refuses the program
    assert.truthy(refusal.of(function() b:attach_perf_event_raw(deep) end).message
      :find("perf event type 1 config 0", 1, true))
    assert.same(before, leftovers.now())
    local _, other_cores <const> = pcall(b.attach_perf_event, b, {ev_type = Type.HARDWARE,
      ev_config = 1 << 32, sample_period = 1000000, fn_name = "on_tick"})
    assert.falsy(tostring(other_cores):find("out of range", 1, true))
    local file <const> = "perf_event_spec.lua"
    for _, rate in ipairs{{}, {sample_period = 1, sample_freq = 1}} do
      rate.ev_type, rate.ev_config, rate.fn_name = 1, 0, "on_tick"
      assert.truthy(refusal.misuse(function() b:attach_perf_event(rate) end, file)
        :find("Exactly one of sample_period / sample_freq should be set", 1, true))
    end
    assert.truthy(refusal.misuse(function()
      b:attach_perf_event{ev_type = Type.BREAKPOINT, fn_name = "on_tick"}
    end, file):find("'bp_addr' is missing", 1, true))
    assert.truthy(refusal.misuse(function()
      b:attach_perf_event_raw{attr = {type = 1, confg = 0}, fn_name = "on_tick"}
    end, file):find("'config'", 1, true))
  end)
end)

describe("open_perf_event", function()
  it_with("uprobe", "counts for the program what it reads", function()
    local b <close> = bpf.BPF{text = text}
    local cpu <const> = process.online_cpus()[1]
    local program <const> = process.start(("taskset -c %d %s %d"):format(cpu,
      build.program("touch"), count))
    local pid <const> = tonumber(program:line():match("^ready (%d+)"))
    b:attach_uprobe{name = build.program("touch"), sym = "mark", fn_name = "on_mark"}
    assert.equal(#process.online_cpus(),
      b.counters:open_perf_event(Type.SOFTWARE, Software.PAGE_FAULTS, pid))
    program:signal("USR1")
    assert.equal(0, (program:finish()))
    assert.equal(count, b.marks[2] - b.marks[1])
    assert.equal(count, b.values[2].counter - b.values[1].counter)
    assert.is_true(b.values[2].enabled >= b.values[2].running)
    assert.is_true(b.values[2].running > b.values[1].running)
    local e <const> = refusal.of(function() b.counters:open_perf_event(4095, 0) end)
    assert.truthy(e.message:find("type 4095 config 0 for table counters", 1, true))
    assert.error_matches(function() b.seen:open_perf_event(1, 0) end, "no BPF_PERF_ARRAY")
  end)
end)
