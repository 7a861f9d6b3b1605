-- Objects for other kernels: each run leaves one in the work folder, and guests load what the host
-- and the guests before them compiled, with types that lie otherwise there.
local bpf <const> = require "bpf"
local object <const> = require "spec.support.object"
local process <const> = require "spec.support.process"
local refusal <const> = require "spec.support.refusal"
local target <const> = require "spec.support.target"

local uprobe <const> = bpf.features().uprobe
local folder <const> = target.path():match("^(.*)/")
local module <const> = assert(package.searchpath("bpf.core", package.cpath))

local function output_of(command)
  local pipe <const> = assert(io.popen(command))
  local text <const> = pipe:read("a")
  pipe:close()
  return (text:gsub("%s+$", ""))
end

local release <const> = output_of("uname -r")
local is_guest <const> = os.getenv("LUABPF_SLOW") ~= nil

-- What a process is, by structures whose members lie elsewhere in each of the kernels.
local program <const> = [[
struct seen_t {
  u32 tgid, grandparent, reset, exit_signal;
  u64 started;
  char comm[16], file[16], release[65];
};
BPF_PERF_OUTPUT(seen);
int look(struct pt_regs *ctx) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task();
  struct task_struct *same = container_of(&task->comm, struct task_struct, comm);
  struct seen_t s = {};
  s.tgid = task->tgid;
  s.grandparent = same->real_parent->real_parent->tgid;
  s.reset = BPF_CORE_READ_BITFIELD_PROBED(task, sched_reset_on_fork);
  s.exit_signal = task->exit_signal;
  s.started = task->start_boottime;
  __builtin_memcpy(s.comm, task->comm, sizeof s.comm);
  struct qstr name = task->mm->exe_file->f_path.dentry->d_name;
  bpf_probe_read_kernel_str(s.file, sizeof s.file, name.name);
  bpf_probe_read_kernel_str(s.release, sizeof s.release, task->nsproxy->uts_ns->name.release);
  seen.perf_submit(ctx, &s, sizeof s);
  return 0;
}
]]

-- Several runs may write and read a file at once: it appears whole.
local function save(path, bytes)
  local aside <const> = output_of(("mktemp %s.XXXXXX"):format(path))
  local file <const> = assert(io.open(aside, "wb"))
  file:write(bytes)
  file:close()
  assert(os.rename(aside, path))
  return path
end

