-- syscount: count system calls, by call or by process, with the time that they take

local bpf = require("bpf")
local names = require("bpf.syscalls")
local tool = require("bpf.tool")

local function syscall_number(name)
  for number, known in pairs(names) do
    if known == name then return number end
  end
  return math.tointeger(name), "no system call " .. name
end

local parser = tool.parser("syscount", "Count system calls, by call or by process.", "pid interval")
parser:option("-s --syscall", "Only this call, as openat."):convert(syscall_number)
parser:flag("-x --failures", "Only calls that failed.")
parser:option("-e --errno", "Only calls that failed with this error number.")
  :convert(math.tointeger)
parser:flag("-L --latency", "Show the time in the calls, and sort by it.")
parser:flag("-P --process", "Count by process instead of by call.")
parser:option("-n --top", "Show only so many."):convert(math.tointeger):default("10")
local options = parser:parse()

local program = [[
struct total_t {
    u64 count, time_ns;
};

BPF_TABLE("lru_hash", u32, u64, starts, 65536); // by thread
BPF_HASH(totals, u32, struct total_t, 16384);

#ifdef LATENCY
TRACEPOINT_PROBE(raw_syscalls, sys_enter)
{
    u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
    u32 tid = id;
#ifdef PID
    if (id >> 32 != PID)
        return 0;
#endif
    starts.update(&tid, &now);
    return 0;
}
#endif

TRACEPOINT_PROBE(raw_syscalls, sys_exit)
{
    u64 id = bpf_get_current_pid_tgid(), time_ns = 0;
    u32 key = args->id;
#ifdef PID
    if (id >> 32 != PID)
        return 0;
#endif
#ifdef SYSCALL
    if (args->id != SYSCALL)
        return 0;
#endif
#ifdef FAILURES
    if (args->ret >= 0)
        return 0;
#endif
#ifdef ERRNO
    if (args->ret != -ERRNO)
        return 0;
#endif
#ifdef LATENCY
    u32 tid = id;
    u64 *start = starts.lookup(&tid);
    if (!start)
        return 0;
    time_ns = bpf_ktime_get_ns() - *start;
#endif
#ifdef PROCESS
    key = id >> 32;
#endif
    struct total_t zero = {}, *total = totals.lookup_or_try_init(&key, &zero);
    if (total) {
        __sync_fetch_and_add(&total->count, 1);
        __sync_fetch_and_add(&total->time_ns, time_ns);
    }
    return 0;
}
]]

local b <close> = bpf.BPF{
  text = program,
  cflags = tool.define{
    PID = options.pid, SYSCALL = options.syscall, FAILURES = options.failures,
    ERRNO = options.errno, LATENCY = options.latency, PROCESS = options.process,
  },
}

-- The name of a process, while it is there.
local function command(pid)
  local file <close> = io.open(("/proc/%d/comm"):format(pid))
  return file and file:read("l") or "[ended]"
end

local columns = { { "COUNT", "%9d", "count" } }
if options.latency then columns[2] = { "TIME(us)", "%12.3f", "time_ns", 1e-3 } end
table.insert(columns, 1, { options.process and "COMM" or "SYSCALL", "%-22s", "name" })
table.insert(columns, 1, options.process and { "PID", "%-7d", "pid" } or "syscall")

if not options.json then print("Counting system calls. Ctrl-C ends.") end
tool.report(options, function()
  local order = options.latency and "time_ns" or "count"
  local items = b.totals:items_lookup_and_delete_batch()
  table.sort(items, function(x, y) return x[2][order] > y[2][order] end)
  local show = tool.printer(options, columns)
  for i = 1, math.min(#items, options.top) do
    local key, total = items[i][1], items[i][2]
    show(options.process
      and { pid = key, name = command(key), count = total.count, time_ns = total.time_ns }
      or { syscall = key, name = names[key] or ("[%d]"):format(key), count = total.count,
        time_ns = total.time_ns })
  end
  if not options.json then tool.write("\n") end
end)
