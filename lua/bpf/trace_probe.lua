-- Probes as people write them for the tool trace, and the C program that they stand for:
--
--     [p|r|t|u]:[LIBRARY]:FUNCTION[(SIGNATURE)] [(CONDITION)] ["FORMAT", EXPRESSION…]
--
-- All probes send their events through one ring buffer, which keeps the order of what happened: a
-- call comes before its return, whatever processors they were on.

local bpf = require "bpf"

local trace_probe = {}

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

-- The C that stands for what an expression names. A text is compared with its end, bytes without.
local function expand(expression, is_binary)
  local compare = is_binary and 'same(false, %1, sizeof(%1) - 1, ' or 'same(true, %1, sizeof(%1), '
  return (expression:gsub('STRCMP%(%s*(%b"")%s*,', compare):gsub("%$(%a+)", {
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

--- What a probe's text says; ends the tool with what is wrong in it.
---@param text string
---@param options table of the tool trace
function trace_probe.parse(text, options)
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
  if condition then probe.condition, rest = expand(condition, options.bin_cmp), after end
  local format, values = rest:match('^%s*"(.-)"%s*,?(.*)$')
  if not format and rest:find("%S") then
    fail(text, "after the place come (CONDITION) and \"FORMAT\", EXPRESSION…")
  end
  probe.types, probe.format = {}, ""
  if format then
    probe.types, probe.format = conversions(text, format)
    if values:find("%S") then
      for i, value in ipairs(split(values)) do probe.values[i] = expand(value, options.bin_cmp) end
    end
  end
  if #probe.values ~= #probe.types then
    fail(text, ("the format has %d conversions, but there are %d expressions"):format(
      #probe.types, #probe.values))
  end
  return probe
end

local common = [[
struct event {
    u64 time_ns;
    u32 probe, pid, tid, cpu;
    s32 user, kernel; // stacks, negative without one
    char comm[TASK_COMM_LEN];
VALUES};

BPF_RINGBUF_OUTPUT(events, PAGES);
BPF_STACK_TRACE(stacks, 1024);
BPF_ARRAY(own_process, u32, 1);
#ifdef BUILD_IDS
BPF_STACK_TRACE_BUILDID(user_stacks, 1024);
#else
#define user_stacks stacks
#endif

static __always_inline bool is_own_process(u64 id)
{
    u32 first = 0, *pid = own_process.lookup(&first);
    return pid && *pid == id >> 32;
}

static __always_inline bool same(bool is_text, const char *bytes, u32 size, const void *other)
{
    char copy[TEXT] = {};
    if (is_text)
        bpf_probe_read_str(copy, sizeof(copy), other);
    else
        bpf_probe_read(copy, size < TEXT ? size : TEXT, other);
    for (u32 i = 0; i < size && i < TEXT; i++)
        if (copy[i] != bytes[i])
            return false;
    return true;
}
]]

local template = [[
int FUNCTION(CONTEXT *ctxSIGNATURE)
{
    u64 id = bpf_get_current_pid_tgid();
    struct event *event;
PROLOGUE    if (is_own_process(id) || !wanted() || !(CONDITION))
        return 0;
    event = events.ringbuf_reserve(sizeof(*event));
    if (!event)
        return 0;
    event->time_ns = bpf_ktime_get_ns();
    event->probe = INDEX;
    event->pid = id >> 32;
    event->tid = id;
    event->cpu = bpf_get_smp_processor_id();
    event->user = event->kernel = -1;
#ifdef USER_STACK
    event->user = user_stacks.get_stackid(ctx, BPF_F_USER_STACK | BPF_F_REUSE_STACKID);
#endif
#ifdef KERNEL_STACK
    event->kernel = stacks.get_stackid(ctx, BPF_F_REUSE_STACKID);
#endif
    bpf_get_current_comm(event->comm, sizeof(event->comm));
VALUES    events.ringbuf_submit(event, 0);
    return 0;
}
]]

-- arg1 to arg6 as far as they are used: static probes read them, functions have them in registers.
local function prologue(probe)
  local lines, used = {}, table.concat(probe.values, " ") .. " " .. probe.condition .. " "
  if probe.kind == "t" then return "    typeof(ctx) args = ctx;\n" end
  if probe.kind == "r" then return "    u64 retval = PT_REGS_RC(ctx);\n" end
  local readers = {
    usdt = "    u64 argN = 0;\n    bpf_usdt_readarg(N, ctx, &argN);\n",
    syscall = "    u64 argN = PT_REGS_PARMN((struct pt_regs *)PT_REGS_PARM1(ctx));\n",
    call = "    u64 argN = PT_REGS_PARMN(ctx);\n",
  }
  local reader = readers[probe.kind == "u" and "usdt" or probe.is_syscall and "syscall" or "call"]
  for i = 1, 6 do
    if used:find("%f[%w_]arg" .. i .. "%f[^%w_]") then
      local parameter = probe.is_syscall and i == 4 and "PARM4_SYSCALL" or "PARM" .. i
      lines[#lines + 1] = reader:gsub("PARMN", parameter):gsub("argN", "arg" .. i)
        :gsub("%(N,", "(" .. i .. ",")
    end
  end
  return table.concat(lines)
end

-- The members of the event that hold a probe's values, and the C that fills them.
local function fields_and_values(probe, index)
  local fields, values = {}, {}
  for i, kind in ipairs(probe.types) do
    local member = ("event->probe_%d.value_%d"):format(index, i)
    if kind == "s" then
      fields[i] = ("        char value_%d[TEXT];\n"):format(i)
      values[i] = ("    if (bpf_probe_read_str(%s, TEXT, (const void *)(%s)) < 0)\n"
        .. "        %s[0] = 0;\n"):format(member, probe.values[i], member)
    else
      local type = (kind == "K" or kind == "U") and "u64" or kind
      fields[i] = ("        %s value_%d;\n"):format(type, i)
      values[i] = ("    %s = (%s)(%s);\n"):format(member, type, probe.values[i])
    end
  end
  return table.concat(fields), table.concat(values)
end

-- The function of a probe, which gets its name in probe.fn_name.
local function generate(probe, index, values)
  if not probe.library and probe.kind == "p" then
    local prefix = bpf.BPF.get_syscall_prefix() -- takes reading kallsyms
    probe.is_syscall = probe.name:sub(1, #prefix) == prefix
  end
  probe.fn_name = (probe.is_syscall and probe.signature ~= "" and "syscall__probe_" or "probe_")
    .. index
  local parts = {
    FUNCTION = probe.fn_name, INDEX = index, SIGNATURE = probe.signature, VALUES = values,
    CONDITION = probe.condition, PROLOGUE = prologue(probe),
    CONTEXT = probe.kind == "t" and "struct tracepoint__" .. probe.name:gsub(":", "__")
      or "struct pt_regs",
  }
  return (template:gsub("%u%u%u+", parts))
end

--- The C program for probes.
---@param probes table[] of trace_probe.parse
---@param headers string[] more of them that it includes
---@return string
function trace_probe.program(probes, headers)
  local text, members = {}, {}
  for i, header in ipairs(headers) do text[i] = ('#include "%s"\n'):format(header) end
  text[#text + 1] = "" -- becomes `common`
  local at = #text
  for i, probe in ipairs(probes) do
    local fields, values = fields_and_values(probe, i)
    if fields ~= "" then
      members[#members + 1] = ("    struct {\n%s    } probe_%d;\n"):format(fields, i)
    end
    text[#text + 1] = generate(probe, i, values)
  end
  local union = #members > 0 and "    union {\n" .. table.concat(members) .. "    };\n" or ""
  text[at] = common:gsub("VALUES", union)
  return table.concat(text)
end

return trace_probe
