-- tcpconnect: show each TCP connection that a process opens, or count them
--
-- A socket's state turns to SYN_SENT while its process is in connect(): so the process is known,
-- and calls that fail later are shown, too.

local tool = require("bpf.tool")

local parser = tool.parser("tcpconnect", "Show each TCP connection that a process opens.",
  "process_long_command time family")
parser:flag("-U --print-uid", "Show the user id.")
parser:option("-u --uid", "Only this user, by number or name."):convert(tool.user)
parser:option("-P --port", "Only to these ports, as 80,443."):convert(tool.ports)
parser:flag("-L --lport", "Show the local port; lines come when the other side has answered.")
parser:flag("-c --count", "Count the connections of each process and target; show them at the end.")
local options = parser:parse()

local program = [[
struct target_t {
    u32 pid, uid;
    u16 family, port, local_port, zero;
    char comm[TASK_COMM_LEN];
    u8 source[16], target[16];
};
struct event_t {
    u64 time_ns;
    struct target_t to;
};

BPF_PERF_OUTPUT(events);
BPF_HASH(counts, struct target_t, u64, 65536);

#ifdef LPORT
// The local port is chosen after the state changes; it is known when the answer comes.
BPF_TABLE("lru_hash", const void *, struct event_t, asked, 8192);
#endif

TRACEPOINT_PROBE(sock, inet_sock_set_state)
{
#ifdef LPORT
    const void *socket = args->skaddr;
    if (args->oldstate == 2 /* TCP_SYN_SENT */) {
        struct event_t *connection = asked.lookup(&socket);
        if (connection) {
            connection->to.local_port = args->sport;
            events.perf_submit(args, connection, sizeof(*connection));
            asked.delete(&socket);
        }
        return 0;
    }
#endif
    if (args->newstate != 2 /* TCP_SYN_SENT */ || args->protocol != 6 /* IPPROTO_TCP */)
        return 0;
    struct event_t event = {.time_ns = bpf_ktime_get_ns()};
    struct target_t *to = &event.to;
    to->pid = bpf_get_current_pid_tgid() >> 32;
    to->uid = bpf_get_current_uid_gid();
    to->family = args->family;
    to->port = args->dport;
    if (!wanted() || !FAMILY(to->family) || !PORTS(to->port))
        return 0;
    bpf_get_current_comm(&to->comm, sizeof(to->comm));
    if (to->family == 2 /* AF_INET */) {
        __builtin_memcpy(to->source, args->saddr, 4);
        __builtin_memcpy(to->target, args->daddr, 4);
    } else {
        __builtin_memcpy(to->source, args->saddr_v6, 16);
        __builtin_memcpy(to->target, args->daddr_v6, 16);
    }
#if defined(COUNT)
    counts.atomic_increment(*to);
#elif defined(LPORT)
    asked.update(&socket, &event);
#else
    events.perf_submit(args, &event, sizeof(event));
#endif
    return 0;
}
]]

local b <close> = tool.load(options, program, {
  ["FAMILY(family)"] = tool.family(options), ["PORTS(port)"] = tool.any_of("port", options.port),
  COUNT = options.count, LPORT = options.lport and not options.count,
})

local columns = {
  "time_ns",
  { "PID", "%-7d", "pid" },
  { "COMM", "%-16s", "comm" },
  { "IP", "%-2d", "ip" },
  { "SADDR", "%-15s", "source" },
  options.lport and { "LPORT", "%-5d", "local_port" } or "local_port",
  { "DADDR", "%-15s", "target" },
  { "DPORT", "%-5d", "port" },
}
if options.print_uid or options.json then table.insert(columns, 2, { "UID", "%-5d", "uid" }) end
if options.count then columns[#columns + 1] = { "COUNT", "%d", "count" } end
local function record(to, more)
  more.pid, more.uid, more.comm, more.port = to.pid, to.uid, to.comm, to.port
  more.local_port = options.lport and to.local_port or nil
  more.ip = to.family == 2 and 4 or 6
  more.source = tool.address(to.family, to:bytes("source"))
  more.target = tool.address(to.family, to:bytes("target"))
  return more
end

local function event_record(event)
  return record(event.to, { time_ns = event.time_ns })
end

local show = tool.show(b.events, options, columns, event_record)
tool.poll(b, options)

for to, count in b.counts:items() do show(record(to, { count = count })) end
