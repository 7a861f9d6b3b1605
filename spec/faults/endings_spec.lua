-- However a script ends, nothing stays attached, and a person sees what they should see. That
-- programs are gone is asked of the kernel.
local bpf <const> = require "bpf"
local leftovers <const> = require "spec.support.leftovers"
local process <const> = require "spec.support.process"
local script <const> = require "spec.support.script"
local target <const> = require "spec.support.target"

local features <const> = bpf.features()
local missing <const> = not features.uprobe.available and features.uprobe.reason
  or not leftovers.can_list_programs() and "bpftool can not list programs"

local function it_with_observer(name, test)
  it(name, missing and function() pending("needs uprobes and bpftool: " .. missing) end or test)
end

-- Attaches all kinds there are, says so, and goes on as the rest of the script does.
local function script_text(rest)
  local text <const> = [==[
local bpf = require "bpf"
local b <close> = bpf.BPF{text = [[
BPF_HASH(seen, u32, u64);
BPF_PERF_OUTPUT(events);
struct event { u64 question; };
int ending_answer(struct pt_regs *ctx, unsigned long question) {
  struct event event = {question};
  seen.increment(1);
  events.perf_submit(ctx, &event, sizeof event);
  return 0;
}
int ending_back(struct pt_regs *ctx) {
  seen.increment(2);
  return 0;
}
int ending_switch(void *ctx) {
  seen.increment(3);
  return 0;
}
]]}
b:attach_uprobe{name = "@", sym = "answer", fn_name = "ending_answer"}
b:attach_uretprobe{name = "@", sym = "answer", fn_name = "ending_back"}
b:attach_tracepoint{tp = "sched:sched_switch", fn_name = "ending_switch"}
b:attach_raw_tracepoint{tp = "sched_switch", fn_name = "ending_switch"}
if bpf.features().kprobe.available then
  b:attach_kprobe{event = "vfs_write", fn_name = "ending_switch"}
  b:attach_kretprobe{event_re = "vfs_(write|fsync)", fn_name = "ending_switch"}
end
io.stdout:setvbuf("line")
print("attached")
]==] .. rest
  return (text:gsub("@", target.path()))
end

local polling <const> = [==[
b.events:open_perf_buffer(function(cpu, event, size)
  print("event", event.question)
  on_event(event)
end)
print("polls")
]==]

