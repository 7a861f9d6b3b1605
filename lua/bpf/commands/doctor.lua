-- The command `luabpf doctor`: whether tracing can work here, what is missing, why, and what to do.
-- Its status is 1 when nothing at all can be traced.

local core = require "bpf.core"

if arg and arg[1] then
  print("usage: luabpf doctor\n\nShow what this kernel and these privileges allow, and what to do "
    .. "about the rest.")
  os.exit((arg[1] == "--help" or arg[1] == "-h") and 0 or 2)
end

local function first_line(path)
  local file = io.open(path)
  local line = file and file:read("l")
  if file then
    file:close()
  end
  return line
end

local function section(title)
  print(("\n%s"):format(title))
end

-- What an error says, without where in this file it came up.
local function reason_of(e)
  return type(e) == "table" and ("%s. %s"):format(e.message, e.hint or "") or tostring(e)
end

-- One finding; without a mark when it is only told.
local function show(mark, name, text)
  print(("  %-4s %-18s %s"):format(mark or "", name, text or ""))
end

local function mark(good)
  return good and "ok" or "no"
end

local function show_machine()
  section "Machine"
  show(nil, "luabpf", core._VERSION)
  show(nil, "kernel", first_line("/proc/sys/kernel/osrelease"))
  local jit = first_line("/proc/sys/net/core/bpf_jit_enable")
  if jit == "0" then
    show("no", "BPF JIT",
      "programs are interpreted, many times slower: sysctl net.core.bpf_jit_enable=1")
  else
    show("ok", "BPF JIT", jit == nil and "always on, or can't be read" or nil)
  end
end

local function show_rights()
  section "Rights"
  local reason = core.permission()
  show(mark(not reason), "BPF and perf", reason)
  local known, address = pcall(core.BPF.ksymname, "schedule")
  local seen = known and address ~= nil
  show(mark(seen), "kernel addresses", not seen and reason_of(address) or nil)
  for _, name in ipairs { "unprivileged_bpf_disabled", "perf_event_paranoid", "kptr_restrict" } do
    show(nil, name, first_line("/proc/sys/kernel/" .. name) or "can't be read")
  end
  show(nil, "lockdown", first_line("/sys/kernel/security/lockdown") or "none")
end

-- What one feature is good for, in the order of use.
local purposes = {
  { "btf", "kernel types, so that programs need no kernel headers" },
  { "tracefs", "tracepoints and the trace pipe" },
  { "tracepoint", "attach_tracepoint" },
  { "raw_tracepoint", "attach_raw_tracepoint" },
  { "kprobe", "attach_kprobe, attach_kretprobe" },
  { "kprobe_multi", "many kprobes at once" },
  { "fentry", "attach_kfunc, and kprobes at a fraction of their cost" },
  { "lsm", "attach_lsm" },
  { "uprobe", "attach_uprobe, attach_uretprobe, USDT" },
  { "uprobe_multi", "many uprobes at once" },
  { "uprobe_multi_pid", "the same in one process" },
  { "usdt_semaphore", "static probes of programs that start later" },
  { "cookie", "static probes in several places" },
  { "iterator", "attach_iter" },
  { "perf_event", "attach_perf_event" },
  { "hardware_event", "cycles, cache misses, branches" },
  { "perf_buffer", "BPF_PERF_OUTPUT" },
  { "ring_buffer", "BPF_RINGBUF_OUTPUT" },
  { "batch", "reading tables at once" },
}

local function show_features()
  section "Kernel"
  local features = core.features()
  for _, row in ipairs(purposes) do
    local name, purpose = row[1], row[2]
    local feature = features[name]
    show(mark(feature.available), name, feature.available and purpose
      or ("%s: %s"):format(purpose, feature.reason))
  end
  local any = false
  for _, name in ipairs { "tracepoint", "raw_tracepoint", "kprobe", "uprobe", "perf_event" } do
    any = any or features[name].available
  end
  return any
end

local function show_compiler()
  section "Compiler"
  local found, tools = pcall(core.toolchain)
  if found then
    show("ok", "clang", tools.clang)
    show("ok", "plugin", tools.plugin)
  else
    show("no", "clang", reason_of(tools))
    show(nil, "", "compiled objects run without it: BPF{obj = …}")
  end
  local cache = core.cache()
  show(mark(cache.folder ~= nil), "cache", cache.folder
    and ("%s: %d programs, %.1f MB"):format(cache.folder, cache.entries, cache.bytes / 2 ^ 20)
    or "off: each start compiles")
end

-- Modules that only some functions need.
local function show_modules()
  section "Lua modules"
  local modules = {
    { "argparse", "options of the scripts", "lua-argparse" },
    { "dkjson", "JSON", "lua-dkjson" },
    { "readline", "luabpf -i", "lua-readline" },
    { "term", "luabpf -i", "lua-term" },
  }
  for _, row in ipairs(modules) do
    local found = package.searchpath(row[1], package.path)
      or package.searchpath(row[1], package.cpath)
    show(mark(found), row[1], found and row[2]
      or ("%s; install the package %s"):format(row[2], row[3]))
  end
end

io.stdout:setvbuf("full")
show_machine()
show_rights()
local can_trace = show_features()
show_compiler()
show_modules()
print()
if not can_trace then
  print("Nothing can be traced here; the reasons stand above.")
  io.stdout:flush()
  os.exit(1)
end
