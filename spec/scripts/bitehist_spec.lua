local disk = require("spec.support.disk")
local tool = require("spec.support.tool")

describe("bitehist", function()
  it("draws the sizes of requests", function()
    local path, own_disk, clean_up = disk.file()
    if not path then return pending(own_disk) end
    finally(clean_up)
    local out = tool.run("bitehist", function() os.execute(disk.reads(path, 101)) end)
    assert.truthy(out:find("\n     kbytes              : count     distribution\n", 1, true))
    local count = tonumber(out:match("\n         8 %-> 15         : (%d+) "))
    assert.is_true(count >= 50)
    if own_disk then assert.equal(101, count) end
  end)
end)
