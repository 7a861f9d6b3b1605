-- How long an attachment lives: links, <close>, b:close(), the collector, and two objects at once.
local bpf <const> = require "bpf"
local leftovers <const> = require "spec.support.leftovers"
local states <const> = require "spec.support.states"
local target <const> = require "spec.support.target"

local count <const> = 131
local missing <const> = not bpf.features().uprobe.available and bpf.features().uprobe.reason

local function it_with_uprobes(name, test)
  it(name, missing and function() pending("needs uprobes: " .. missing) end or test)
end

local text <const> = [[
BPF_HASH(seen, u32, u64);
int links_answer(struct pt_regs *ctx) {
  seen.increment(1);
  return 0;
}
int links_answered(struct pt_regs *ctx) {
  seen.increment(2);
  return 0;
}
]]

local function attach(b)
  return b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "links_answer"}
end

local kind <const> = bpf.features().uprobe_multi.available and "uprobe_multi" or "uprobe"

describe("a link", function()
  it_with_uprobes("tells its kind and count, also when it is detached", function()
    local b <close> = bpf.BPF{text = text}
    local link <const> = attach(b)
    assert.truthy(tostring(link):find("uprobe", 1, true))
    assert.truthy(tostring(link):find("links_answer", 1, true))
    link:detach()
    link:detach()
    link:close()
    assert.equal(kind, link:kind())
    assert.equal(1, link:count())
    assert.truthy(tostring(link):find("detached", 1, true))
    assert.equal(0, b:num_open_uprobes())
  end)

  it_with_uprobes("ends with its block, and not with the collector", function()
    local b <close> = bpf.BPF{text = text}
    do
      local link <close> = attach(b)
      target.run(count)
      assert.equal(kind, link:kind())
    end
    target.run(count)
    assert.equal(count, b.seen[1])
    attach(b)
    collectgarbage()
    collectgarbage()
    target.run(count)
    assert.equal(2 * count, b.seen[1])
    assert.equal(1, b:num_open_uprobes())
  end)

  it_with_uprobes("can be detached after its object was closed", function()
    local b <const> = bpf.BPF{text = text}
    local link <const> = attach(b)
    b:close()
    link:detach()
    assert.equal(kind, link:kind())
    assert.truthy(tostring(link):find("detached", 1, true))
  end)

  it_with_uprobes("keeps its object, when nothing else does", function()
    local before <const> = leftovers.now();
    (function()
      local link <const> = attach(bpf.BPF{text = text})
      collectgarbage()
      collectgarbage()
      target.run(1)
      assert.not_same(before, leftovers.now())
      link:detach()
      assert.not_same(before, leftovers.now())
    end)()
    assert.same(before, leftovers.now())
  end)
end)

describe("a BPF object", function()
  it_with_uprobes("leaves nothing when it is closed, however often", function()
    local before <const> = leftovers.now()
    local b <const> = bpf.BPF{text = text}
    attach(b)
    b:attach_uretprobe{name = target.path(), sym_re = "answ.*|six", fn_name = "links_answered"}
    assert.equal(3, b:num_open_uprobes())
    assert.not_same(before, leftovers.now())
    b:close()
    b:close()
    assert.same(before, leftovers.now())
    assert.is_true(leftovers.no_program("links_"))
    assert.error_matches(function() return b:num_open_uprobes() end, "the BPF object is closed")
    assert.error_matches(function() return b.seen end, "the BPF object is closed")
    assert.error_matches(function() attach(b) end, "the BPF object is closed")
    assert.truthy(tostring(b):find("closed", 1, true))
  end)

  it_with_uprobes("leaves nothing after an error in its block, or after the collector", function()
    local before <const> = leftovers.now()
    pcall(function()
      local b <close> = bpf.BPF{text = text}
      attach(b)
      error("on purpose")
    end)
    assert.same(before, leftovers.now())
    attach(bpf.BPF{text = text})
    assert.same(before, leftovers.now())
  end)

  it_with_uprobes("does not know of another one with the same program", function()
    local one <close> = bpf.BPF{text = text}
    local two <close> = bpf.BPF{text = text}
    local link <close> = attach(one)
    attach(two)
    assert.equal(kind, link:kind())
    target.run(count)
    assert.equal(count, one.seen[1])
    assert.equal(count, two.seen[1])
    one:close()
    target.run(count)
    assert.equal(2 * count, two.seen[1])
    assert.equal(1, two:num_open_uprobes())
    two:detach_uprobe{name = target.path(), sym = "answer"}
    target.run(count)
    assert.equal(2 * count, two.seen[1])
  end)
end)

