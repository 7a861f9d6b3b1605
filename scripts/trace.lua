-- trace: show a line for each call of a function, tracepoint or static probe, with what you ask for
--
-- A probe is a place, an optional condition, and an optional format with C expressions:
--
--     trace 'do_sys_openat2 "%s", arg2'            a function of the kernel, its second argument
--     trace 'r::vfs_read (retval > 20000)'         where it returns, and only if
--     trace 'c:open (arg2 == 42) "%s", arg1'       a function of a library
--     trace 't:sched:sched_process_exec "%d", args->pid'
--     trace 'u:PATH:probe "%d", arg1'              a static probe
--     trace 'p::vfs_read(struct file *f) "%d", f->f_flags'

local bpf = require("bpf")
local tool = require("bpf.tool")
local trace_probe = require("bpf.trace_probe")

local parser = tool.parser("trace", "Show a line for each call of functions, tracepoints and "
  .. "static probes, with values of C expressions: 'c:open (arg2 == 42) \"%s\", arg1'.",
  "process_long_command time")
parser:argument("probe", "[p|r|t|u]:[LIBRARY]:FUNCTION[(SIGNATURE)] [(CONDITION)] [\"FORMAT\", "
  .. "EXPRESSION…]; expressions may use arg1 to arg6, retval, args->FIELD, $pid, $uid, $cpu, "
  .. "$task, and STRCMP(\"text\", EXPRESSION)."):args("+")
parser:option("-c --cgroup-path", "The same as --cgroup."):target("cgroup"):argname("<path>")
parser:option("-L --tid", "Only this thread."):convert(tool.whole)
parser:option("--uid", "Only this user, by number or name."):convert(tool.user)
parser:option("-f --msg-filter", "Only lines whose message has this text."):argname("<text>")
parser:flag("-S --include-self", "Also what this tool itself does.")
parser:option("-M --max-events", "End after so many lines."):convert(tool.whole)
parser:flag("-A --aggregate", "Show equal lines once, at the end, with their number.")
parser:option("-Z --string-size", "Read at most so many bytes of a string.")
  :convert(tool.range(1, 4096)):default("80")
parser:flag("-B --bin-cmp", "STRCMP compares just the bytes of its text, without its end.")
parser:flag("-u --unix-timestamp", "Show the seconds since 1970.")
parser:flag("-C --print-cpu", "Show the CPU, too.")
parser:flag("-K --kernel-stack", "Show the kernel's stack, too.")
parser:flag("-U --user-stack", "Show the program's stack, too.")
parser:flag("-a --address", "Show addresses in stacks.")
parser:option("-s --sym-file-list", "Name functions of the program's stack out of these files, "
  .. "told apart by build id; also when the process has ended."):argname("<file,…>")
parser:option("-I --include", "Another header that the program includes."):count("*")
parser:option("-b --buffer-pages", "Pages of the buffer of events."):convert(tool.pages)
  :default("256")
parser:flag("-v --verbose", "The same as --debug."):target("debug")
local options = parser:parse()

