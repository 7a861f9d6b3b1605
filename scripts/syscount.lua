-- syscount: count system calls, by call or by process, with the time that they take

local names = require("bpf.syscalls")
local tool = require("bpf.tool")

local function syscall_number(name)
  for number, known in pairs(names) do
    if known == name then return number end
  end
  return math.tointeger(name), "no system call " .. name
end

-- Those that calls give most; any other by its number.
local errors = {
  EPERM = 1, ENOENT = 2, EINTR = 4, EIO = 5, EBADF = 9, ECHILD = 10, EAGAIN = 11, ENOMEM = 12,
  EACCES = 13, EFAULT = 14, EBUSY = 16, EEXIST = 17, ENODEV = 19, ENOTDIR = 20, EISDIR = 21,
  EINVAL = 22, ENFILE = 23, EMFILE = 24, ENOTTY = 25, EFBIG = 27, ENOSPC = 28, ESPIPE = 29,
  EROFS = 30, EPIPE = 32, ENOSYS = 38, ENODATA = 61, EOPNOTSUPP = 95, EADDRINUSE = 98,
  ENOTCONN = 107, ETIMEDOUT = 110, ECONNREFUSED = 111, EINPROGRESS = 115,
}

local function error_number(text)
  return errors[text] or math.tointeger(text), "no error " .. text
end

-- Prints the names of all calls, and ends.
local function list_calls()
  local numbers = {}
  for number in pairs(names) do numbers[#numbers + 1] = number end
  table.sort(numbers)
  for _, number in ipairs(numbers) do tool.write(("%3d %s\n"):format(number, names[number])) end
  os.exit(0, true)
end

local parser = tool.parser("syscount", "Count system calls, by call or by process.",
  "process_long_command interval")
parser:option("-t --tid", "Only this thread."):convert(tool.whole)
parser:option("-c --ppid", "Only children of this process."):convert(tool.whole)
parser:option("-i --interval", "The same as the argument interval."):target("every")
  :convert(tool.number)
parser:option("-s --syscall", "Only this call, as openat."):convert(syscall_number)
parser:flag("-l --list", "Show the names of all calls, and end."):action(list_calls)
parser:flag("-x --failures", "Only calls that failed.")
parser:option("-e --errno", "Only calls that failed with this error, a number or as ENOENT.")
  :convert(error_number)
parser:flag("-L --latency", "Show the time in the calls, and sort by it.")
parser:flag("-m --milliseconds", "With -L, milliseconds instead of microseconds.")
parser:flag("-P --process", "Count by process instead of by call.")
parser:option("-T --top", "Show only so many."):convert(tool.whole):default("10")
local options = parser:parse()
options.interval = options.interval or options.every

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
    if (!wanted())
        return 0;
    starts.update(&tid, &now);
    return 0;
}
#endif

TRACEPOINT_PROBE(raw_syscalls, sys_exit)
{
    u64 id = bpf_get_current_pid_tgid(), time_ns = 0;
    u32 key = args->id;
    if (!wanted())
        return 0;
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

local b <close> = tool.load(options, program, {
  SYSCALL = options.syscall, FAILURES = options.failures, ERRNO = options.errno,
  LATENCY = options.latency, PROCESS = options.process,
})

-- The name of a process, while it is there.
local function command(pid)
  local file <close> = io.open(("/proc/%d/comm"):format(pid))
  return file and file:read("l") or "[ended]"
end

local columns = { { "COUNT", "%9d", "count" } }
if options.latency then
  columns[2] = options.milliseconds and { "TIME(ms)", "%12.6f", "time_ns", 1e-6 }
    or { "TIME(us)", "%12.3f", "time_ns", 1e-3 }
end
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
