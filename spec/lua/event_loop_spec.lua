-- Any event loop can wait for a BPF object: by pollfd alone, or by pollfd, events and timeout.

local bpf = require "bpf"
local caller = require "spec.support.caller"

local slow = tonumber(os.getenv("LUABPF_SLOW")) or 1

local program = [[
BPF_PERF_OUTPUT(things);
BPF_RINGBUF_OUTPUT(ring, 8);
TRACEPOINT_PROBE(syscalls, sys_enter_getpgid)
{
    u64 n = bpf_get_current_pid_tgid() >> 32;
    if (n != PID)
        return 0;
    things.perf_submit(args, &n, sizeof(n));
    ring.ringbuf_output(&n, sizeof(n), 0);
    return 0;
}
]]

-- Each loop calls poll() when fd is readable, until it returns true; b is what cqueues waits for.
-- Returns how often it did, or nil after the time limit, in seconds.
local loops = {}

function loops.luv(luv, b, poll, limit)
  local handle, timer = luv.new_poll(b:pollfd()), luv.new_timer()
  local count, is_done = 0, false
  local function stop()
    handle:close()
    timer:close()
  end
  timer:start(limit * 1000, 0, stop)
  handle:start("r", function()
    count = count + 1
    is_done = poll()
    if is_done then stop() end
  end)
  luv.run()
  return is_done and count
end

function loops.cqueues(cqueues, b, poll, limit)
  local queue, count, is_done = cqueues.new(), 0, false
  -- What cqueues waits for answers pollfd, events and timeout; a table called `events` hides none.
  queue:wrap(function()
    local finish = cqueues.monotime() + limit
    repeat
      cqueues.poll(b, finish - cqueues.monotime())
      count = count + 1
      is_done = poll()
    until is_done or cqueues.monotime() >= finish
  end)
  assert(queue:loop())
  return is_done and count
end

for name, loop in pairs(loops) do
  describe("an event loop of lua-" .. name, function()
    local ok, library = pcall(require, name)
    for _, mechanism in ipairs { "ring", "perf" } do
      it("takes every event in time, and rests between them, over a " .. mechanism .. " buffer",
        function()
          if not ok then pending("needs lua-" .. name) end
          local who = caller.start()
          local b <close> = bpf.BPF { text = program, cflags = { "-DPID=" .. who.pid },
            mechanism = mechanism == "perf" and "perf" or nil }
          local seen, ringing = 0, 0
          b.things:open_perf_buffer(function() seen = seen + 1 end, { page_cnt = 64 })
          b.ring:open_ring_buffer(function() ringing = ringing + 1 end)
          -- An event each, then more than one at a time.
          for round, calls in ipairs { 1, 1, 3, 1, 997, 1 } do
            local before = seen
            who:send(calls)
            assert.truthy(loop(library, b, function()
              b:perf_buffer_poll(0)
              b:ring_buffer_poll(0)
              return seen == before + calls and ringing == seen
            end, 20 * slow), round)
            who:answer()
          end
          assert.same({ 1004, 1004, 0 }, { seen, ringing, b:lost() })
          -- Nothing comes: the loop is left alone, but for the end of what was before.
          local count = 0
          assert.falsy(loop(library, b, function()
            count = count + b:perf_buffer_poll(0) + b:ring_buffer_poll(0) + 1
            return false
          end, 0.3))
          assert.truthy(count <= 5, count)
          who:close()
        end)
    end
  end)
end
