local tool = require("spec.support.tool")

describe("vfsstat", function()
  it("counts what a process asks of files", function()
    if tool.no_kprobes() then return pending(tool.no_kprobes()) end
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    local pid, go = tool.prepare(("dd if=/dev/zero of=%s bs=1 count=1009 conv=fsync status=none")
      :format(path))
    local sums = { read = 0, write = 0, fsync = 0, open = 0, create = 0 }
    for _, record in ipairs(tool.records(("vfsstat --pid %d 100"):format(pid), go)) do
      for kind, sum in pairs(sums) do sums[kind] = sum + record[kind] end
    end
    assert.equal(1009, sums.write)
    assert.is_true(sums.fsync == 1 or sums.fsync == 2) -- an overlay asks what lies below
    assert.is_true(sums.read >= 1009 and sums.read < 1059) -- and the libraries of dd
    assert.is_true(sums.open >= 2)
  end)
end)
