-- Events on their way from a buffer to a callback, with exact counts.

local bpf = require "bpf"
local caller = require "spec.support.caller"
local object = require "spec.support.value_object"

-- getpgid(0) is called by nobody while a spec runs but by what the spec starts itself.
local program = [[
struct event { u64 n; u32 pid; int negative; char comm[16]; struct { int a; } nested; };
struct { __uint(type, PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); }
  perf SEC(".maps");
struct { __uint(type, RINGBUF); __uint(max_entries, 1 << 20); } ring SEC(".maps");
struct { __uint(type, RINGBUF); __uint(max_entries, 4096); } numbers SEC(".maps");
struct { __uint(type, RINGBUF); __uint(max_entries, 4096); } bytes SEC(".maps");
struct { __uint(type, RINGBUF); __uint(max_entries, 4096); } small SEC(".maps");
struct { __uint(type, ARRAY); __type(key, u32); __type(value, u64); __uint(max_entries, 1); }
  wanted SEC(".maps");
struct { __uint(type, ARRAY); __type(key, u32); __type(value, u64); __uint(max_entries, 1); }
  sent SEC(".maps");
struct { __uint(type, PERCPU_ARRAY); __type(key, u32); __type(value, u64);
  __uint(max_entries, 1); } __lbpf_lost_small SEC(".maps");
struct event *__lbpf_event_perf SEC(".lbpf.events");
struct event *__lbpf_event_ring SEC(".lbpf.events");
struct event *__lbpf_event_small SEC(".lbpf.events");
u64 *__lbpf_event_numbers SEC(".lbpf.events");
static void *(*lookup)(void *, const void *) = (void *)1;
static u64 (*pid_tgid)(void) = (void *)14;
static long (*comm)(void *, u32) = (void *)16;
static long (*perf_output)(void *, void *, u64, void *, u64) = (void *)25;
static long (*ring_output)(void *, void *, u64, u64) = (void *)130;
static inline int fill(struct event *e) {
  u32 zero = 0, pid = pid_tgid() >> 32;
  u64 *who = lookup(&wanted, &zero), *n = lookup(&sent, &zero);
  if (!who || !n || *who != pid) return 0;
  __builtin_memset(e, 0, sizeof *e);
  e->n = ++*n; e->pid = pid; e->negative = -5; e->nested.a = 42;
  comm(e->comm, sizeof e->comm);
  return 1;
}
SEC("tracepoint/syscalls/sys_enter_getpgid") int to_perf(void *ctx) {
  struct event e;
  if (fill(&e)) perf_output(ctx, &perf, 0xffffffffULL, &e, sizeof e);
  return 0;
}
SEC("tracepoint/syscalls/sys_enter_getpgid") int to_rings(void *ctx) {
  struct event e;
  if (!fill(&e)) return 0;
  ring_output(&ring, &e, sizeof e, 0);
  ring_output(&numbers, &e.n, 8, 0);
  ring_output(&bytes, &e.comm, 3, 0);
  return 0;
}
SEC("tracepoint/syscalls/sys_enter_getpgid") int to_small(void *ctx) {
  struct event e;
  u32 zero = 0;
  u64 *lost;
  if (!fill(&e) || !ring_output(&small, &e, sizeof e, 0)) return 0;
  lost = lookup(&__lbpf_lost_small, &zero);
  if (lost) ++*lost;
  return 0;
}
]]

