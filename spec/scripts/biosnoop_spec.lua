local disk = require("spec.support.disk")
local tool = require("spec.support.tool")

describe("biosnoop", function()
  it("shows each request with its process, size and time", function()
    local path, own_disk, clean_up = disk.file()
    if not path then return pending(own_disk) end
    finally(clean_up)
    local pid, go = tool.prepare(disk.reads(path, 17))
    local requests = tool.records("biosnoop --pattern --name dd --pid " .. pid, go)
    local bytes = 0
    for i, request in ipairs(requests) do
      assert.is_true(request.pattern == "S" or request.pattern == "R" or i == 1)
      assert.equal("read", request.operation)
      assert.equal(own_disk or requests[1].disk, request.disk)
      assert.equal(0, request.error)
      assert.is_true(request.latency_ns > 0 and request.queued_ns >= 0)
      bytes = bytes + request.bytes
    end
    assert.is_true(bytes >= 17 * 12288) -- dd itself may come from the disk, too
    if own_disk then
      assert.equal(17, #requests)
      assert.equal(17 * 12288, bytes)
    end
  end)
end)