describe("a script's end leaves nothing attached:", function()
  local before
  before_each(function() before = process.defined_probes() end)

  local function gone()
    assert.is_true(leftovers.no_program("ending_"))
    assert.equal(before, process.defined_probes())
  end

  -- Runs it up to "polls", then act while it waits (or else it ends by itself), and gives what
  -- came of it.
  local function ended(rest, act)
    local tool <const> = script.start(script_text(rest))
    assert.truthy(tool:wait_for("^polls"))
    if act then
      assert.is_true(#leftovers.programs("ending_") >= 3)
      act(tool)
    end
    local status <const>, out <const>, errors <const> = tool:finish()
    gone()
    return status, out, errors
  end

  local function run_target() target.run(3) end

  it_with_observer("Ctrl-C in a poll ends it, with its last report and no traceback", function()
    local status <const>, out <const>, errors <const> = ended([==[
local function on_event() end
]==] .. polling .. [==[
local interrupted = bpf.until_interrupted(function() while true do b:perf_buffer_poll() end end)
print("last report", interrupted)
]==], function(tool)
      run_target()
      assert.truthy(tool:wait_for("^event\t2"))
      tool:signal("INT")
    end)
    assert.equal("", errors)
    assert.truthy(out:find("last report\ttrue", 1, true))
    assert.equal(0, status)
  end)

  it_with_observer("Ctrl-C in a computation, in a sleep, and SIGTERM do, too", function()
    for _, case in ipairs{
      {"while true do end", "INT"}, {"bpf.sleep(1000)", "INT"}, {"b:trace_print()", "TERM"},
      {"while true do pcall(bpf.sleep, 1) end", "HUP"},
    } do
      local status <const>, out <const>, errors <const> = ended(
        "bpf.until_interrupted(function() print('polls') " .. case[1]
          .. " end) print('last report')",
        function(tool)
          os.execute("sleep 0.2")
          tool:signal(case[2])
        end)
      assert.equal("", errors, case[1])
      assert.truthy(out:find("last report", 1, true), case[1])
      assert.equal(0, status, case[1])
    end
  end)

  it_with_observer("Ctrl-C without until_interrupted", function()
    local status <const>, _, errors <const> = ended(
      "print('polls') while true do b:perf_buffer_poll(1000) end",
        function(tool) tool:signal("INT") end)
    assert.truthy(status ~= 0)
    assert.falsy(errors:find("core.c", 1, true))
  end)

  it_with_observer("an error in a callback comes out of the poll", function()
    local status <const>, out <const>, errors <const> = ended([==[
local function on_event() error("callback failed on purpose") end
]==] .. polling .. [==[
bpf.until_interrupted(function() while true do b:perf_buffer_poll() end end)
print("never")
]==], run_target)
    assert.equal(1, status)
    assert.truthy(errors:find("callback failed on purpose", 1, true), errors)
    assert.falsy(out:find("never", 1, true))
    assert.falsy(out:find("event\t1", 1, true))
  end)

  it_with_observer("os.exit in a callback", function()
    local status <const>, _, errors <const> = ended([==[
local function on_event() os.exit(7) end
]==] .. polling .. "while true do b:perf_buffer_poll() end", run_target)
    assert.equal("", errors)
    assert.equal(7, status)
  end)

  it_with_observer("os.exit that closes the state in a callback", function()
    local status <const>, _, errors <const> = ended([==[
local function on_event() os.exit(true, true) end
]==] .. polling .. "while true do b:perf_buffer_poll() end", run_target)
    assert.equal("", errors)
    assert.equal(0, status)
  end)

  it_with_observer("b:close() in a callback", function()
    local status <const>, out <const>, errors <const> = ended([==[
local function on_event() b:close() end
]==] .. polling .. [==[
print(pcall(function() while true do b:perf_buffer_poll() end end))
]==], run_target)
    assert.equal("", errors)
    assert.equal(0, status)
    assert.truthy(out:find("the BPF object is closed", 1, true), out)
  end)

  it_with_observer("an error that nobody catches", function()
    local status <const>, _, errors <const> = ended("print('polls') error('failed on purpose')")
    assert.equal(1, status)
    assert.truthy(errors:find("failed on purpose", 1, true))
  end)

  it_with_observer("an error object that nobody catches is printed as one paragraph", function()
    local status <const>, _, errors <const> = ended(
      "print('polls') b:attach_uprobe{name = 'c', sym = 'no_such', fn_name = 'ending_back'}")
    assert.equal(1, status)
    assert.truthy(errors:find("could not determine address of symbol no_such", 1, true),
      errors)
  end)

  it_with_observer("a coroutine that is never resumed", function()
    local status <const>, _, errors <const> = ended([==[
local thread = coroutine.create(function()
  local c <close> = bpf.BPF{text = "int ending_thread(void *ctx) { return 0; }"}
  c:attach_raw_tracepoint{tp = "sched_switch", fn_name = "ending_thread"}
  coroutine.yield()
end)
coroutine.resume(thread)
print("polls")
]==])
    assert.equal("", errors)
    assert.equal(0, status)
  end)

  it_with_observer("SIGKILL at any moment", function()
    local count <const> = os.getenv("LUABPF_SLOW") and 3 or 20
    math.randomseed(13)
    for i = 1, count do
      local tool <const> = script.start(script_text([==[
b.events:open_perf_buffer(function() end)
print("polls")
while true do
  b:perf_buffer_poll(1)
  local link = b:attach_uprobe{name = "@", sym = "six", fn_name = "ending_back"}
  link:detach()
end
]==]))
      if i > count // 2 then assert.truthy(tool:wait_for("^polls")) end
      os.execute(("sleep %.3f"):format(math.random() * 0.2))
      tool:signal("KILL")
      local status <const> = tool:finish()
      assert.equal(137, status)
    end
    gone()
  end)
end)
