local bpf = require "bpf"
local process = require "spec.support.process"

-- The names of entries, as a set.
local function names_of(entries)
  local names = {}
  for _, entry in ipairs(entries) do
    names[entry.name] = entry
  end
  return names
end

describe("bpf.list", function()
  it("finds tracepoints, with their fields when asked", function()
    local found = names_of(bpf.list { pattern = "tracepoint:sched:sched_process_ex*" })
    assert.truthy(found["sched:sched_process_exec"])
    assert.truthy(found["sched:sched_process_exit"])
    assert.is_nil(found["sched:sched_process_exec"].fields)
    local exec = bpf.list { kind = "tracepoint", pattern = "sched:sched_process_exec",
      fields = true }
    assert.equal(1, #exec)
    local fields = names_of(exec[1].fields)
    assert.equal("__data_loc char[] filename", fields.filename.declaration)
    assert.same({ "pid_t pid", 4 }, { fields.pid.declaration, fields.pid.size })
  end)

  it("finds every tracepoint that tracefs has", function()
    local count = 0
    for _ in io.lines("/sys/kernel/tracing/available_events") do
      count = count + 1
    end
    assert.equal(count, #bpf.list { kind = "tracepoint" })
  end)

  it("declares functions, hooks, iterators and raw tracepoints as the kernel's types have them",
    function()
      assert.equal("ssize_t vfs_read(struct file *file, char *buf, size_t count, loff_t *pos)",
        bpf.list("kfunc:vfs_read")[1].declaration)
      assert.equal("int file_open(struct file *file)", bpf.list("lsm:file_open")[1].declaration)
      local iterators = names_of(bpf.list { kind = "iterator" })
      assert.equal("int task(struct bpf_iter_meta *meta, struct task_struct *task)",
        iterators.task.declaration)
      assert.is_nil(iterators.attach_task) -- a function of the kernel's beside them
      assert.is_nil(names_of(bpf.list { kind = "lsm" }).find_cgroup_shim)
      local switch = bpf.list("raw_tracepoint:sched_switch")[1].declaration
      assert.truthy(switch:find("struct task_struct *, struct task_struct *", 1, true), switch)
    end)

  it("takes wildcards for what they are, and nothing else", function()
    assert.truthy(names_of(bpf.list("kfunc:vfs_?ead"))["vfs_read"])
    assert.equal(0, #bpf.list("kfunc:vfs.read"))
    assert.equal(1, #bpf.list("software:cpu_CLOCK*") + #bpf.list("software:CPU_CL?CK"))
  end)

  it("asks all kinds of the kernel when none is given", function()
    local kinds = {}
    for _, entry in ipairs((bpf.list("sched*_switch"))) do
      kinds[entry.kind] = true
    end
    assert.truthy(kinds.tracepoint and kinds.raw_tracepoint)
    assert.is_nil(kinds.uprobe)
  end)

  it("finds functions and static probes of a program", function()
    local found = names_of((bpf.list { kind = "uprobe", path = "c", pattern = "getpi?" }))
    assert.truthy(found.getpid)
  end)

  it("says what is wrong", function()
    assert.error_matches(function() bpf.list { kind = "kprob" } end, "did you mean 'kprobe'%?")
    assert.error_matches(function() bpf.list { kind = "usdt" } end, "needs path or pid")
    assert.error_matches(function() bpf.list { pth = "c" } end, "did you mean 'path'%?")
  end)
end)

describe("the command luabpf", function()
  it("list prints what it finds, for people and for programs #any_kernel", function()
    local status, out = process.run("./luabpf list -v kfunc:vfs_read")
    assert.equal(0, status)
    assert.truthy(out:find("^kfunc:vfs_read +ssize_t vfs_read%(struct file"))
    local _, line = process.run("./luabpf list --json tracepoint:sched:sched_switch")
    local entry = require "dkjson".decode(line)
    assert.equal("sched:sched_switch", entry.name)
    assert.equal(1, (process.run("./luabpf list kfunc:no_such_function")))
    local code, _, errors = process.run("./luabpf list -k nothing")
    assert.equal(1, code)
    assert.truthy(errors:find("^luabpf list: there is no kind 'nothing'"), errors)
  end)

  it("doctor tells what works, and why the rest does not", function()
    local status, out, errors = process.run("./luabpf doctor")
    assert.equal("", errors)
    assert.equal(0, status)
    for name, feature in pairs(bpf.features()) do
      local line = out:match("\n  ([^\n]- " .. name .. " [^\n]+)\n")
      assert.truthy(line, name .. " is not mentioned")
      assert.equal(feature.available and "ok" or "no", line:match("^%a+"))
      assert.truthy(feature.available or line:find(feature.reason, 1, true), line)
    end
  end)
end)
