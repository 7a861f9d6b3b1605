-- The BPF object: how it is made, what is refused, how links come and go.

local bpf = require "bpf"
local lfs = require "lfs"
local object = require "spec.support.value_object"
local script = require "spec.support.script"

local program = [[
struct { __uint(type, HASH); __type(key, u32); __type(value, u64); __uint(max_entries, 9); }
  counts SEC(".maps");
SEC("tracepoint/syscalls/sys_enter_getpgid") int count(void *ctx) { return 0; }
SEC("raw_tp") int raw(void *ctx) { return 0; }
]]

-- How many file descriptors this process has open.
local function open_files()
  collectgarbage() -- what specs before this one left open
  collectgarbage()
  local count = 0
  for _ in lfs.dir("/proc/self/fd") do
    count = count + 1
  end
  return count
end

describe("BPF", function()
  local path

  setup(function() path = object.compile(program) end)
  teardown(function() os.remove(path) end)

  local function open()
    return bpf.BPF { obj = path }
  end

  it("takes exactly one program", function()
    for _, options in ipairs { {}, { text = "", obj = "x" }, { src_file = "x", obj = "x" } } do
      assert.error_matches(function() bpf.BPF(options) end, "exactly one of 'text', 'src_file'")
    end
    assert.error_matches(function() bpf.BPF() end, "exactly one of")
    assert.error_matches(function() bpf.BPF { text = 5 } end, "'text' must be a string, not number")
  end)

  it("names the nearest option", function()
    assert.error_matches(function() bpf.BPF { txt = "" } end, "option 'txt'; did you mean 'text'")
    assert.error_matches(function() bpf.BPF { text = "", cflag = {} } end, "did you mean 'cflags'")
    assert.error_matches(function() bpf.BPF { text = "", cflags = "-O" } end, "list of strings")
    assert.error_matches(function() bpf.BPF { text = "", debug = "x" } end, "must be an integer")
  end)

  it("looks for a header file, as BCC does", function()
    local b <close> = bpf.BPF { obj = path, hdr_file = path }
    assert.truthy(b.counts)
    local ok, e = pcall(bpf.BPF, { obj = path, hdr_file = "/nowhere/at all.h" })
    assert.is_false(ok)
    assert.equal("Could not find file /nowhere/at all.h", e.message)
  end)

  it("says which file it did not find", function()
    for _, way in ipairs { "src_file", "obj" } do
      local ok, e = pcall(bpf.BPF, { [way] = "/nowhere/at all.c" })
      assert.is_false(ok)
      assert.equal("Could not find file /nowhere/at all.c", e.message)
      assert.equal(2, e.errno)
      assert.truthy(tostring(e):find("^[^\n]*bpf_spec.lua:%d+: Could not find file"))
    end
    local ok, e = pcall(bpf.BPF, { obj = "/dev/zero" })
    assert.is_false(ok)
    assert.truthy(e.message:find("not a regular file"))
  end)

  it("refuses bytes that are no object, and leaves nothing open", function()
    local before = open_files()
    for _, bytes in ipairs { "", "x", "\127ELF", ("\0"):rep(4096) } do
      local name = os.tmpname()
      local file = assert(io.open(name, "wb"))
      file:write(bytes)
      file:close()
      local ok, e = pcall(bpf.BPF, { obj = name })
      os.remove(name)
      assert.is_false(ok)
      assert.equal("string", type(e.message))
    end
    collectgarbage()
    assert.equal(before, open_files())
  end)

  it("closes everything, once or twice, by hand, by scope, by the collector", function()
    local before = open_files()
    local b = open()
    b:close()
    b:close()
    assert.equal("bpf.BPF (closed)", tostring(b))
    do
      local scoped <close> = open()
      scoped:attach_tracepoint { tp = "syscalls:sys_enter_getpgid", fn_name = "count" }
    end
    do
      local lost = open()
      lost:attach_tracepoint { tp = "syscalls:sys_enter_getpgid", fn_name = "count" }
    end
    collectgarbage()
    collectgarbage()
    assert.equal(before, open_files())
  end)

  it("reads modules for people when they are used, not at the start #any_kernel", function()
    local status, out, errors = script.run([[
local bpf = require "bpf"
local people <const> = { "histogram", "stacks", "output", "list", "disassemble", "heatmap" }
for _, name in ipairs(people) do assert(not package.loaded["bpf." .. name], name) end
assert(#bpf.get_online_cpus() > 0)
print(bpf.BPF.fold { comm = "a", user = { "c", "b" } }, bpf.json(1), bpf.BPF.fold == require
  "bpf.stacks".static.fold)]])
    assert.equal("", errors)
    assert.equal(0, status)
    assert.equal("a;b;c\t1\ttrue\n", out)
  end)

  it("leaves no memory and no descriptor behind #any_kernel", function()
    -- Large blocks go back to the system when they are freed, so that what stays is what leaked.
    local status, out, errors = script.run(([[
local bpf, lfs = require "bpf", require "lfs"
local function held()
  collectgarbage()
  local files = 0
  for _ in lfs.dir("/proc/self/fd") do files = files + 1 end
  local status <close> = io.open("/proc/self/status")
  return files, tonumber(status:read("a"):match("VmRSS:%%s+(%%d+)"))
end
local function round()
  local b <close> = bpf.BPF { obj = %q }
  b:attach_raw_tracepoint { tp = "sched_process_exec", fn_name = "raw" }
  b.counts[1] = 1
end
for _ = 1, 100 do round() end
local files, kib = held()
for _ = 1, 300 do round() end
local files_then, kib_then = held()
print(files_then - files, kib_then - kib)]]):format(path), "env MALLOC_MMAP_THRESHOLD_=65536")
    assert.equal("", errors)
    assert.equal(0, status)
    local files, kib = out:match("^(%-?%d+)\t(%-?%d+)")
    assert.equal("0", files)
    assert.is_true(tonumber(kib) < 1024, kib .. " KiB more")
  end)

  it("attaches, counts and detaches", function()
    local b <close> = open()
    local link = b:attach_tracepoint { tp = "syscalls:sys_enter_getpgid", fn_name = "count" }
    assert.equal("tracepoint", link:kind())
    assert.equal(1, link:count())
    assert.equal("bpf.Link tracepoint syscalls:sys_enter_getpgid -> count", tostring(link))
    assert.equal(1, b:num_open_tracepoints())
    link:detach()
    link:close()
    assert.equal("bpf.Link tracepoint (detached)", tostring(link))
    assert.equal(0, b:num_open_tracepoints())
    b:attach_tracepoint { tp = "syscalls:sys_enter_getpgid", fn_name = "count" }
    assert.equal(1, b:detach_tracepoint("syscalls:sys_enter_getpgid"))
    assert.equal(0, b:num_open_tracepoints())
    assert.equal("raw_tracepoint",
      b:attach_raw_tracepoint { tp = "sys_enter", fn_name = "raw" }:kind())
    assert.equal(1, b:detach_raw_tracepoint { tp = "sys_enter" })
    assert.equal(0, b:num_open_kprobes() + b:num_open_uprobes())
  end)

  it("keeps what is attached when the link is forgotten", function()
    local b <close> = open()
    b:attach_tracepoint { tp = "syscalls:sys_enter_getpgid", fn_name = "count" }
    collectgarbage()
    collectgarbage()
    assert.equal(1, b:num_open_tracepoints())
  end)

  it("has links that outlive it", function()
    local b = open()
    local link = b:attach_tracepoint { tp = "syscalls:sys_enter_getpgid", fn_name = "count" }
    b:close()
    assert.equal("tracepoint", link:kind())
    assert.equal("bpf.Link tracepoint (detached)", tostring(link))
    link:detach()
  end)

  it("checks the options of attachments", function()
    local b <close> = open()
    local function refused(pattern, method, ...)
      local arguments = table.pack(...)
      assert.error_matches(function()
        b[method](b, table.unpack(arguments, 1, arguments.n))
      end, pattern)
    end
    refused("unknown option 'evnt'; did you mean 'event'", "attach_kprobe", { evnt = "x" })
    refused("attach_kprobe: option 'fn_name' is missing", "attach_kprobe", { event = "x" })
    refused("option 'event' or 'event_re' is missing", "attach_kprobe", { fn_name = "count" })
    refused("exclude each other", "attach_kprobe", { event = "x", event_re = "x", fn_name = "y" })
    refused("must be an integer", "attach_kprobe", { event = "x", event_off = "1", fn_name = "y" })
    refused("out of range", "attach_kprobe", { event = "x", event_off = -1, fn_name = "y" })
    refused("must be a string", "attach_kretprobe", { event = 5, fn_name = "y" })
    refused("contains a NUL", "attach_kretprobe", { event = "a\0b", fn_name = "y" })
    refused("option 'name' is missing", "attach_uprobe", { sym = "x", fn_name = "y" })
    refused("exactly one of", "attach_uprobe", { name = "c", fn_name = "y" })
    refused("offset with addr is not supported", "attach_uprobe",
      { name = "c", addr = 1, sym_off = 1, fn_name = "y" })
    refused("unknown option 'sym_off'", "attach_uretprobe", { name = "c", sym_off = 1 })
    refused("option 'tp' is missing", "attach_raw_tracepoint", { fn_name = "y" })
    refused("option 'tp' is missing", "detach_tracepoint")
    refused("options are named", "attach_kprobe", { "vfs_read" })
  end)

  it("raises objects for what the kernel refuses", function()
    local b <close> = open()
    local ok, e = pcall(function()
      b:attach_tracepoint { tp = "no:such_event", fn_name = "count" }
    end)
    assert.is_false(ok)
    assert.equal(2, e.errno)
    assert.equal("string", type(e.op))
    assert.equal("string", type(e.hint))
    assert.truthy(e.position:find("bpf_spec.lua:%d+: $"))
    assert.truthy(tostring(e):find(e.message, 1, true))
    assert.truthy(tostring(e):find(e.hint, 1, true))
    assert.equal("x: " .. tostring(e), "x: " .. e)
  end)

  it("knows the constants", function()
    local b <close> = open()
    assert.equal(2, bpf.BPF.KPROBE)
    assert.equal(2, b.KPROBE)
    assert.equal(26, bpf.BPF.TRACING)
    assert.equal(0x2, bpf.DEBUG_BPF)
    assert.equal(0x20, bpf.DEBUG_BTF)
    for first, names in pairs {
      ["1"] = "SOCKET_FILTER KPROBE SCHED_CLS SCHED_ACT TRACEPOINT XDP PERF_EVENT CGROUP_SKB "
        .. "CGROUP_SOCK LWT_IN LWT_OUT LWT_XMIT SOCK_OPS SK_SKB CGROUP_DEVICE SK_MSG "
        .. "RAW_TRACEPOINT CGROUP_SOCK_ADDR",
      ["25"] = "CGROUP_SOCKOPT TRACING",
      ["29"] = "LSM",
    } do
      local value = math.tointeger(first)
      for name in names:gmatch("%S+") do
        assert.equal(value, bpf.BPF[name], name)
        value = value + 1
      end
    end
    assert.same({ 0, 1, 2, 3, 4, 5 }, { bpf.PerfType.HARDWARE, bpf.PerfType.SOFTWARE,
      bpf.PerfType.TRACEPOINT, bpf.PerfType.HW_CACHE, bpf.PerfType.RAW, bpf.PerfType.BREAKPOINT })
    assert.same({ 0, 9 }, { bpf.PerfHWConfig.CPU_CYCLES, bpf.PerfHWConfig.REF_CPU_CYCLES })
    assert.same({ 0, 10 }, { bpf.PerfSWConfig.CPU_CLOCK, bpf.PerfSWConfig.BPF_OUTPUT })
    assert.same({ 0, 38 }, { bpf.BPFAttachType.CGROUP_INET_INGRESS,
      bpf.BPFAttachType.SK_SKB_VERDICT })
    assert.same({ 0, 1, 2, 3, 4 }, { bpf.XDP_ABORTED, bpf.XDP_DROP, bpf.XDP_PASS, bpf.XDP_TX,
      bpf.XDP_REDIRECT })
    assert.same({ 1, 2, 4, 8, 16 }, { bpf.XDP_FLAGS_UPDATE_IF_NOEXIST, bpf.XDP_FLAGS_SKB_MODE,
      bpf.XDP_FLAGS_DRV_MODE, bpf.XDP_FLAGS_HW_MODE, bpf.XDP_FLAGS_REPLACE })
  end)

  it("hides its metatables", function()
    local b <close> = open()
    assert.equal("bpf.BPF", getmetatable(b))
    assert.equal("bpf.Table", getmetatable(b.counts))
    assert.error(function() b.close("x") end)
    assert.error(function() b.counts.get(b, 1) end)
    assert.error(function() b.x = 1 end)
  end)
end)

describe("bpf.features", function()
  it("says what there is, and why not", function()
    local features = bpf.features()
    assert.is_table(features.tracepoint)
    for name, feature in pairs(features) do
      assert.is_boolean(feature.available, name)
      assert.equal(not feature.available, feature.reason ~= nil, name)
    end
  end)
end)

describe("kernel symbols", function()
  it("go both ways", function()
    local address = bpf.BPF.ksymname("schedule")
    if not address then
      pending("needs kernel symbols")
    end
    assert.equal("schedule", bpf.BPF.ksym(address))
    assert.equal("schedule+0x3 [kernel]",
      bpf.BPF.ksym(address + 3, { show_module = true, show_offset = true }))
    assert.equal("schedule+0x0", bpf.BPF.ksym(address, false, true))
    assert.equal("[unknown]", bpf.BPF.ksym(0))
    assert.is_nil(bpf.BPF.ksymname("no_such_symbol"))
    assert.error_matches(function() bpf.BPF.ksym(0, { show_modul = true }) end, "did you mean")
    assert.error_matches(function() bpf.BPF.ksym() end, "address is missing")
  end)

  it("have the names of system calls and tracepoints", function()
    assert.equal(bpf.BPF.get_syscall_prefix() .. "read", bpf.BPF.get_syscall_fnname("read"))
    assert.is_true(bpf.BPF.tracepoint_exists("sched", "sched_switch"))
    assert.is_false(bpf.BPF.tracepoint_exists("sched", "../sched"))
    assert.same({ "sched:sched_switch" }, bpf.BPF.get_tracepoints("sched:sched_swi.*"))
    assert.error_matches(function() bpf.BPF.get_tracepoints("(") end, "no regular expression")
  end)
end)
