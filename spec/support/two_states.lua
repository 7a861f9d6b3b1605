-- What each of two states does (two_states.c): objects made and closed in a row, with tables that
-- are filled and read, a public table, and events of this thread only.

local number <const> = ...
local bpf <const> = require "bpf"

local function thread_id()
  local file <const> = assert(io.open("/proc/thread-self/stat"))
  local id <const> = file:read("n")
  file:close()
  return id
end

local opens <const> = 101

for round = 1, 5 do
  local b <close> = bpf.BPF {text = ([[
struct event { u64 count; char comm[16]; };
BPF_TABLE_PUBLIC("hash", u32, struct event, public%d, 1009);
BPF_HASH(counts, u32, u64, 1009);
BPF_PERF_OUTPUT(events);
BPF_RINGBUF_OUTPUT(ring, 8);
TRACEPOINT_PROBE(syscalls, sys_enter_openat) {
  struct event event = {};
  char name[12] = {};
  if ((u32)bpf_get_current_pid_tgid() != THREAD)
    return 0;
  bpf_probe_read_user_str(name, sizeof name, args->filename);
  if (__builtin_memcmp(name, "/nowhere/at", sizeof name))
    return 0;
  counts.atomic_increment(0);
  event.count = %d;
  bpf_get_current_comm(event.comm, sizeof event.comm);
  events.perf_submit(args, &event, sizeof event);
  ring.ringbuf_output(&event, sizeof event, 0);
  return 0;
}]]):format(number, number), cflags = {"-DTHREAD=" .. thread_id()}}
  local perf, ring = 0, 0
  b.events:open_perf_buffer(function(_, event) perf = perf + event.count end)
  b.ring:open_ring_buffer(function(_, event) ring = ring + event.count end)
  for _ = 1, opens do io.open("/nowhere/at") end
  local public <const> = b["public" .. number]
  for i = 1, 1009 do public[i] = {count = i * number, comm = "x"} end
  local sum = 0
  for key, leaf in pairs(public) do sum = sum + leaf.count // key end
  while perf < opens * number do b:perf_buffer_poll(100) end
  b:ring_buffer_consume()
  assert(b.counts[0] == opens, ("round %d: %s calls were counted"):format(round, b.counts[0]))
  assert(sum == 1009 * number and perf == opens * number and ring == opens * number)
end
print "done"
