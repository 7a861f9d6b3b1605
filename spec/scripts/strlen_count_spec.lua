local process = require("spec.support.process")

local calls = 1009
local marker = "luabpf-marker-" .. process.own_pid()

-- A program that waits for a line, then calls strlen() on a known string a known number of times.
local function workload()
  return process.compile(([[
    #include <stdio.h>
    #include <string.h>
    int main(void)
    {
        char line[8];
        volatile unsigned long sum = 0;
        if (!fgets(line, sizeof line, stdin))
            return 1;
        for (int i = 0; i < %d; i++)
            sum += strlen("%s");
        return 0;
    }]]):format(calls, marker))
end

describe("strlen_count", function()
  local program
  setup(function() program = workload() end)
  teardown(function() os.remove(program) end)

  local function counted(options, run)
    local before = process.defined_probes()
    local tool = process.start("./luabpf strlen_count " .. options)
    tool:wait_for("^Counting strlen")
    run()
    tool:signal("INT")
    local status, out, errors = tool:finish()
    assert.equal("", errors)
    assert.equal(0, status)
    assert.equal(before, process.defined_probes())
    assert.truthy(out:find("COUNT STRING", 1, true))
    return tonumber(out:match("(%d+) " .. marker:gsub("%p", "%%%0") .. "\n")), out
  end

  it("counts every call, exactly", function()
    assert.equal(calls, (counted("", function() os.execute("echo go | " .. program) end)))
  end)

  it("counts one process only when asked", function()
    local input = assert(io.popen("echo $$ > " .. program .. ".pid; exec " .. program, "w"))
    local pid
    process.wait_until(function()
      local file = io.open(program .. ".pid")
      pid = file and file:read("n")
      if file then file:close() end
      return pid
    end)
    os.remove(program .. ".pid")
    assert.equal(calls, (counted("--pid " .. pid, function()
      os.execute("echo go | " .. program) -- another process, not counted
      input:write("go\n")
      input:close()
    end)))
  end)

  it("shows the most frequent first, and no more than asked", function()
    local _, out = counted("--top 3", function() os.execute("echo go | " .. program) end)
    local counts = {}
    for number in out:gmatch("\n *(%d+) ") do counts[#counts + 1] = tonumber(number) end
    assert.equal(3, #counts)
    assert.is_true(counts[1] >= counts[2] and counts[2] >= counts[3])
  end)
end)
