local process = require("spec.support.process")
local tool = require("spec.support.tool")

-- A program that leaves the processor 101 times: a sleep may be over before it does.
local source = [[
  #include <sys/resource.h>
  #include <unistd.h>
  int main(void)
  {
      struct rusage first, now;
      getrusage(RUSAGE_SELF, &first);
      do {
          usleep(500);
          getrusage(RUSAGE_SELF, &now);
      } while (now.ru_nvcsw < first.ru_nvcsw + 101);
      return 0;
  }]]

describe("runqlat", function()
  it("counts each time that a thread had to wait", function()
    local sleeper = process.compile(source)
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
