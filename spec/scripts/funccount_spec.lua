local bpf = require "bpf"
local calls = require "spec.support.calls"
local process = require "spec.support.process"
local target = require "spec.support.target"
local tool = require "spec.support.tool"
local usdt = require "spec.support.usdt"

local count = 101

-- Counts by name of what the tool says about a program of ours.
local function counts(command, workload)
  local found = {}
  for _, record in ipairs(tool.records("funccount " .. command, workload)) do
    assert.equal("integer", math.type(record.count))
    found[record.name] = (found[record.name] or 0) + record.count
  end
  return found
end

describe("funccount", function()
  it("counts functions of a program by wildcard", function()
    local found = counts(target.path() .. ":?i*", function() target.run(count) end)
    assert.equal(count, found.visit)
    assert.equal(count, found.six)
    assert.is_nil(found.answer)
  end)

  it("#any_kernel shows counts to people, the most frequent first", function()
    local out = tool.run("funccount -r -T '" .. target.path() .. ":main|answer'", function()
      target.run(count)
    end)
    assert.truthy(out:find("^Counting at 2 places for "))
    local rest = ("\n\n%%d+:%%d+:%%d+\nNAME +COUNT\nanswer +%d\nmain +1\n$"):format(count)
    assert.truthy(out:find(rest), out)
    out = tool.run("funccount -r --top 1 '" .. target.path() .. ":main|answer'", function()
      target.run(count)
    end)
    assert.truthy(out:find("answer +" .. count))
    assert.is_nil(out:find("main +1"))
  end)

  it("counts tracepoints of one process", function()
    local program = calls.start(count)
    local found = counts(("-p %d -r 't:.*_dup[0-9]|sched:.*_exit'"):format(program.pid), function()
      calls.make(count) -- another process, not counted
      calls.go(program)
    end)
    assert.same({
      ["syscalls:sys_enter_dup3"] = count, ["syscalls:sys_exit_dup3"] = count,
      ["sched:sched_process_exit"] = 1,
    }, found)
  end)

  -- The kernel takes 15 s to detach the tracepoints of all system calls one by one, and this little
  -- time for what is attached in their place.
  it("#any_kernel ends fast, however many tracepoints it counts", function()
    local open
    tool.run("funccount 't:syscalls:*'", function(running)
      local pipe <close> = io.popen(("ls /proc/%d/fd | wc -l"):format(running.pid))
      open = pipe:read("n")
    end)
    assert.is_true(open > 3 and open < 60, open)
  end)

  it("#any_kernel counts static probes", function()
    local path = usdt.target()
    local found = counts(("'u:%s:test:w*'"):format(path), function() usdt.run(count) end)
    assert.same({ ["test:widths"] = count }, found)
  end)

  it("#any_kernel loses none between two reports", function()
    local found = counts("-i 0.2 " .. target.path() .. ":six", function()
      for _ = 1, 9 do target.run(4003) end
    end)
    assert.same({ six = 9 * 4003 }, found)
  end)

  local no_kprobes = tool.no_kprobes()
  it("counts functions of the kernel in one process", no_kprobes and function()
    pending(no_kprobes)
  end or function()
    for _, name in ipairs{ "dup3", "dup*" } do
      local program = calls.start(count)
      local dup3 = bpf.BPF.get_syscall_prefix() .. "dup3"
      local found = counts(("-p %d '%s%s'"):format(program.pid, bpf.BPF.get_syscall_prefix(), name),
        function() calls.go(program) end)
      assert.same({ [dup3] = count }, found)
    end
  end)

  it("#any_kernel says what is wrong with a target", function()
    for given, words in pairs{
      ["c:strlenn"] = "strlen", ["t:sched:sched_swich"] = "sched:sched_switch",
      ["u:c:nonsense"] = "nonsense", ["t:nonsense"] = "CATEGORY",
    } do
      local status, _, errors = process.run("./luabpf funccount " .. given)
      assert.equal(1, status)
      assert.truthy(errors:find(words, 1, true), errors)
      assert.is_nil(errors:find("traceback"))
    end
  end)
end)
