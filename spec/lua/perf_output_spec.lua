-- BPF_PERF_OUTPUT from a program's perf_submit to the callback, over both mechanisms: a ring buffer
-- for each CPU, which is the rule, and the kernel's perf buffers, which can be asked for.

local bpf = require "bpf"
local caller = require "spec.support.caller"
local object = require "spec.support.object"
local process = require "spec.support.process"

local slow = tonumber(os.getenv("LUABPF_SLOW")) or 1
local long = 60000 -- more ms than anything takes, but a failed test

local program = [[
struct event_t { u64 n; u32 pid; u32 cpu; char comm[16]; };
BPF_PERF_OUTPUT(things);
BPF_PERF_OUTPUT(others);
BPF_PERCPU_ARRAY(sent, u64, 1);

TRACEPOINT_PROBE(syscalls, sys_enter_getpgid)
{
    struct event_t event = {};
    u32 zero = 0;
    u64 *n = sent.lookup(&zero);
    if (bpf_get_current_pid_tgid() >> 32 != PID || !n)
        return 0;
    event.n = ++*n;
    event.pid = PID;
    event.cpu = bpf_get_smp_processor_id();
    bpf_get_current_comm(event.comm, sizeof(event.comm));
    things.perf_submit(args, &event, sizeof(event));
#ifdef OTHERS
    char *text = event.comm;
    others.perf_submit(args, (void *)text, 6);
#endif
    return 0;
}
]]

-- Polls until so many events have come; the time limit only ends a failed test.
local function poll(b, count)
  local seen, finish = 0, os.time() + math.max(60, 10 * slow)
  while seen < count and os.time() < finish do seen = seen + b:perf_buffer_poll(10) end
  return seen
end

