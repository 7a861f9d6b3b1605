local build = require("spec.support.build")
local tool = require("spec.support.tool")

describe("runqlat", function()
  it("counts each time that a thread had to wait", function()
    for _, options in ipairs{ "", "--tids" } do
      local pid, go = tool.prepare(build.program("sleeper"))
      local records = tool.records(("runqlat --pid %d %s"):format(pid, options), go)
      local count = 0
      for _, slot in ipairs(records[1].data) do count = count + slot.count end
      assert.equal(1, #records)
      assert.is_true(count >= 101)
      assert.equal(options ~= "" and pid or nil, records[1].tid)
    end
  end)

  it("#any_kernel tells namespaces of processes apart", function()
    local records = tool.records("runqlat --pidnss --name sleep", function()
      os.execute("for i in 1 2 3; do sleep 0.01; done")
    end)
    local pipe <close> = io.popen("readlink /proc/self/ns/pid")
    local own = math.tointeger(pipe:read("l"):match("%d+"))
    local found = tool.select(records, function(record) return record.pidns == own end)
    assert.equal(1, #found)
  end)
end)
