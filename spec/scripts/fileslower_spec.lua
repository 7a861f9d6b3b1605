local tool = require("spec.support.tool")

describe("fileslower", function()
  it("shows reads and writes of files with their size and time", function()
    if tool.no_kprobes() then return pending(tool.no_kprobes()) end
    local from, to = os.tmpname(), os.tmpname()
    finally(function()
      os.remove(from)
      os.remove(to)
    end)
    assert(os.execute(("dd if=/dev/zero of=%s bs=1000 count=101 status=none"):format(from)))
    local copy = ("dd if=%s of=%s bs=1000 status=none"):format(from, to)
    local pid, go = tool.prepare(copy)
    local records = tool.records("fileslower 0 --pid " .. pid, go)

    local function count(path, direction)
      return #tool.select(records, function(record)
        return record.file == path:match("[^/]+$") and record.direction == direction
          and record.result == 1000 and record.asked_bytes == 1000 and record.latency_ns > 0
      end)
    end
    assert.equal(101, count(from, "R"))
    assert.equal(101, count(to, "W"))
    pid, go = tool.prepare(copy)
    assert.equal(0, #tool.records("fileslower 1e6 --pid " .. pid, go))
    assert.truthy(tool.run("fileslower --pid 1", function() end):find("^COMM"))
  end)
end)
