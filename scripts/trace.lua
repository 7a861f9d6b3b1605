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

local parser = tool.parser("trace", "Show a line for each call of functions, tracepoints and "
  .. "static probes, with values of C expressions: 'c:open (arg2 == 42) \"%s\", arg1'.",
  "pid name time")
parser:argument("probe", "[p|r|t|u]:[LIBRARY]:FUNCTION[(SIGNATURE)] [(CONDITION)] [\"FORMAT\", "
  .. "EXPRESSION…]; expressions may use arg1 to arg6, retval, args->FIELD, $pid, $uid, $cpu, "
  .. "$task, and STRCMP(\"text\", EXPRESSION)."):args("+")
parser:option("-L --tid", "Only this thread."):convert(math.tointeger)
parser:option("--uid", "Only this user, by number."):convert(math.tointeger)
parser:option("-f --msg-filter", "Only lines whose message has this text.")
parser:option("-M --max-events", "End after so many lines."):convert(math.tointeger)
parser:option("-Z --string-size", "Read at most so many bytes of a string.")
  :convert(math.tointeger):default("80")
parser:flag("-C --print-cpu", "Show the CPU, too.")
parser:flag("-K --kernel-stack", "Show the kernel's stack, too.")
parser:flag("-U --user-stack", "Show the program's stack, too.")
parser:option("-I --include", "Another header that the program includes."):count("*")
parser:flag("-v --verbose", "Show the C program first.")
local options = parser:parse()

local function fail(text, why)
  io.stderr:write(text, ": ", why, "\n")
  os.exit(1, true)
end

