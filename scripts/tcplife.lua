-- tcplife: show each TCP connection that ends, with its process, bytes and duration
--
-- A socket's process is known at connect(), and when it closes the socket.

local tool = require("bpf.tool")

local parser = tool.parser("tcplife", "Show each TCP connection when it ends.",
  "process time family")
parser:option("-L --local-port --localport", "Only on these local ports, as 80,443.")
  :argname("<port>"):convert(tool.ports)
parser:option("-D --remote-port --remoteport", "Only to these remote ports."):argname("<port>")
  :convert(tool.ports)
parser:flag("-w --wide", "Room for addresses of IPv6 in the columns.")
parser:flag("-s --csv", "Comma-separated values.")
local options = parser:parse()
local address = options.wide and "%-39s" or "%-15s"

local program = [[
struct who_t {
    u32 pid, is_wanted;
    char comm[TASK_COMM_LEN];
};
struct event_t {
    u64 time_ns, duration_ns, received_bytes, sent_bytes;
    struct who_t who;
    u16 family, local_port, remote_port;
    u8 local[16], remote[16];
};

BPF_HASH(births, const void *, u64, 65536);
BPF_HASH(owners, const void *, struct who_t, 65536);
BPF_PERF_OUTPUT(events);

static inline void set_current(struct who_t *who)
{
    who->pid = bpf_get_current_pid_tgid() >> 32;
    who->is_wanted = wanted();
    bpf_get_current_comm(&who->comm, sizeof(who->comm));
}

TRACEPOINT_PROBE(sock, inet_sock_set_state)
{
    const void *sk = args->skaddr;
    int state = args->newstate;
    if (args->protocol != 6 /* IPPROTO_TCP */)
        return 0;

    if (state < 4) { // ESTABLISHED 1, SYN_SENT 2, SYN_RECV 3: up to here it begins
        u64 now = bpf_ktime_get_ns();
        births.update(&sk, &now);
    }
    // In SYN_SENT, FIN_WAIT1 and LAST_ACK the process acts, elsewhere mostly the network.
    if (state == 2 || state == 4 || state == 9) {
        struct who_t who = {};
        set_current(&who);
        owners.update(&sk, &who);
    }
    if (state != 7 /* TCP_CLOSE */)
        return 0;

    u64 *birth = births.lookup(&sk);
    struct who_t *who = owners.lookup(&sk);
    struct tcp_sock *tcp = (struct tcp_sock *)sk;
    struct event_t event = {.time_ns = bpf_ktime_get_ns()};
    if (!birth)
        return 0;
    event.duration_ns = event.time_ns - *birth;
    births.delete(&sk);
    if (who) {
        event.who = *who;
        owners.delete(&sk);
    } else {
        set_current(&event.who);
    }
    event.family = args->family;
    event.local_port = args->sport;
    event.remote_port = args->dport;
    if (!event.who.is_wanted || !FAMILY(event.family) || !LOCAL_PORTS(event.local_port) ||
        !REMOTE_PORTS(event.remote_port))
        return 0;
    event.received_bytes = tcp->bytes_received;
    if (((struct sock_common *)sk)->skc_flags & 1 << SOCK_DONE)
        event.received_bytes--; // the FIN, which counts as a byte
    event.sent_bytes = tcp->bytes_sent - tcp->bytes_retrans;
    if (args->family == 2 /* AF_INET */) {
        __builtin_memcpy(event.local, args->saddr, 4);
        __builtin_memcpy(event.remote, args->daddr, 4);
    } else {
        __builtin_memcpy(event.local, args->saddr_v6, 16);
        __builtin_memcpy(event.remote, args->daddr_v6, 16);
    }
    events.perf_submit(args, &event, sizeof(event));
    return 0;
}
]]

local b <close> = tool.load(options, program, {
  ["FAMILY(family)"] = tool.family(options),
  ["LOCAL_PORTS(port)"] = tool.any_of("port", options.local_port),
  ["REMOTE_PORTS(port)"] = tool.any_of("port", options.remote_port),
})

local function record_of(event)
  local record = event:totable()
  record.pid, record.comm = event.who.pid, event.who.comm
  return tool.add_ends(record, event)
end

tool.show(b.events, options, {
  "time_ns",
  { "PID", "%-7d", "pid" },
  { "COMM", "%-16s", "comm" },
  { "IP", "%-2d", "ip" },
  { "LADDR", address, "local" },
  { "LPORT", "%-5d", "local_port" },
  { "RADDR", address, "remote" },
  { "RPORT", "%-5d", "remote_port" },
  { "TX(KB)", "%8.1f", "sent_bytes", 1 / 1024 },
  { "RX(KB)", "%8.1f", "received_bytes", 1 / 1024 },
  { "TIME(ms)", "%.2f", "duration_ns", 1e-6 },
}, record_of)
tool.poll(b, options)
