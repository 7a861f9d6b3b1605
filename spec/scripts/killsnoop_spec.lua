local bpf = require("bpf")
local process = require("spec.support.process")
local tool = require("spec.support.tool")

local signals = [[sh -c '
  trap "" USR1
  for i in 1 2 3 4 5 6 7; do kill -USR1 $$; done
  for i in 1 2 3; do kill -0 99999999; done' 2>/dev/null]]

describe("killsnoop", function()
  it("shows each call, with target and result", function()
    local pid, go = tool.prepare(signals)
    local before = bpf.monotonic_time()
    local calls = tool.records("killsnoop --pid " .. pid, go)
    assert.equal(10, #calls)
    assert.is_true(before < calls[1].time_ns and calls[10].time_ns < bpf.monotonic_time())
    for i, call in ipairs(calls) do
      assert.equal(i <= 7 and 10 or 0, call.signal)
      assert.equal(i <= 7 and pid or 99999999, call.target)
      assert.equal(i <= 7 and 0 or -3, call.result)
      assert.equal("sh", call.comm)
    end
  end)

  it("loses nothing of a burst, though it is not there to read", function()
    local pid, go = tool.prepare(
      "sh -c 'i=0; while [ $i -lt 1009 ]; do kill -0 $$; i=$((i+1)); done'")
    local calls = tool.records("killsnoop --pid " .. pid, function(running)
      running:signal("STOP")
      go()
      running:signal("CONT")
    end)
    assert.equal(1009, #calls)
  end)

  it("runs a command, traces only it, and ends with it", function()
    local status, out, errors = process.run("./luabpf killsnoop -c 'kill -0 99999999'")
    assert.equal(0, status)
    assert.truthy(errors:find("No such process", 1, true)) -- what the command said
    assert.equal(1, select(2, out:gsub("\n%d+ +kill +0 +99999999 +%-3\n", "")))
    assert.equal(2, select(2, out:gsub("\n", "")))
    status, out, errors = process.run("./luabpf killsnoop --command ./no-such-command")
    assert.same({ 1, 1 }, { status, select(2, out:gsub("\n", "")) })
    assert.equal("Could not run the command: No such file or directory\n", errors)
  end)

  it("shows only failures, or one signal", function()
    local pid, go = tool.prepare(signals)
    local out = tool.run("killsnoop --failed --tpid 99999999 --pid " .. pid, go)
    assert.equal(3, select(2, out:gsub("sh +0 +99999999 +%-3\n", "")))
    assert.equal(4, select(2, out:gsub("\n", "")))
    pid, go = tool.prepare(signals)
    assert.equal(7, #tool.records("killsnoop --signal 10 --pid " .. pid, go))
  end)
end)
