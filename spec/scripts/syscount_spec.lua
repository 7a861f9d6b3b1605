local bpf = require("bpf")
local process = require("spec.support.process")
local tool = require("spec.support.tool")

local workload = [[lua5.4 -e 'for i = 1, 1009 do os.rename("/missing/a", "/missing/b") end']]

describe("syscount", function()
  it("counts each call, by name", function()
    local pid, go = tool.prepare(workload)
    local counts = {}
    for _, record in ipairs(tool.records("syscount --top 1000 --pid " .. pid, go)) do
      counts[record.name] = record.count
    end
    assert.equal(1009, counts.rename)
  end)

  it("counts failures of one call, with their time, by process", function()
    local start = bpf.monotonic_time()
    local pid, go = tool.prepare(workload)
    local records = tool.records("syscount --process --latency --syscall rename --errno ENOENT", go)
    local ours = tool.select(records, function(record) return record.pid == pid end)[1]
    assert.equal(1009, ours.count)
    assert.is_true(ours.time_ns > 1009 and ours.time_ns < bpf.monotonic_time() - start)
  end)

  it("reports by columns, and after each interval", function()
    local running = process.start("./luabpf syscount --failures --pid 1 0.1")
    for _ = 1, 3 do running:wait_for("SYSCALL +COUNT$") end
    running:signal("INT")
    assert.equal(0, (running:finish()))
  end)
end)
