local disk = require("spec.support.disk")
local tool = require("spec.support.tool")

local reads = 101

-- What the histograms count, by their names.
local function totals(records, section)
  local sums = {}
  for _, record in ipairs(records) do
    local name, sum = record[section] or "all", 0
    for _, slot in ipairs(record.data) do sum = sum + slot.count end
    sums[name] = (sums[name] or 0) + sum
  end
  return sums
end

describe("biolatency", function()
  local path, own_disk, clean_up

  local function only_disk() return own_disk and " --disk " .. own_disk or "" end

  setup(function() path, own_disk, clean_up = disk.file() end)
  teardown(function() if path then clean_up() end end)

  local function trace(options)
    return tool.records("biolatency " .. options, function()
      os.execute(disk.reads(path, reads))
    end)
  end

  it("counts each request once, by disk and operation", function()
    if not path then return pending(own_disk) end
    local by_name = totals(trace("--disks --flags" .. only_disk()), "disk")
    if own_disk then
      assert.equal(reads, by_name[own_disk .. " read"])
    else
      local most = 0
      for name, count in pairs(by_name) do
        if name:find(" read$") then most = math.max(most, count) end
      end
      assert.is_true(most >= reads)
    end
  end)

  it("draws one histogram for all", function()
    if not path then return pending(own_disk) end
    assert.is_true(totals(trace("--queued")).all >= reads)
    local out = tool.run("biolatency --extension --milliseconds", function()
      os.execute(disk.reads(path, reads))
    end)
    assert.truthy(out:find("\n     msecs               : count     distribution\n", 1, true))
    assert.truthy(out:find("\navg = %d+ msecs, total: %d+ msecs, count: %d+\n"))
  end)
end)