for _, mechanism in ipairs { "ring", "perf" } do
  describe("a perf output over a " .. mechanism .. " buffer", function()
    local feature = bpf.features()[mechanism == "perf" and "perf_buffer" or "ring_buffer"]
    if not feature.available then
      pending("needs more of the kernel: " .. tostring(feature.reason))
      return
    end
    local who, b

    local function start(cpu, ...)
      who = caller.start(cpu)
      b = bpf.BPF { text = program, cflags = { "-DPID=" .. who.pid, ... },
        mechanism = mechanism == "perf" and "perf" or nil }
    end

    after_each(function()
      if who then who:close() end
      if b then b:close() end
      who, b = nil, nil
    end)

    it("brings each CPU's events in order, with its number", function()
      for _, cpu in ipairs(process.online_cpus()) do
        local seen = 0
        start(cpu)
        b.things:open_perf_buffer(function(on, event, size)
          seen = seen + 1
          assert.same({ cpu, cpu, seen, who.pid, "caller" },
            { on, event.cpu, event.n, event.pid, event.comm })
          assert.equal(mechanism == "perf" and 36 or 32, size)
        end)
        who:call(97)
        assert.equal(97, poll(b, 97))
        assert.same({ 97, 0 }, { seen, b:lost() })
        b:close()
        who:close()
      end
    end)

    it("gives raw bytes when the program does not tell a type", function()
      start(nil, "-DOTHERS")
      local bytes
      b.others:open_perf_buffer(function(_, data, size)
        bytes = data
        assert.equal(#data, size)
      end)
      who:call(1)
      assert.equal(1, poll(b, 1))
      assert.equal("caller", bytes:sub(1, 6))
      assert.equal(mechanism == "perf" and 12 or 6, #bytes)
    end)

    it("drops what nobody has opened a buffer for", function()
      start()
      who:call(11)
      assert.equal(0, b:perf_buffer_poll(0))
      local numbers = {}
      b.things:open_perf_buffer(function(_, event) numbers[#numbers + 1] = event.pid end)
      who:call(3)
      assert.equal(3, poll(b, 3))
      assert.same({ 3, 0 }, { #numbers, b:lost() })
    end)

    it("is told of at once when somebody waits, in calm and in bursts", function()
      who = caller.start()
      b = bpf.BPF { text = [[
BPF_PERF_OUTPUT(times);
TRACEPOINT_PROBE(syscalls, sys_enter_getpgid)
{
    u64 now = bpf_ktime_get_ns();
    if (bpf_get_current_pid_tgid() >> 32 == PID)
        times.perf_submit(args, &now, sizeof(now));
    return 0;
}
]], cflags = { "-DPID=" .. who.pid }, mechanism = mechanism == "perf" and "perf" or nil }
      local waits = {}
      b.times:open_perf_buffer(function(_, time)
        waits[#waits + 1] = bpf.monotonic_time() - time
      end)
      for round = 1, 41 do
        local count = round % 2 == 0 and 19 or 1
        who:send(count)
        local seen = 0
        while seen < count do seen = seen + b:perf_buffer_poll(long) end
        assert.equal(count, seen)
      end
      table.sort(waits)
      -- Others may keep the processor from the reader at times, but not each time.
      local quick <const>, slowest <const> = waits[#waits // 10], waits[#waits]
      assert.is_true(quick < 2000000 * slow, quick .. " ns")
      assert.is_true(slowest < long // 2 * 1000000, slowest .. " ns")
    end)

    it("is closed for good, or until it is opened again", function()
      start(process.online_cpus()[1], "-DOTHERS")
      local things, others = {}, 0
      local function open()
        b.things:open_perf_buffer(function(_, event) things[#things + 1] = event.n end)
      end
      open()
      b.others:open_perf_buffer(function() others = others + 1 end)
      who:call(3)
      assert.equal(6, poll(b, 6))
      assert.is_true(b.things:close_buffer())
      assert.is_false(b.things:close_buffer())
      who:call(5)
      assert.equal(5, poll(b, 5))
      open()
      who:call(1)
      assert.equal(2, poll(b, 2))
      assert.same({ 1, 2, 3, 9 }, things)
      assert.same({ 9, 0 }, { others, b:lost() })
      assert.error_matches(function() b.sent:close_buffer() end, "'sent' has no buffer")
    end)

    it("counts on after it was closed and opened again", function()
      start(process.online_cpus()[1])
      local seen = 0
      for round = 1, 2 do
        b.things:open_perf_buffer(function() seen = seen + 1 end,
          { page_cnt = 1, lost_cb = function() end })
        who:call(499)
        b:perf_buffer_consume()
        assert.is_true(b:lost() > 0)
        assert.equal(499 * round, seen + b:lost())
        b.things:close_buffer()
        who:call(300) -- more than a buffer that is left behind has room for
        assert.equal(499 * round, seen + b:lost())
      end
    end)

    it("may be closed by its own callback, or another's", function()
      start(nil, "-DOTHERS")
      local things, others = 0, 0
      b.things:open_perf_buffer(function()
        things = things + 1
        if things == 2 then assert.is_true(b.things:close_buffer()) end
      end)
      b.others:open_perf_buffer(function()
        others = others + 1
        if others == 7 then b.others:close_buffer() end
        collectgarbage()
      end)
      who:call(11)
      poll(b, 9)
      assert.same({ 2, 7 }, { things, others })
      who:call(1)
      assert.equal(0, b:perf_buffer_poll(0))
    end)

    it("ends for one CPU alone", function()
      local cpus = process.online_cpus()
      if #cpus < 2 then
        pending("needs two CPUs")
        return
      end
      local seen = 0
      start(cpus[1])
      b.things:open_perf_buffer(function() seen = seen + 1 end)
      b.things[cpus[2]] = nil
      who:call(3)
      assert.equal(3, poll(b, 3))
      b.things[cpus[1]] = nil
      who:call(3)
      assert.equal(0, b:perf_buffer_poll(0))
      assert.same({ 3, 0 }, { seen, b:lost() })
    end)

    it("takes a page_cnt that is a power of two", function()
      start(process.online_cpus()[1])
      local things = b.things
      for _, wrong in ipairs { 0, 3, 6, -8, 1 << 21 } do
        assert.error_matches(function()
          things:open_perf_buffer(print, { page_cnt = wrong })
        end, "Perf buffer page_cnt must be a power of two", nil, true)
      end
      local ok, problem = pcall(things.open_perf_buffer, things, print, { page_cnt = 1 << 20 })
      assert.is_false(ok)
      assert.truthy(tostring(problem):find("Could not open perf buffer", 1, true))
      assert.truthy(problem.hint:find("smaller page_cnt", 1, true))
      for _, pages in ipairs { 1, 2, 128 } do
        things:open_perf_buffer(function() end, { page_cnt = pages })
        who:call(7)
        assert.equal(7, poll(b, 7))
      end
      local room = {}
      for _, pages in ipairs { false, 8 } do
        things:open_perf_buffer(function() end,
          { page_cnt = pages or nil, lost_cb = function() end })
        who:call(1009)
        room[#room + 1] = b:perf_buffer_consume()
      end
      assert.equal(room[2], room[1])
      assert.is_true(room[1] < 1009)
    end)

    it("counts what finds no room, and tells it after what came before", function()
      start(process.online_cpus()[1])
      local got, lost, order = 0, 0, {}
      b.things:open_perf_buffer(function(_, event)
        got = got + 1
        if lost == 0 then order[#order + 1] = event.n end
      end, { page_cnt = 1, lost_cb = function(count) lost = lost + count end })
      who:call(499)
      poll(b, 1)
      who:call(1) -- a perf buffer tells of a loss with the next event that finds room
      poll(b, 1)
      assert.equal(500, got + lost)
      assert.equal(lost, b:lost())
      assert.truthy(lost > 100 and got > 50)
      for i, n in ipairs(order) do assert.equal(i, n) end
      b.things:open_perf_buffer(function() end)
      assert.equal(lost, b:lost())
    end)

    it("tells of losses on stderr without a lost_cb", function()
      local path = os.tmpname()
      local file = assert(io.open(path, "w"))
      file:write(("package.path, package.cpath = %q, %q\n"):format(package.path, package.cpath), [[
        local bpf = require "bpf"
        local who = require "spec.support.caller".start(0)
        local b <close> = bpf.BPF{text = arg[1], cflags = {"-DPID=" .. who.pid},
          mechanism = arg[2] == "perf" and "perf" or nil}
        b.things:open_perf_buffer(function() end, {page_cnt = 1})
        who:call(499)
        b:perf_buffer_poll(1000)
        who:call(1)
        b:perf_buffer_poll(1000)
        who:close()
        io.write(b:lost())
      ]])
      file:close()
      local status, output, errors = process.run(("lua5.4 %s '%s' %s"):format(path, program,
        mechanism))
      os.remove(path)
      assert.equal(0, status)
      assert.equal(("Possibly lost %s samples\n"):format(output), errors)
    end)

    it("waits for wakeup_events, and gives the rest when asked", function()
      start(process.online_cpus()[1])
      local seen = 0
      b.things:open_perf_buffer(function() seen = seen + 1 end, { wakeup_events = 11 })
      who:call(7)
      assert.equal(0, b:perf_buffer_poll(30))
      who:call(4)
      assert.equal(11, b:perf_buffer_poll(long))
      who:call(3)
      assert.equal(0, b:perf_buffer_poll(30))
      assert.equal(3, b:perf_buffer_consume())
      assert.equal(14, seen)
      if mechanism == "perf" then -- the kernel goes on counting
        who:call(8)
        assert.equal(8, b:perf_buffer_poll(1000 * slow))
      end
      -- more than find room: then half a buffer will do
      b.things:open_perf_buffer(function() end, { page_cnt = 1, wakeup_events = 1009 })
      who:call(71)
      assert.equal(71, b:perf_buffer_poll(1000 * slow))
      for _, wrong in ipairs { 0, -1, 1 << 32 } do
        assert.error_matches(function()
          b.things:open_perf_buffer(print, { wakeup_events = wrong })
        end, "'wakeup_events' is out of range", nil, true)
      end
    end)

    it("is polled with the other tables of its object, and no others", function()
      start(nil, "-DOTHERS")
      local second = bpf.BPF { text = program, cflags = { "-DPID=" .. who.pid, "-DOTHERS" },
        mechanism = mechanism == "perf" and "perf" or nil }
      local seen = { 0, 0, 0 }
      b.things:open_perf_buffer(function() seen[1] = seen[1] + 1 end)
      b.others:open_perf_buffer(function() seen[2] = seen[2] + 1 end)
      second.things:open_perf_buffer(function() seen[3] = seen[3] + 1 end)
      who:call(13)
      assert.equal(26, poll(b, 26))
      assert.same({ 13, 13, 0 }, seen)
      assert.equal(13, poll(second, 13))
      assert.same({ 13, 13, 13 }, seen)
      second:close()
    end)

    it("survives what a callback does", function()
      start(process.online_cpus()[1])
      local things, problems, n = b.things, {}, 0
      things:open_perf_buffer(function()
        n = n + 1
        if n == 3 then error("boom") end
        problems[#problems + 1] = select(2, pcall(b.perf_buffer_poll, b, 0))
        problems[#problems + 1] = tostring(select(2, pcall(things.open_perf_buffer, things, print)))
        return n ~= 5
      end)
      who:call(7)
      assert.error_matches(function() poll(b, 7) end, "boom")
      assert.equal(2, b:perf_buffer_poll(long))
      assert.equal(5, n)
      assert.equal(2, b:perf_buffer_poll(0)) -- the rest is there: no waiting
      assert.equal(12, #problems)
      for _, problem in ipairs(problems) do
        assert.truthy(problem:find("from inside", 1, true))
      end
    end)

    it("may be closed with its object by its own callback", function()
      start(process.online_cpus()[1])
      local n = 0
      b.things:open_perf_buffer(function()
        n = n + 1
        b:close()
      end)
      who:call(7)
      assert.equal(1, b:perf_buffer_poll(long))
      assert.equal(1, n)
      assert.error_matches(function() b:perf_buffer_poll(0) end, "the BPF object is closed")
    end)

    it("can be polled by coroutines in turn", function()
      start()
      local seen = 0
      b.things:open_perf_buffer(function() seen = seen + 1 end)
      local function work()
        for _ = 1, 5 do
          who:call(3)
          poll(b, 3)
          coroutine.yield()
        end
      end
      local first, second = coroutine.create(work), coroutine.create(work)
      while coroutine.status(first) ~= "dead" do
        assert(coroutine.resume(first))
        assert(coroutine.resume(second))
      end
      assert.equal(30, seen)
      b.things:open_perf_buffer(function() coroutine.yield() end)
      who:call(1)
      local poller = coroutine.create(function() b:perf_buffer_poll(1000) end)
      local ok, problem = coroutine.resume(poller)
      assert.is_false(ok)
      assert.truthy(tostring(problem):find("yield"))
    end)

    it("takes as long as it was told to wait, and no longer", function()
      start()
      local function seconds(timeout)
        local file = assert(io.open("/proc/uptime"))
        local before = file:read("n")
        b:perf_buffer_poll(timeout)
        file:seek("set")
        local after = file:read("n")
        file:close()
        return after - before
      end
      for _, open in ipairs { false, true } do -- without a buffer it only waits
        if open then b.things:open_perf_buffer(function() end) end
        assert.truthy(seconds(0) < slow)
        local waited = seconds(150)
        assert.truthy(waited >= 0.14 and waited < 2 * slow, waited)
      end
    end)
  end)
end

describe("the mechanism of a perf output", function()
  -- The helpers that a program calls.
  local function helpers(text, options)
    local set = {}
    for _, fn in pairs(object.functions(assert(object.compile(text, options)))) do
      for _, call in ipairs(fn.calls) do set[call.helper] = true end
    end
    return set
  end

  local plain = "BPF_PERF_OUTPUT(events);\nint f(void *ctx) { u64 n = 1; %s return 0; }"
  local submit = "events.perf_submit(ctx, &n, sizeof(n));"

  it("is a ring buffer where the kernel has them", function()
    if not bpf.features().ring_buffer.available then pending("needs ring buffers (Linux 5.8)") end
    local set = helpers(plain:format(submit))
    assert.same({ true, nil }, { set[130], set[25] })
  end)

  it("is a perf buffer in a program that uses it as one", function()
    for _, text in ipairs {
      plain:format(submit .. "bpf_perf_event_output(ctx, (void *)&events, 0xffffffff, &n, 8);"),
      "BPF_PERF_OUTPUT(events);\nint f(struct __sk_buff *skb) { u64 n = 1; "
        .. "events.perf_submit_skb(skb, 14, &n, 8); return 0; }",
      ([[BPF_TABLE("perf_output", int, u32, events, 0); int f(void *ctx) { u64 n = 1; %s return 0; }
      ]]):format(submit),
    } do
      local set = helpers(text)
      assert.same({ nil, true }, { set[130], set[25] })
    end
  end)

  it("has one name", function()
    assert.error_matches(function() bpf.BPF { text = plain:format(submit), mechanism = "ring" } end,
      "option 'mechanism' can only be \"perf\"", nil, true)
  end)
end)
