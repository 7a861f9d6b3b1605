-- bpf_trace_printk, read back as lines and as fields.
local bpf <const> = require "bpf"
local process <const> = require "spec.support.process"
local target <const> = require "spec.support.target"

local count <const> = 17
local missing <const> = not bpf.features().uprobe.available and bpf.features().uprobe.reason
  or not bpf.features().tracefs.available and bpf.features().tracefs.reason

local function it_with_tracing(name, test)
  it(name, missing and function() pending("needs uprobes and tracefs: " .. missing) end or test)
end

local mark <const> = "luabpf-trace-" .. process.own_pid()
local text <const> = [[
int on_answer(struct pt_regs *ctx, unsigned long question) {
  bpf_trace_printk("luabpf-trace question=%d twice=%lu %s\n", (int)question, 2 * question, "end");
  return 0;
}]]

describe("trace_pipe", function()
  local function traced(test)
    local b <close> = bpf.BPF{text = text}
    b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "on_answer"}
    while b:trace_readline{nonblocking = true} do end -- what others left there
    target.run(count)
    test(b)
  end

  -- Calls read until it has given count things that are ours.
  local function collect(read)
    local list <const> = {}
    process.wait_until(function()
      local one = read()
      while one do
        list[#list + 1] = one
        one = read()
      end
      return #list >= count
    end)
    return list
  end

  it_with_tracing("gives every line", function()
    traced(function(b)
      local lines <const> = collect(function() return b:trace_readline{nonblocking = true} end)
      local question = 0
      for _, line in ipairs(lines) do
        if line:find("luabpf-trace", 1, true) then
          assert.truthy(line:find(("luabpf-trace question=%d twice=%d end"):format(question,
            2 * question), 1, true))
          question = question + 1
        end
      end
      assert.equal(count, question)
      assert.is_nil(b:trace_readline{nonblocking = true})
    end)
  end)

  it_with_tracing("gives every field", function()
    traced(function(b)
      local question, last = 0, 0.0
      collect(function()
        local task, pid, cpu, flags, timestamp, message = b:trace_fields{nonblocking = true}
        if not task then return nil end
        if message:find("luabpf-trace", 1, true) then
          assert.equal("target", task)
          assert.equal("integer", math.type(pid))
          assert.is_true(pid > 0)
          assert.is_true(cpu >= 0)
          assert.equal("string", type(flags))
          assert.is_true(timestamp >= last)
          assert.equal(("luabpf-trace question=%d twice=%d end"):format(question, 2 * question),
            message)
          question, last = question + 1, timestamp
        end
        return true
      end)
      assert.equal(count, question)
      assert.equal(0, select("#", b:trace_fields{nonblocking = true}))
    end)
  end)

  it_with_tracing("prints what is asked for, until Ctrl-C", function()
    local script <const> = os.tmpname()
    local file <const> = assert(io.open(script, "w"))
    file:write(([=[
local bpf = require "bpf"
local b <close> = bpf.BPF{text = [[
int on_answer(struct pt_regs *ctx, unsigned long question) {
  bpf_trace_printk("%s %%d\n", question);
  return 0;
}]]}
b:attach_uprobe{name = "%s", sym = "answer", fn_name = "on_answer"}
io.stdout:setvbuf("line")
print("ready")
bpf.until_interrupted(function() b:trace_print("<{0}> {5}") end)
print("last report")
]=]):format(mark, target.path()))
    file:close()
    local tool <const> = process.start(("env LUA_PATH='%s' LUA_CPATH='%s' lua5.4 %s"):format(
      package.path, package.cpath, script))
    finally(function()
      tool:stop() -- one that still reads would keep the lines from the next tests
      os.remove(script)
    end)
    assert.equal("ready", tool:line())
    target.run(count)
    for question = 0, count - 1 do
      -- The kernel notes a task's name when it leaves the processor. Until then it is <...>, or the
      -- name of an earlier task that had the same id.
      local line <const> = tool:wait_for(mark:gsub("%p", "%%%0"))
      assert.equal(("> %s %d"):format(mark, question), line:match("^<.+(> luabpf%-trace.*)$"))
    end
    tool:signal("INT")
    local status <const>, rest <const>, errors <const> = tool:finish()
    assert.equal("", errors)
    assert.truthy(rest:find("last report", 1, true))
    assert.equal(0, status)
  end)

  -- trace_marker writes what any process says: here one with an odd name, and of several lines.
  it_with_tracing("gives odd names, and messages of several lines whole", function()
    local folder <const> = os.tmpname()
    os.remove(folder)
    local name <const> = "a-1 [2] (b) x"
    local marker <const> = "/sys/kernel/tracing/trace_marker"
    local b <const> = bpf.BPF{text = text}
    finally(function()
      b:close()
      os.execute("rm -r " .. folder)
    end)
    while b:trace_readline{nonblocking = true} do end
    assert(os.execute(("mkdir %s && cp /bin/sh '%s/%s' && for i in $(seq %d); do "
      .. "'%s/%s' -c 'printf \"%s\\n\\ntwo: 2\\n\" > %s'; done"):format(folder, folder, name, count,
      folder, name, mark, marker)))
    local messages = 0
    process.wait_until(function()
      local task <const>, _, _, _, _, message <const> = b:trace_fields{nonblocking = true}
      if message and message:find(mark, 1, true) then
        assert.equal(name, task)
        assert.equal(mark .. "\n\ntwo: 2", message)
        messages = messages + 1
      end
      return messages == count
    end)
    assert.equal(count, messages)
    assert.is_nil((b:trace_fields{nonblocking = true}))
  end)

  it_with_tracing("has one reader, or several that share the lines", function()
    local one <close> = bpf.BPF{text = text}
    local two <close> = bpf.BPF{text = text}
    one:trace_readline{nonblocking = true}
    local good <const>, e = pcall(two.trace_readline, two, {nonblocking = true})
    if not good then -- since Linux 6.9
      assert.equal(16, e.errno) -- EBUSY
      assert.equal("another program reads it; only one can", e.hint)
      one:close()
    end
    two:trace_readline{nonblocking = true}
  end)

  it_with_tracing("refuses a wrong format at once", function()
    local b <close> = bpf.BPF{text = text}
    assert.error_matches(function() b:trace_print("{6}") end, "{6}")
    assert.error_matches(function() b:trace_print{format = "{5}"} end, "unknown option 'format'")
    assert.error_matches(function() b:trace_fields{nonblock = true} end, "nonblocking")
  end)
end)
