-- tcpretrans: show each TCP segment that is sent again, or count them by connection

local tool = require("bpf.tool")

local parser = tool.parser("tcpretrans", "Show each TCP segment that is sent again.",
  "long_command time family")
parser:option("-P --port", "Only to these remote ports, as 80,443."):convert(tool.ports)
parser:flag("-c --count", "Count them by connection, and show that at the end.")
parser:flag("-s --sequence", "Show the segment's sequence number.")
parser:flag("-l --lossprobe", "Show probes for a lost tail, too (kprobes).")
local options = parser:parse()

local program = [[
struct connection_t {
    u16 family, local_port, remote_port, zero;
    u8 local[16], remote[16];
};
struct event_t {
    u64 time_ns;
    struct connection_t of;
    u32 sequence;
    u16 is_probe;
    u8 state;
};

BPF_PERF_OUTPUT(events);
BPF_HASH(counts, struct connection_t, u64, 65536);

static inline int submit(void *ctx, struct event_t *event)
{
    struct connection_t *of = &event->of;
    if (!FAMILY(of->family) || !PORTS(of->remote_port))
        return 0;
#ifdef COUNT
    counts.atomic_increment(*of);
#else
    events.perf_submit(ctx, event, sizeof(*event));
#endif
    return 0;
}

// The kernel sends the last segment again early, to learn whether it was lost.
int on_loss_probe(struct pt_regs *ctx, struct sock *sk)
{
    struct event_t event = {.time_ns = bpf_ktime_get_ns(), .is_probe = 1};
    struct connection_t *of = &event.of;
    event.state = sk->__sk_common.skc_state;
    event.sequence = ((struct tcp_sock *)sk)->snd_nxt;
    of->family = sk->__sk_common.skc_family;
    of->local_port = sk->__sk_common.skc_num;
    of->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
    if (of->family == 2 /* AF_INET */) {
        *(u32 *)of->local = sk->__sk_common.skc_rcv_saddr;
        *(u32 *)of->remote = sk->__sk_common.skc_daddr;
    } else {
        bpf_probe_read_kernel(of->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
        bpf_probe_read_kernel(of->remote, 16, &sk->__sk_common.skc_v6_daddr);
    }
    return submit(ctx, &event);
}

TRACEPOINT_PROBE(tcp, tcp_retransmit_skb)
{
    struct event_t event = {.time_ns = bpf_ktime_get_ns(), .state = args->state};
    struct tcp_skb_cb *control =
        (struct tcp_skb_cb *)((struct sk_buff *)args->skbaddr)->cb;
    event.sequence = control->seq;
    struct connection_t *of = &event.of;
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
    return submit(args, &event);
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

if options.lossprobe then
  b:attach_kprobe{ event = "tcp_send_loss_probe", fn_name = "on_loss_probe" }
end

local function record(of, more)
  more.local_port, more.remote_port = of.local_port, of.remote_port
  return tool.add_ends(more, of)
end

local function event_record(event)
  local state = states[event.state] or tostring(event.state)
  return record(event.of, {
    time_ns = event.time_ns, state = state, sequence = event.sequence,
    kind = event.is_probe ~= 0 and "L" or "R",
  })
end

local show = tool.show(b.events, options, {
  "time_ns",
  { "IP", "%-2d", "ip" },
  options.lossprobe and { "TYPE", "%-4s", "kind" } or "kind",
  { "LADDR", "%-15s", "local" },
  { "LPORT", "%-5d", "local_port" },
  { "RADDR", "%-15s", "remote" },
  { "RPORT", "%-5d", "remote_port" },
  options.sequence and not options.count and { "SEQ", "%-10d", "sequence" } or "sequence",
  options.count and { "COUNT", "%d", "count" } or { "STATE", "%s", "state" },
}, event_record)
tool.poll(b, options)

for of, count in b.counts:items() do show(record(of, { count = count })) end