local probes, contexts = {}, {}
for i, given in ipairs(options.probe) do probes[i] = trace_probe.parse(given, options) end
local program = trace_probe.program(probes, options.include)
for _, probe in ipairs(probes) do
  if probe.kind == "u" then
    local context = bpf.USDT{ pid = options.pid, path = probe.library }
    context:enable_probe_or_bail(probe.name, probe.fn_name)
    contexts[#contexts + 1] = context
  end
end

local b <close> = tool.load(options, program, {
  TEXT = options.string_size, PAGES = options.buffer_pages,
  BUILD_IDS = options.sym_file_list ~= nil, USER_STACK = options.user_stack,
  KERNEL_STACK = options.kernel_stack,
}, { usdt_contexts = contexts })

if not options.include_self then
  local file <close> = assert(io.open("/proc/self/stat"))
  b.own_process[0] = file:read("n")
end
for file in (options.sym_file_list or ""):gmatch("[^,]+") do bpf.BPF.add_module(file) end

local function attach(probe)
  local is_return, place = probe.kind == "r", { fn_name = probe.fn_name }
  if probe.kind == "t" then
    place.tp = probe.name
    return b:attach_tracepoint(place)
  end
  local name, offset = probe.name:match("^(.-)%+(%w+)$")
  offset = offset and math.tointeger(tonumber(offset))
  if probe.library then
    place.name, place.pid = probe.library, options.pid
    place.sym, place.sym_off = name or probe.name, offset
    return (is_return and b.attach_uretprobe or b.attach_uprobe)(b, place)
  end
  place.event, place.event_off = name or probe.name, offset
  return (is_return and b.attach_kretprobe or b.attach_kprobe)(b, place)
end

for _, probe in ipairs(probes) do
  if probe.kind ~= "u" then
    local good, problem = pcall(attach, probe)
    if not good then tool.fail(problem) end
  end
end

local columns = {
  { "PID", "%-7d", "pid" }, { "TID", "%-7d", "tid" }, { "COMM", "%-15s", "comm" },
  { "FUNC", "%-16s", "func" }, { "MESSAGE", "%s", "message" },
  "kernel", "user",
}
if options.print_cpu or options.json then table.insert(columns, 1, { "CPU", "%-3d", "cpu" }) end
if options.aggregate then
  options.time, options.timestamp, options.unix_timestamp = nil, nil, nil
  table.insert(columns, 1, { "COUNT", "%7d", "count" })
else
  table.insert(columns, 1, "time_ns")
end
local show_line = tool.printer(options, columns)

local function message_of(probe, event)
  local values, all = {}, #probe.types > 0 and event["probe_" .. event.probe]
  for i, kind in ipairs(probe.types) do
    local value = all["value_" .. i]
    if kind == "K" then value = bpf.BPF.ksym(value, { show_offset = true }) end
    if kind == "U" then value = bpf.BPF.sym(value, event.pid, { show_offset = true }) end
    values[i] = value
  end
  return probe.format:format(table.unpack(values))
end

-- The names of a stack's functions, innermost first, and with --address where they are.
local function names_of(stacks, id, pid)
  if id < 0 then return nil end
  local names = stacks:get_symbols(id, pid, { show_offset = true })
  for i, entry in ipairs(options.address and stacks:get_stack(id) or {}) do
    local address = type(entry) == "table" and entry.offset or entry
    names[i] = ("%016x %s"):format(address, names[i])
  end
  return names
end

local function show(record)
  record.kernel = names_of(b.stacks, record.kernel_id, -1)
  if options.sym_file_list then
    record.user = names_of(b.user_stacks, record.user_id, -1)
  else
    record.user = names_of(b.stacks, record.user_id, record.pid)
  end
  show_line(record)
  if options.json then return end
  for _, names in ipairs{ record.kernel or {}, record.user or {} } do
    for _, name in ipairs(names) do tool.write("        ", name, "\n") end
  end
end

local sums, by_line = {}, {} -- of --aggregate

local function add(record)
  local line = table.concat({
    record.func, record.pid, record.tid, options.print_cpu and record.cpu or "", record.comm,
    record.user_id, record.kernel_id, record.message,
  }, "\0")
  local first = by_line[line]
  if first then
    first.count = first.count + 1
  else
    record.count, by_line[line], sums[#sums + 1] = 1, record, record
  end
end

local function finish()
  if b:lost() > 0 then
    io.stderr:write(("%d lines found no room; give more --buffer-pages than %d.\n"):format(
      b:lost(), options.buffer_pages))
  end
  table.sort(sums, function(x, y) return x.count < y.count end)
  for _, record in ipairs(sums) do show(record) end
end

local shown = 0
b.events:open_ring_buffer(function(_, event)
  if shown == options.max_events then return false end
  local probe = probes[event.probe]
  local message = message_of(probe, event)
  if options.msg_filter and not message:find(options.msg_filter, 1, true) then return end
  local record = {
    time_ns = event.time_ns, pid = event.pid, tid = event.tid, cpu = event.cpu, comm = event.comm,
    func = probe.name:match("[^:]+$"), message = message,
    user_id = event.user, kernel_id = event.kernel,
  }
  if options.aggregate then add(record) else show(record) end
  shown = shown + 1
  if shown == options.max_events then
    finish()
    os.exit(0, true)
  end
end)
tool.poll(b, options, "ring")
finish()
