local build = require("spec.support.build")
local tool = require("spec.support.tool")

describe("task_switch", function()
  it("counts who follows whom", function()
    local pid, go = tool.prepare(build.program("sleeper"))
    local out = tool.run("task_switch 1000", go)
    local to, from = 0, 0
    for before, after, count in out:gmatch("(%d+) %-> (%d+) +(%d+)\n") do
      if tonumber(before) == pid then from = from + tonumber(count) end
      if tonumber(after) == pid then to = to + tonumber(count) end
    end
    assert.is_true(to >= 101)
    assert.is_true(math.abs(to - from) <= 1) -- its end may come after it was waited for
  end)
end)