-- Splits at the commas that stand in no parentheses and in no text.
local function split(text)
  local parts, depth, start, quote = {}, 0, 1, nil
  for i = 1, #text do
    local letter = text:sub(i, i)
    if quote then
      if letter == quote and text:sub(i - 1, i - 1) ~= "\\" then quote = nil end
    elseif letter == '"' or letter == "'" then quote = letter
    elseif letter:find("[%[({]") then depth = depth + 1
    elseif letter:find("[%])}]") then depth = depth - 1
    elseif letter == "," and depth == 0 then
      parts[#parts + 1] = text:sub(start, i - 1)
      start = i + 1
    end
  end
  parts[#parts + 1] = text:sub(start)
  return parts
end

-- The C that stands for what an expression names; a text is compared byte by byte.
local function expand(expression)
  return (expression:gsub('STRCMP%(%s*"([^"]*)"%s*,', function(text)
    return ('same_text("%s", %d, '):format(text, #text + 1)
  end):gsub("%$(%a+)", {
    pid = "((u32)(bpf_get_current_pid_tgid() >> 32))", tid = "((u32)bpf_get_current_pid_tgid())",
    tgid = "((u32)(bpf_get_current_pid_tgid() >> 32))", cpu = "bpf_get_smp_processor_id()",
    uid = "((u32)bpf_get_current_uid_gid())", gid = "((u32)(bpf_get_current_uid_gid() >> 32))",
    task = "((struct task_struct *)bpf_get_current_task())",
  }):gsub("@user%f[%A]", ""))
end

-- C types of the conversions of a format, and what Lua's string.format wants in their place.
local function conversions(text, format)
  local types = {}
  local shown = format:gsub("%%([-+ #0]*%d*%.?%d*)([hlzj]*)(.)", function(width, length, letter)
    if letter == "%" then return "%%" end
    local is_long = length:find("[lzj]")
    if letter:find("[di]") then
      types[#types + 1] = is_long and "s64" or "s32"
    elseif letter:find("[uxXop]") then
      types[#types + 1] = (is_long or letter == "p") and "u64" or "u32"
      if letter == "p" then return "0x%" .. width .. "x" end
      if letter == "u" then return "%" .. (is_long and width .. "s" or width .. "d") end
    elseif letter == "c" then
      types[#types + 1] = "u8"
    elseif letter:find("[sKU]") then
      types[#types + 1] = letter
      return "%" .. width .. "s"
    else
      fail(text, "%" .. letter .. " is no conversion; there are %d %u %x %c %p %s %K %U")
    end
    return "%" .. width .. letter
  end)
  return types, shown, format:find("%%[-+ #0%d]*[lzj]+u") ~= nil
end

-- Takes a probe's text apart.
local function parse(text)
  local place, rest = text:match("^%s*([^%s(\"]+)(.*)$")
  local probe = { text = text, kind = "p", signature = "", condition = "1", values = {} }
  if not place then fail(text, "a probe begins with a function's name") end
  local kind, name = place:match("^([prtu]?):(.*)$")
  if kind and kind ~= "" then probe.kind = kind end
  name = name or place
  if probe.kind == "t" then
    probe.name = name
  else
    probe.library, probe.name = name:match("^(.*):([^:]+)$")
    probe.name = probe.name or name
    if probe.kind == "u" then probe.library, probe.name = name:match("^([^:]*):(.+)$") end
  end
  if not probe.name or (probe.kind == "t" and not probe.name:find("^[^:]+:[^:]+$")) then
    fail(text, "write t:CATEGORY:EVENT or u:PATH:PROBE")
  end
  if probe.library == "" then probe.library = nil end
  if rest:sub(1, 1) == "(" then
    local signature
    signature, rest = rest:match("^(%b())(.*)$")
    if not signature then fail(text, "the signature's parentheses do not match") end
    probe.signature = ", " .. signature:sub(2, -2)
  end
  local condition, after = rest:match("^%s*(%b())(.*)$")
  if condition then probe.condition, rest = expand(condition), after end
  local format, values = rest:match('^%s*"(.-)"%s*,?(.*)$')
  if not format and rest:find("%S") then
    fail(text, "after the place come (CONDITION) and \"FORMAT\", EXPRESSION…")
  end
  probe.types, probe.format = {}, ""
  if format then
    probe.types, probe.format = conversions(text, format)
    if values:find("%S") then
      for i, value in ipairs(split(values)) do probe.values[i] = expand(value) end
    end
  end
  if #probe.values ~= #probe.types then
    fail(text, ("the format has %d conversions, but there are %d expressions"):format(
      #probe.types, #probe.values))
  end
  return probe
end

local common = [[
BPF_STACK_TRACE(stacks, 1024);

static __always_inline bool same_text(const char *text, u32 size, const void *other)
{
    char copy[TEXT] = {};
    bpf_probe_read_str(copy, sizeof(copy), other);
    for (u32 i = 0; i < size && i < TEXT; i++)
        if (copy[i] != text[i])
            return false;
    return true;
}
]]

local template = [[
struct event_INDEX {
    u64 time_ns;
    u32 pid, tid, cpu;
    s32 user, kernel;
    char comm[TASK_COMM_LEN];
FIELDS};
BPF_PERF_OUTPUT(events_INDEX);
BPF_PERCPU_ARRAY(space_INDEX, struct event_INDEX, 1);
int probe_INDEX(CONTEXT *ctxSIGNATURE)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 zero = 0;
    struct event_INDEX *event = space_INDEX.lookup(&zero);
PROLOGUE    if (!event || !(FILTER) || !(CONDITION))
        return 0;
    event->time_ns = bpf_ktime_get_ns();
    event->pid = id >> 32;
    event->tid = id;
    event->cpu = bpf_get_smp_processor_id();
    event->user = event->kernel = -1;
STACKS    bpf_get_current_comm(event->comm, sizeof(event->comm));
VALUES    events_INDEX.perf_submit(ctx, event, sizeof(*event));
    return 0;
}
]]

-- arg1 to arg6 as far as they are used: static probes read them, functions have them in registers.
local function prologue(probe, syscall)
  local lines, used = {}, table.concat(probe.values, " ") .. " " .. probe.condition .. " "
  if probe.kind == "t" then return "    typeof(ctx) args = ctx;\n" end
  if probe.kind == "r" then return "    u64 retval = PT_REGS_RC(ctx);\n" end
  local readers = {
    usdt = "    u64 argN = 0;\n    bpf_usdt_readarg(N, ctx, &argN);\n",
    syscall = "    u64 argN = PT_REGS_PARMN((struct pt_regs *)PT_REGS_PARM1(ctx));\n",
    call = "    u64 argN = PT_REGS_PARMN(ctx);\n",
  }
  local reader = readers[probe.kind == "u" and "usdt" or syscall and "syscall" or "call"]
  for i = 1, 6 do
    if used:find("%f[%w_]arg" .. i .. "%f[^%w_]") then
      local parameter = syscall and i == 4 and "PARM4_SYSCALL" or "PARM" .. i
      lines[#lines + 1] = reader:gsub("PARMN", parameter):gsub("argN", "arg" .. i)
        :gsub("%(N,", "(" .. i .. ",")
    end
  end
  return table.concat(lines)
end

local function generate(probe, index)
  local fields, values = {}, {}
  for i, kind in ipairs(probe.types) do
    if kind == "s" then
      fields[i] = ("    char value_%d[TEXT];\n"):format(i)
      values[i] = ("    if (bpf_probe_read_str(event->value_%d, TEXT, (const void *)(%s)) < 0)\n"
        .. "        event->value_%d[0] = 0;\n"):format(i, probe.values[i], i)
    else
      local type = (kind == "K" or kind == "U") and "u64" or kind
      fields[i] = ("    %s value_%d;\n"):format(type, i)
      values[i] = ("    event->value_%d = (%s)(%s);\n"):format(i, type, probe.values[i])
    end
  end
  local filter = { "true" }
  if options.pid then filter[#filter + 1] = "id >> 32 == " .. options.pid end
  if options.tid then filter[#filter + 1] = "(u32)id == " .. options.tid end
  if options.uid then filter[#filter + 1] = "(u32)bpf_get_current_uid_gid() == " .. options.uid end
  local is_syscall = not probe.library and probe.kind == "p"
    and probe.name:sub(1, #bpf.BPF.get_syscall_prefix()) == bpf.BPF.get_syscall_prefix()
  local stack = "    event->%s = stacks.get_stackid(ctx, %sBPF_F_REUSE_STACKID);\n"
  local stacks = (options.user_stack and stack:format("user", "BPF_F_USER_STACK | ") or "")
    .. (options.kernel_stack and stack:format("kernel", "") or "")
  local parts = {
    INDEX = index, FIELDS = table.concat(fields), VALUES = table.concat(values), STACKS = stacks,
    SIGNATURE = probe.signature, CONDITION = probe.condition,
    FILTER = table.concat(filter, " && "), PROLOGUE = prologue(probe, is_syscall),
    CONTEXT = probe.kind == "t" and "struct tracepoint__" .. probe.name:gsub(":", "__")
      or "struct pt_regs",
  }
  local name = is_syscall and probe.signature ~= "" and "syscall__probe_" or "probe_"
  probe.fn_name = name .. index
  return (template:gsub("int probe_INDEX", "int " .. name .. "INDEX"):gsub("%u%u%u+", parts))
end

local probes, text, contexts = {}, { common }, {}
for i, header in ipairs(options.include) do
  table.insert(text, i, ('#include "%s"\n'):format(header))
end
for i, given in ipairs(options.probe) do
  probes[i] = parse(given)
  text[#text + 1] = generate(probes[i], i)
  if probes[i].kind == "u" then
    local context = bpf.USDT{ pid = options.pid, path = probes[i].library }
    context:enable_probe_or_bail(probes[i].name, probes[i].fn_name)
    contexts[#contexts + 1] = context
  end
end
text = table.concat(text)
if options.verbose then io.stderr:write(text) end

local function attempt(what, fn, ...)
  local good, result = pcall(fn, ...)
  if good then return result end
  if type(result) == "string" then error(result, 0) end
  fail(what, result.message .. (result.hint and "\n" .. result.hint or ""))
end

local b <close> = attempt("trace", bpf.BPF, {
  text = text, usdt_contexts = contexts, cflags = { "-DTEXT=" .. options.string_size },
})

for _, probe in ipairs(probes) do
  local is_return, place = probe.kind == "r", { fn_name = probe.fn_name }
  if probe.kind == "t" then
    place.tp = probe.name
    attempt(probe.text, b.attach_tracepoint, b, place)
  elseif probe.kind ~= "u" then
    local name, offset = probe.name:match("^(.-)%+(%w+)$")
    offset = offset and math.tointeger(tonumber(offset))
    if probe.library then
      place.name, place.pid = probe.library, options.pid
      place.sym, place.sym_off = name or probe.name, offset
      attempt(probe.text, is_return and b.attach_uretprobe or b.attach_uprobe, b, place)
    else
      place.event, place.event_off = name or probe.name, offset
      attempt(probe.text, is_return and b.attach_kretprobe or b.attach_kprobe, b, place)
    end
  end
end

local columns = {
  "time_ns",
  { "PID", "%-7d", "pid" }, { "TID", "%-7d", "tid" }, { "COMM", "%-15s", "comm" },
  { "FUNC", "%-16s", "func" }, { "MESSAGE", "%s", "message" },
}
if options.print_cpu or options.json then table.insert(columns, 2, { "CPU", "%-3d", "cpu" }) end
local show = tool.printer(options, columns)

local function message_of(probe, event)
  local values = {}
  for i, kind in ipairs(probe.types) do
    local value = event["value_" .. i]
    if kind == "K" then value = bpf.BPF.ksym(value, { show_offset = true }) end
    if kind == "U" then value = bpf.BPF.sym(value, event.pid, { show_offset = true }) end
    values[i] = value
  end
  return probe.format:format(table.unpack(values))
end

local function show_stack(id, pid)
  for _, name in ipairs(id >= 0 and b.stacks:get_symbols(id, pid, { show_offset = true }) or {}) do
    tool.write("        ", name, "\n")
  end
end

local shown = 0
for i, probe in ipairs(probes) do
  b["events_" .. i]:open_perf_buffer(function(_, event)
    local message = message_of(probe, event)
    if options.name and not event.comm:find(options.name, 1, true) then return end
    if options.msg_filter and not message:find(options.msg_filter, 1, true) then return end
    show{
      time_ns = event.time_ns, pid = event.pid, tid = event.tid, cpu = event.cpu,
      comm = event.comm, func = probe.name:match("[^:]+$"), message = message,
    }
    if not options.json then
      show_stack(event.kernel, -1)
      show_stack(event.user, event.pid)
    end
    shown = shown + 1
    if shown == options.max_events then os.exit(0, true) end
  end, { page_cnt = 64 })
end
tool.poll(b, options)