describe("a forked child", function()
  local source <const> = [[
%s
BPF_HASH(seen, u32, u64);
int links_answer(struct pt_regs *ctx) {
  seen.increment(1);
  %s
  return 0;
}
int links_answered(struct pt_regs *ctx) {
  seen.increment(2);
  %s
  return 0;
}
TRACEPOINT_PROBE(syscalls, sys_enter_lseek) {
  if (args->offset == 4096 * 307) seen.increment(3);
  return 0;
}
]]
  local null <const> = assert(io.open("/dev/null"))
  -- As one link over many places, and, because of tail calls, as one perf event for each.
  local forms <const> = {
    together = source:format("", "", ""),
    ["one by one"] = source:format("BPF_PROG_ARRAY(next, 1);", "next.call(ctx, 0);",
      "next.call(ctx, 0);"),
  }

  for form, program in pairs(forms) do
    it_with_uprobes("that closes, detaches or just ends takes no probe attached " .. form
      .. " from its parent", function()
      local b <close> = bpf.BPF{text = program}
      local link <const> = attach(b)
      b:attach_uretprobe{name = target.path(), sym_re = "answ.*|six", fn_name = "links_answered"}
      local ways <const> = {
        function() b:close() end,
        function() link:detach() b:detach_tracepoint{tp = "syscalls:sys_enter_lseek"} end,
        function() end,
        function() os.exit(1) end,
      }
      for i, way in ipairs(ways) do
        assert.equal(i == #ways and 1 or 0, states.fork(way))
        target.run(count)
        null:seek("set", 4096 * 307)
        assert.equal(i * count, b.seen[1])
        assert.equal(2 * i * count, b.seen[2])
        assert.equal(i, b.seen[3])
      end
      assert.equal(3, b:num_open_uprobes())
    end)
  end

  it_with_uprobes("that closes takes no samples from its parent", function()
    local b <close> = bpf.BPF{text = "BPF_ARRAY(samples, u64, 1);"
      .. "int links_sample(struct bpf_perf_event_data *ctx) { samples.increment(0); return 0; }"}
    b:attach_perf_event{ev_type = bpf.PerfType.SOFTWARE, ev_config = bpf.PerfSWConfig.CPU_CLOCK,
      sample_freq = 1000, fn_name = "links_sample"}
    assert.equal(0, states.fork(function() b:close() end))
    local before <const> = b.samples[0]
    local limit <const> = os.clock() + 5
    while b.samples[0] == before do assert(os.clock() < limit, "no more samples") end
  end)

  it_with_uprobes("attaches and detaches on its own", function()
    local b <close> = bpf.BPF{text = text}
    assert.equal(0, states.fork(function()
      attach(b)
      target.run(count)
      assert(b.seen[1] == count)
      b:close()
    end))
    assert.equal(0, b:num_open_uprobes())
    target.run(count)
    assert.equal(count, b.seen[1])
  end)
end)

describe("two Lua states in one process", function()
  it_with_uprobes("do not know of each other", function()
    local b <close> = bpf.BPF{text = text}
    attach(b)
    states.run(([[
      package.path, package.cpath = %q, %q
      local bpf = require "bpf"
      local b = bpf.BPF{text = %q}
      b:attach_uprobe{name = %q, sym = "answer", fn_name = "links_answer"}
      os.execute(%q)
      assert(b.seen[1] == %d)
    ]]):format(package.path, package.cpath, text, target.path(), target.path() .. " " .. count
      .. " > /dev/null", count))
    assert.equal(count, b.seen[1])
    target.run(count)
    assert.equal(2 * count, b.seen[1])
    assert.equal(1, b:num_open_uprobes())
  end)
end)
