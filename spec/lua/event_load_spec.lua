-- Events at full speed: what was received and what was lost is what was sent, exactly, in constant
-- memory. LUABPF_EVENTS sets how many, and has the figures shown.

local bpf = require "bpf"
local caller = require "spec.support.caller"
local process = require "spec.support.process"

local slow = tonumber(os.getenv("LUABPF_SLOW")) or 1
local asked = tonumber(os.getenv("LUABPF_EVENTS"))

-- The timer interrupts the traced process anywhere, also where it writes an event.
local program = [[
struct event_t { u64 n; u32 pid; u32 by_timer; char comm[16]; };
BPF_PERF_OUTPUT(things);
BPF_RINGBUF_OUTPUT(ring, 16);
BPF_ARRAY(sent, u64, 2);

static inline void send(void *ctx, u32 by_timer)
{
    struct event_t event = {};
    u64 *n = sent.lookup(&by_timer);
    if (bpf_get_current_pid_tgid() >> 32 != PID || !n)
        return;
    event.n = ++*n;
    event.pid = PID;
    event.by_timer = by_timer;
    bpf_get_current_comm(event.comm, sizeof(event.comm));
#ifdef TO_RING
    ring.ringbuf_output(&event, sizeof(event), 0);
#else
    things.perf_submit(ctx, &event, sizeof(event));
#endif
}

TRACEPOINT_PROBE(syscalls, sys_enter_getpgid)
{
    send(args, 0);
    return 0;
}

int on_timer(struct bpf_perf_event_data *ctx)
{
    send(ctx, 1);
    return 0;
}
]]

local function last_cpu()
  local cpus = process.online_cpus()
  return cpus[#cpus]
end

local function resident_kib()
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^VmRSS:%s+(%d+)")
    if kib then return tonumber(kib) end
  end
end

-- What each kind needs to open its buffer and to poll it.
local kinds = {
  ["a perf output over ring buffers"] = {
    usual = 100000,
    open = function(b, callback, lost_cb)
      b.things:open_perf_buffer(callback, { page_cnt = 16, lost_cb = lost_cb })
    end,
    poll = function(b, timeout) return b:perf_buffer_poll(timeout) end,
  },
  ["a perf output over perf buffers"] = {
    usual = 20000,
    mechanism = "perf",
    open = function(b, callback, lost_cb)
      b.things:open_perf_buffer(callback, { page_cnt = 16, lost_cb = lost_cb })
    end,
    poll = function(b, timeout) return b:perf_buffer_poll(timeout) end,
  },
  ["a ring buffer"] = {
    usual = 100000,
    flag = "-DTO_RING",
    open = function(b, callback) b.ring:open_ring_buffer(callback) end,
    poll = function(b, timeout) return b:ring_buffer_poll(timeout) end,
  },
}

for name, kind in pairs(kinds) do
  describe(name .. " at full speed", function()
    local features = bpf.features()

    for speed, work in pairs { ["a quick"] = 0, ["a slow"] = 3000 } do
      it("is exact with " .. speed .. " callback, in constant memory", function()
        if not features.ring_buffer.available then pending("needs ring buffers (Linux 5.8)") end
        local who = caller.start(last_cpu())
        local b <close> = bpf.BPF { text = program, mechanism = kind.mechanism,
          cflags = { "-DPID=" .. who.pid, kind.flag } }
        local timed = features.perf_event.available
        if timed then
          b:attach_perf_event { ev_type = 1, ev_config = 0, fn_name = "on_timer",
            sample_freq = 997 }
        end
        local got, told, last = 0, 0, { [0] = 0, [1] = 0 }
        kind.open(b, function(_, event)
          got = got + 1
          local from, n = event.by_timer, event.n
          assert(n > last[from] and event.pid == who.pid)
          last[from] = n
          for _ = 1, work do end
        end, function(count) told = told + count end)
        local function send(count)
          who:send(count)
          local ns
          repeat
            kind.poll(b, 10)
            ns = who:answer(false)
          until ns
          repeat until kind.poll(b, 20) == 0
          return ns
        end
        local many = asked or (slow > 1 and 5000 or kind.usual)
        send(many // 10)
        local before = resident_kib()
        local ns = send(many - many // 10)
        local grown = resident_kib() - before
        if kind.mechanism then send(1) end -- brings the word of the last losses
        who:close() -- no tick hits it after the last look
        repeat until kind.poll(b, 20) == 0
        local sent, ticks = b.sent[0], b.sent[1]
        if asked then
          io.stderr:write(("%s, %s callback: %d sent, %d by a timer, %d received, %d lost, %.0f ns "
            .. "for each call, %+d KiB\n"):format(name, speed, sent, ticks, got, b:lost(), ns,
            grown))
        end
        assert.equal(many + (kind.mechanism and 1 or 0), sent)
        assert.equal(sent + ticks, got + b:lost())
        if not kind.flag then assert.equal(b:lost(), told) end
        assert.truthy(grown < 1024, grown)
      end)
    end
  end)
end
