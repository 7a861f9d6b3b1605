-- tcpretrans: show each TCP segment that is sent again, or count them by connection

local tool = require("bpf.tool")

local parser = tool.parser("tcpretrans", "Show each TCP segment that is sent again.", "time family")
parser:option("-P --port", "Only to these remote ports, as 80,443."):convert(tool.ports)
parser:flag("-c --count", "Count them by connection, and show that at the end.")
local options = parser:parse()

local program = [[
struct connection_t {
    u16 family, local_port, remote_port, zero;
    u8 local[16], remote[16];
};
struct event_t {
    u64 time_ns;
    struct connection_t of;
    int state;
};

BPF_PERF_OUTPUT(events);
BPF_HASH(counts, struct connection_t, u64, 65536);

TRACEPOINT_PROBE(tcp, tcp_retransmit_skb)
{
    struct event_t event = {.time_ns = bpf_ktime_get_ns(), .state = args->state};
    struct connection_t *of = &event.of;
    if (!FAMILY(args->family) || !PORTS(args->dport))
        return 0;
    of->family = args->family;
    of->local_port = args->sport;
    of->remote_port = args->dport;
    if (of->family == 2 /* AF_INET */) {
        __builtin_memcpy(of->local, args->saddr, 4);
        __builtin_memcpy(of->remote, args->daddr, 4);
    } else {
        __builtin_memcpy(of->local, args->saddr_v6, 16);
        __builtin_memcpy(of->remote, args->daddr_v6, 16);
    }
#ifdef COUNT
    counts.atomic_increment(*of);
#else
    events.perf_submit(args, &event, sizeof(event));
#endif
    return 0;
}
]]

local states = {
  "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
  "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV",
}

local b <close> = tool.load(options, program, {
  ["FAMILY(family)"] = tool.family(options), ["PORTS(port)"] = tool.any_of("port", options.port),
  COUNT = options.count,
})

local function record(of, more)
  more.local_port, more.remote_port = of.local_port, of.remote_port
  more.ip = of.family == 2 and 4 or 6
  more["local"] = tool.address(of.family, of:bytes("local"))
  more.remote = tool.address(of.family, of:bytes("remote"))
  return more
end

local function event_record(event)
  local state = states[event.state] or tostring(event.state)
  return record(event.of, { time_ns = event.time_ns, state = state })
end

local show = tool.show(b.events, options, {
  "time_ns",
  { "IP", "%-2d", "ip" },
  { "LADDR", "%-15s", "local" },
  { "LPORT", "%-5d", "local_port" },
  { "RADDR", "%-15s", "remote" },
  { "RPORT", "%-5d", "remote_port" },
  options.count and { "COUNT", "%d", "count" } or { "STATE", "%s", "state" },
}, event_record)
tool.poll(b, options)

for of, count in b.counts:items() do show(record(of, { count = count })) end
