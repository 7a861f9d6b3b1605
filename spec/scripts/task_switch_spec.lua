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

describe("task_switch", function()
  it("counts who follows whom", function()
    local sleeper = process.compile(source)
    finally(function() os.remove(sleeper) end)
    local pid, go = tool.prepare(sleeper)
    local out = tool.run("task_switch", go)
    local to, from = 0, 0
    for before, after, count in out:gmatch("(%d+) %-> (%d+) +(%d+)\n") do
      if tonumber(before) == pid then from = from + tonumber(count) end
      if tonumber(after) == pid then to = to + tonumber(count) end
    end
    assert.is_true(to >= 101)
    assert.is_true(math.abs(to - from) <= 1) -- its end may come after it was waited for
  end)
end)
