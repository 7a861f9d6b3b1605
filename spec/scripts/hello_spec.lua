local process = require("spec.support.process")
local tool = require("spec.support.tool")

-- Starts a script, starts processes until it prints a line with the pattern, and ends it.
local function line_of(script, pattern)
  local running = process.start("./luabpf " .. script)
  local workload = process.start("sh -c 'while :; do /bin/true; done'")
  local line = running:wait_for(pattern)
  workload:signal("KILL")
  workload:finish()
  running:signal("INT")
  local status, _, errors = running:finish()
  assert.equal("", errors)
  assert.equal(0, status)
  return line
end

describe("hello_world", function()
  it("prints a line for each new process", function()
    assert.truthy(line_of("hello_world", "^ .*%-%d+ .*: bpf_trace_printk: Hello, World!$"))
  end)
end)

describe("hello_fields", function()
  it("prints columns", function()
    assert.truthy(line_of("hello_fields", "^%d+%.%d+ +%S.* %d+ +Hello, World!$"))
  end)
end)

describe("hello_perf_output", function()
  it("prints an event for each new process", function()
    local pid, go = tool.prepare("sh -c 'for i in 1 2 3 4 5 6 7; do /bin/true; done; exit 0'")
    local out = tool.run("hello_perf_output", go)
    local children = 0
    for parent in out:gmatch("\n%d+%.%d+ +sh +(%d+) +Hello, %d+!") do
      if tonumber(parent) == pid then children = children + 1 end
    end
    assert.equal(7, children)
  end)
end)