describe("an event", function()
  local path, b, who

  setup(function() path = object.compile(program) end)
  teardown(function() os.remove(path) end)

  before_each(function()
    b = bpf.BPF { obj = path }
    who = caller.start()
    b.wanted[0] = who.pid
  end)

  after_each(function()
    who:close()
    b:close()
  end)

  local function attach(fn_name)
    return b:attach_tracepoint { tp = "syscalls:sys_enter_getpgid", fn_name = fn_name }
  end

  it("arrives once, with its fields", function()
    local seen, sum = 0, 0
    b.perf:open_perf_buffer(function(cpu, event, size)
      seen, sum = seen + 1, sum + event.n
      assert.equal("integer", math.type(cpu))
      assert.truthy(size >= 40)
      assert.equal(who.pid, event.pid)
      assert.equal(-5, event.negative)
      assert.equal(42, event.nested.a)
      assert.equal(event, b.perf:event(event))
      assert.equal(event.n, b.perf:event(event:bytes()).n)
    end)
    attach "to_perf"
    who:call(97)
    assert.equal(97, b:perf_buffer_poll(1000))
    assert.equal(97, seen)
    assert.equal(97 * 98 // 2, sum)
    assert.equal(0, b:lost())
    assert.equal(0, b:perf_buffer_poll(1))
  end)

  it("is over when its callback returns; a copy is not", function()
    local view, nested, copy
    b.perf:open_perf_buffer(function(_, event)
      view, nested, copy = event, event.nested, event:copy()
      assert.error_matches(function() event.n = 1 end, "read%-only; change a copy")
    end)
    attach "to_perf"
    who:call(1)
    b:perf_buffer_poll(1000)
    assert.error_matches(function() return view.n end, "this event is over.*event:copy%(%)")
    assert.error_matches(function() return view:copy() end, "this event is over")
    assert.error_matches(function() return nested.a end, "this event is over")
    assert.truthy(tostring(view):find("its event is over", 1, true))
    assert.equal(1, copy.n)
    copy.n = 2
    assert.equal(2, copy.n)
  end)

  it("stays for the next poll when a callback before it fails or says false", function()
    local seen = 0
    b.perf:open_perf_buffer(function()
      seen = seen + 1
      if seen == 3 then
        error("boom")
      end
      return seen ~= 5
    end, { page_cnt = 64 })
    attach "to_perf"
    who:call(11)
    assert.error_matches(function() b:perf_buffer_poll(1000) end, "boom")
    assert.equal(3, seen)
    assert.equal(2, b:perf_buffer_poll(1000))
    assert.equal(5, seen)
    local rest = 0
    repeat
      local count = b:perf_buffer_poll(0)
      rest = rest + count
    until count == 0
    assert.equal(6, rest)
  end)

  it("is counted when it is lost", function()
    local lost, got = 0, 0
    b.perf:open_perf_buffer(function() end, {
      page_cnt = 1,
      lost_cb = function(count) lost = lost + count end,
    })
    local link = attach "to_perf"
    -- The kernel reports a loss with the next event that fits into the same CPU's buffer.
    assert(os.execute(("taskset -cp 0 %d > /dev/null"):format(who.pid)))
    who:call(499)
    got = got + b:perf_buffer_poll(1000)
    who:call(1)
    got = got + b:perf_buffer_poll(1000)
    assert.equal(500, got + lost)
    assert.truthy(lost > 0)
    assert.equal(lost, b:lost())
    link:detach()
    b.small:open_ring_buffer(function() end)
    attach "to_small"
    who:call(499)
    assert.equal(499, b:ring_buffer_poll(1000) + b:lost() - lost)
  end)

  it("comes through ring buffers as what was sent", function()
    local got = {}
    b.ring:open_ring_buffer(function(cpu, event, size)
      assert.is_nil(cpu)
      assert.equal(40, size)
      got[1] = event.n
    end)
    b.numbers:open_ring_buffer(function(_, number) got[2] = number end)
    b.bytes:open_ring_buffer(function(_, bytes) got[3] = #bytes end)
    attach "to_rings"
    who:call(1)
    assert.equal(3, b:ring_buffer_poll(1000))
    assert.same({ 1, 1, 3 }, got)
    who:call(2)
    assert.equal(6, b:ring_buffer_consume())
    assert.truthy(b:pollfd() > 2)
    assert.equal("r", b:events())
    assert.is_nil(b:timeout())
  end)

  it("may close its object, but not poll it", function()
    local problem
    b.ring:open_ring_buffer(function()
      problem = select(2, pcall(b.ring_buffer_poll, b, 0))
      b:close()
    end)
    attach "to_rings"
    who:call(5)
    assert.equal(1, b:ring_buffer_poll(1000))
    assert.truthy(problem:find("cannot be polled from inside"))
    assert.error_matches(function() b:lost() end, "the BPF object is closed")
  end)

  it("goes to the callback that was given last", function()
    local first, second = 0, 0
    b.ring:open_ring_buffer(function() first = first + 1 end)
    b.ring:open_ring_buffer(function() second = second + 1 end)
    attach "to_rings"
    who:call(3)
    assert.equal(3, b:ring_buffer_poll(1000))
    assert.same({ 0, 3 }, { first, second })
  end)

  it("lets its object be collected", function()
    local watched = setmetatable({}, { __mode = "k" })
    do
      local other = bpf.BPF { obj = path }
      other.ring:open_ring_buffer(function() return other end)
      watched[other] = true
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(watched))
  end)

  it("does not reach a callback that yields", function()
    b.ring:open_ring_buffer(function() coroutine.yield() end)
    attach "to_rings"
    who:call(1)
    local co = coroutine.create(function() b:ring_buffer_poll(1000) end)
    local ok, problem = coroutine.resume(co)
    assert.is_false(ok)
    assert.truthy(tostring(problem):find("yield"))
  end)

  it("needs a buffer that is opened right", function()
    local perf = b.perf
    assert.error_matches(function() perf:open_perf_buffer(print, { page_cnt = 3 }) end,
      "Perf buffer page_cnt must be a power of two")
    assert.error_matches(function() perf:open_perf_buffer(print, { page_cn = 8 }) end,
      "unknown option 'page_cn'; did you mean 'page_cnt'")
    assert.error_matches(function() perf:open_perf_buffer() end, "the callback is missing")
    assert.error_matches(function() perf:open_perf_buffer(5) end, "must be a function, not number")
    assert.error_matches(function() perf:open_ring_buffer(print) end, "is no ring buffer")
    assert.error_matches(function() b.ring:open_perf_buffer(print) end, "is no perf buffer")
    assert.error_matches(function() b:ring_buffer_poll() end, "No ring buffers to poll")
    assert.equal(0, b:perf_buffer_poll(1))
  end)
end)
