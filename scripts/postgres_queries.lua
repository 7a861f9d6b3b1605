-- postgres_queries: show each query that PostgreSQL runs, and how long it took; an example for USDT
--
-- PostgreSQL has static probes (USDT) that its authors put there for tracers: query__start tells a
-- query's text when it comes in, query__done tells it again when it is answered. A backend is one
-- process that does one query at a time, so that its id brings the two together.
--
--     query__start ──► started[process] ──► query__done ──► events ──► one line

local bpf = require("bpf")
local tool = require("bpf.tool")

local parser = tool.parser("postgres_queries",
  "Show each query that PostgreSQL runs, and how long it took.", "process time")
parser:option("--program", "The server's program."):argname("PATH")
parser:option("-m --min-ms", "Leave out queries that took less than so many milliseconds.")
  :convert(tool.number):default("0")
local options = parser:parse()

local program = [[
struct event {
    u64 time_ns, duration_ns;
    u32 pid;
    char query[1024];
};

BPF_HASH(started, u32, u64);
BPF_PERCPU_ARRAY(space, struct event, 1);
BPF_PERF_OUTPUT(events);

int on_start(struct pt_regs *ctx)
{
    u32 pid = bpf_get_current_pid_tgid() >> 32;
    if (!wanted())
        return 0;
    u64 now = bpf_ktime_get_ns();
    started.update(&pid, &now);
    return 0;
}

int on_done(struct pt_regs *ctx)
{
    u32 pid = bpf_get_current_pid_tgid() >> 32, zero = 0;
    u64 *start = started.lookup(&pid), query = 0;
    struct event *event = space.lookup(&zero);
    if (!start || !event)
        return 0;
    event->time_ns = bpf_ktime_get_ns();
    event->duration_ns = event->time_ns - *start;
    event->pid = pid;
    started.delete(&pid);
    if (event->duration_ns < MIN_NS)
        return 0;
    bpf_usdt_readarg(1, ctx, &query);
    if (bpf_probe_read_user_str(event->query, sizeof(event->query), (void *)query) < 0)
        event->query[0] = 0;
    events.perf_submit(ctx, event, sizeof(*event));
    return 0;
}
]]

-- Debian has a folder for each version; the last one is the newest.
local function find_server()
  local list <close> = io.popen("ls -v /usr/lib/postgresql/*/bin/postgres 2> /dev/null")
  local newest
  for path in list:lines() do newest = path end
  return newest or bpf.BPF.find_exe("postgres")
end

local server = options.program or find_server()
if not server and not options.pid then
  parser:error("PostgreSQL was not found; name its program with --program")
end

local probes = bpf.USDT{ pid = options.pid, path = server }
probes:enable_probe_or_bail("query__start", "on_start")
probes:enable_probe_or_bail("query__done", "on_done")

local b <close> = tool.load(options, program, {
  MIN_NS = ("%dULL"):format(options.min_ms * 1000000 // 1),
}, { usdt_contexts = { probes } })
local show = tool.printer(options, {
  "time_ns",
  { "PID", "%-7d", "pid" },
  { "MS", "%10.3f", "duration_ns", 1e-6 },
  { "QUERY", "%s", "query" },
})
b.events:open_perf_buffer(function(_, event) show(event) end)
tool.poll(b, options)
