-- tcpaccept: show each TCP connection that a process accepts
--
-- accept() returns a file descriptor: the socket is found behind it, among the process's files.
-- Connections that are accepted through io_uring make no such call.

local tool = require("bpf.tool")

local parser = tool.parser("tcpaccept", "Show each TCP connection that a process accepts.",
  "process time family")
parser:option("-P --port", "Only on these local ports, as 80,443."):convert(tool.ports)
local options = parser:parse()

local program = [[
struct event_t {
    u64 time_ns;
    u32 pid;
    u16 family, remote_port, local_port;
    char comm[TASK_COMM_LEN];
    u8 remote[16], local[16];
};

BPF_PERF_OUTPUT(events);

static inline int leave(void *ctx, long fd)
{
    struct event_t event = {.time_ns = bpf_ktime_get_ns()};
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    event.pid = bpf_get_current_pid_tgid() >> 32;
    if (fd < 0)
        return 0;
    if (!wanted())
        return 0;
    struct file *file = task->files->fdt->fd[fd];
    struct socket *socket = file->private_data;
    struct sock *sk = socket->sk;
    event.family = sk->__sk_common.skc_family;
    if (sk->sk_protocol != 6 /* IPPROTO_TCP */)
        return 0;
    event.local_port = sk->__sk_common.skc_num;
    event.remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
    if (!FAMILY(event.family) || !PORTS(event.local_port))
        return 0;
    if (event.family == 2 /* AF_INET */) {
        *(u32 *)event.remote = sk->__sk_common.skc_daddr;
        *(u32 *)event.local = sk->__sk_common.skc_rcv_saddr;
    } else if (event.family == 10 /* AF_INET6 */) {
        bpf_probe_read_kernel(event.remote, 16, &sk->__sk_common.skc_v6_daddr);
        bpf_probe_read_kernel(event.local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
    } else {
        return 0;
    }
    bpf_get_current_comm(&event.comm, sizeof(event.comm));
    events.perf_submit(ctx, &event, sizeof(event));
    return 0;
}

TRACEPOINT_PROBE(syscalls, sys_exit_accept)
{
    return leave(args, args->ret);
}

TRACEPOINT_PROBE(syscalls, sys_exit_accept4)
{
    return leave(args, args->ret);
}
]]

local b <close> = tool.load(options, program, {
  ["FAMILY(family)"] = tool.family(options), ["PORTS(port)"] = tool.any_of("port", options.port),
})

local function record_of(event)
  return tool.add_ends(event:totable(), event)
end

tool.show(b.events, options, {
  "time_ns",
  { "PID", "%-7d", "pid" },
  { "COMM", "%-16s", "comm" },
  { "IP", "%-2d", "ip" },
  { "RADDR", "%-15s", "remote" },
  { "RPORT", "%-5d", "remote_port" },
  { "LADDR", "%-15s", "local" },
  { "LPORT", "%-5d", "local_port" },
}, record_of)
tool.poll(b, options)
