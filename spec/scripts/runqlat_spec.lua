local process = require("spec.support.process")
local tool = require("spec.support.tool")

describe("runqlat", function()
  it("counts each time that a thread had to wait", function()
    local sleeper = process.compile([[
      #include <unistd.h>
      int main(void)
      {
          for (int i = 0; i < 101; i++)
              usleep(500);
          return 0;
      }]])
    finally(function() os.remove(sleeper) end)
    for _, options in ipairs{ "", "--tids" } do
      local pid, go = tool.prepare(sleeper)
      local records = tool.records(("runqlat --pid %d %s"):format(pid, options), go)
      local count = 0
      for _, slot in ipairs(records[1].data) do count = count + slot.count end
      assert.equal(1, #records)
      assert.is_true(count >= 101)
      assert.equal(options ~= "" and pid or nil, records[1].tid)
    end
  end)
end)