-- What the program saw of a process that ran with this command in front.
local function look(path, before)
  local b <close> = bpf.BPF{obj = path}
  b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "look"}
  local events = {}
  b.seen:open_perf_buffer(function(_, event) events[#events + 1] = event:copy() end)
  local traced <const> = process.start(("%s %s 1"):format(before, target.path()))
  traced:finish()
  b:perf_buffer_poll(1000)
  assert.equal(1, #events)
  assert.equal(traced.pid, events[1].tgid)
  return events[1]
end

local function check(path)
  local plain <const>, reset <const> = look(path, ""), look(path, "chrt -R -o 0")
  assert.equal(process.own_pid(), plain.grandparent)
  assert.same({0, 1}, {plain.reset, reset.reset})
  assert.equal(17, plain.exit_signal)
  assert.same({"target", "target"}, {plain.comm, plain.file})
  assert.equal(release, plain.release)
  assert.is_true(plain.started < reset.started)
  local uptime <const> = io.open("/proc/uptime"):read("n")
  assert.is_true(reset.started <= uptime * 1e9 + 1e7 and reset.started > (uptime - 600) * 1e9)
end

describe("a portable object", function()
  local missing <const> = not uprobe.available and uprobe.reason
  local function it_runs(name, test)
    it(name, missing and function() pending("needs uprobes: " .. missing) end or test)
  end

  it_runs("is right on the kernel that it was compiled for", function()
    local bytes <const>, notes <const> = bpf.compile{text = program, portable = true}
    assert.equal("", notes)
    if not is_guest then
      -- Leaves what other runs wrote meanwhile, and takes what earlier builds did.
      os.execute(([[find %s '(' -name 'portable.*.o' -o -name 'sized.*.o' ')' ! -newer %s -delete]])
        :format(folder, module))
    end
    check(save(("%s/portable.%s.o"):format(folder, release), bytes))
    -- Two kernels may have one size of one type.
    local sized <const> = bpf.compile{portable = true, text = [[int look(void *ctx) {
      return sizeof(struct task_struct) + sizeof(struct file) + sizeof(struct mm_struct); }]]}
    bpf.BPF{obj = save(("%s/sized.%s.o"):format(folder, release), sized)}:close()
  end)

  local it_runs_in_guests <const> = is_guest and it_runs or function() end
  it_runs_in_guests("is right on others", function()
    local tried = 0
    for path in output_of("ls " .. folder .. "/portable.*.o"):gmatch("%S+") do
      if not path:find(release, 1, true) then
        check(path)
        local e <const> =
          refusal.of(function() bpf.BPF{obj = (path:gsub("/portable(%.[^/]*)$", "/sized%1"))} end)
        assert.truthy(e.message:find("^the size of struct [%l_]+ is %d+ bytes"), e.message)
        tried = tried + 1
      end
    end
    if tried == 0 then
      pending("needs a run on the host before this one")
    end
  end)

  it("names the member that this kernel lacks", function()
    local b <close> = bpf.BPF{text = [[
struct task_struct { int no_such; } __attribute__((preserve_access_index));
int look(struct pt_regs *ctx) {
  return ((struct task_struct *)bpf_get_current_task())->no_such;
}]]}
    local e <const> = refusal.of(function() b:load_func("look", bpf.BPF.KPROBE) end)
    assert.truthy(e.message:find("this kernel has no struct task_struct.no_such", 1, true),
      e.message)
    assert.truthy(e.hint:find("bpf_core_field_exists", 1, true))
  end)

  it("can ask whether a member is there", function()
    local b <close> = bpf.BPF{text = [[
struct task_struct { int no_such, pid; } __attribute__((preserve_access_index));
int look(struct pt_regs *ctx) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task();
  if (bpf_core_field_exists(task->no_such))
    return task->no_such;
  return bpf_core_field_exists(struct task_struct, pid) ? task->pid : 0;
}]]}
    b:load_func("look", bpf.BPF.KPROBE)
  end)
end)

describe("compiling a portable object #any_kernel", function()
  it("reads structures of the kernel's member by member", function()
    local text <const> = [[
struct pair { u32 low, high; };
int look(struct pt_regs *ctx) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task();
  struct pair *pair = (struct pair *)task->mm;
  return task->pid + task->tgid + pair->low + pair->high;
}]]
    -- mm, pid, tgid; pair is the program's own and read at once
    assert.equal(1 + 4, #object.functions(bpf.compile{text = text, portable = true}).look.calls)
    assert.equal(1 + 3, #object.functions(bpf.compile{text = text}).look.calls)
  end)

  it("refuses bit fields, whose shifts would be wrong, at the user's line", function()
    local e <const> = refusal.of(function()
      bpf.compile{portable = true, text = [[
int look(struct pt_regs *ctx) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task();
  return task->signal->is_child_subreaper; // here
}]]}
    end)
    assert.truthy(e.message:find(
      "read it with BPF_CORE_READ_BITFIELD_PROBED(pointer, is_child_subreaper)", 1, true),
      e.message)
    assert.equal("spec/core/compile/portable_spec.lua:"
      .. refusal.line_of("spec/core/compile/portable_spec.lua", "// " .. "here"), e.where)
  end)

  it("leaves contexts and headers of packets as they are", function()
    local text <const> = [[
int filter(struct __sk_buff *skb) {
  void *end = (void *)(long)skb->data_end;
  struct iphdr *ip = (void *)(long)skb->data;
  return (void *)(ip + 1) > end ? 0 : ip->ihl + ip->protocol;
}]]
    assert.equal(object.functions(bpf.compile{text = text}).filter.count,
      object.functions(bpf.compile{text = text, portable = true}).filter.count)
  end)

  it("says what ties it to this kernel", function()
    local _, notes <const> = bpf.compile{portable = true, text = [[
TRACEPOINT_PROBE(sched, sched_switch) {
#ifdef CONFIG_SMP
  return LINUX_VERSION_CODE > args->prev_pid;
#endif
  return 0;
}]]}
    assert.equal([[
fields of tracepoints lie where they do on this kernel
LINUX_VERSION_CODE is that of this kernel
CONFIG_SMP is as this kernel was built
]], notes)
  end)
end)

describe("luabpf compile #any_kernel", function()
  local path <const> = os.tmpname()
  teardown(function() os.remove(path .. ".lua") os.remove(path .. ".c") os.remove(path) end)

  local function compile(arguments)
    local status <const>, out <const>, errors <const> =
      process.run(("./luabpf compile -o %s %s"):format(path, arguments))
    assert.equal("", out)
    return status, errors
  end

  local function functions()
    return object.functions(assert(io.open(path, "rb"):read("a")))
  end

  it("writes what a script would load", function()
    save(path .. ".lua", ([[
local parser = require "argparse"()
parser:option("--value")
local options = parser:parse()
require "bpf".BPF{text = "int first(void *ctx) { return " .. options.value .. " + MORE; }"}
error("not reached")]]):format())
    assert.same({0, ""}, {compile("-D MORE=3 " .. path .. ".lua -- --value 4")})
    assert.equal(2, functions().first.count)
  end)

  it("writes a C program, and tells of what is of this kernel", function()
    save(path .. ".c", "int second(void *ctx) { return LINUX_VERSION_CODE; }")
    assert.same({0, "luabpf compile: note: LINUX_VERSION_CODE is that of this kernel\n"},
      {compile(path .. ".c")})
    assert.equal(2, functions().second.count)
    assert.same({0, ""}, {compile("--this-kernel " .. path .. ".c")})
  end)

  it("says why it can't", function()
    save(path .. ".lua", "os.getenv('PATH')")
    assert.same({1, ("luabpf compile: %s.lua ended without BPF{…}\n"):format(path)},
      {compile(path .. ".lua")})
    save(path .. ".c", "int second(void *ctx) { return nonsense; }")
    local status <const>, errors <const> = compile(path .. ".c")
    assert.equal(1, status)
    assert.truthy(errors:find("luabpf compile: " .. path .. ".c:1: ", 1, true), errors)
    assert.truthy(errors:find("nonsense", 1, true), errors)
  end)
end)
