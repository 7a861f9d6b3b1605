local bpf = require("bpf")
local tool = require("spec.support.tool")

describe("exitsnoop", function()
  it("shows each process once, with its age and result", function()
    local start = bpf.monotonic_time()
    local pid, go = tool.prepare([[sh -c '
      for i in 1 2 3 4 5 6 7; do sh -c "exit 3"; done
      for i in 1 2 3 4 5; do sh -c "kill -KILL \$\$"; done
      sleep 0.2 & wait' 2>/dev/null]])
    local ended = tool.select(tool.records("exitsnoop", go), function(record)
      return record.ppid == pid
    end)
    local took = bpf.monotonic_time() - start
    local function count(status, signal)
      return #tool.select(ended, function(record)
        return record.status == status and record.signal == signal
      end)
    end
    assert.equal(7, count(3))
    assert.equal(5, count(nil, 9))
    assert.equal(13, #ended)
    for _, record in ipairs(ended) do
      assert.equal(record.tid, record.pid)
      assert.is_true(record.age_ns > 0 and record.age_ns < took)
      if record.comm == "sleep" then assert.is_true(record.age_ns >= 200000000) end
    end
  end)

  it("shows only failures of the chosen process, by columns", function()
    local pid, go = tool.prepare("sh -c 'exit 5'")
    local lines = tool.run("exitsnoop --failed --name sh --utc -t --label here -p " .. pid, go)
    local head, line, more = lines:match("^([^\n]*)\n([^\n]*)\n(.*)$")
    assert.truthy(head:find("^TIME +TIME%(s%) +LABEL +COMM +PID +PPID +TID +AGE%(s%) RESULT$"))
    assert.truthy(line:find(("^%%d%%d:%%d%%d:%%d%%d 0%%.000000 +here +sh +%d .* 5$"):format(pid)))
    assert.equal("", more)
  end)
end)
