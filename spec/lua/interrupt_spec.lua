-- Ctrl-C: a script ends at once, prints its last report, detaches, and shows no traceback.

local bpf = require "bpf"
local process = require "spec.support.process"

-- Runs a script that prints "ready", at any moment after that or when it rests sends it a signal,
-- and gives what became of it.
local function interrupt(body, signal, when_it_rests)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write([[
    package.path = "]] .. package.path .. [["
    package.cpath = "]] .. package.cpath .. [["
    local bpf = require "bpf"
    local function ready() print("ready") io.flush() end
  ]], body)
  file:close()
  local running = process.start("lua5.4 " .. path)
  running:wait_for("^ready")
  if when_it_rests then assert(running:wait_for_rest()) else bpf.sleep(0.1) end
  running:signal(signal or "INT")
  local status, output, errors = running:finish()
  os.remove(path)
  return status, output, errors
end

local function waits(body)
  return ("print(bpf.until_interrupted(function() ready() %s end)) print('report')"):format(body)
end

describe("until_interrupted", function()
  local ways = {
    ["a sleep"] = "bpf.sleep(1000)",
    ["a loop without any call"] = "while true do end",
    ["a coroutine that sleeps"] = "coroutine.wrap(function() bpf.sleep(1000) end)()",
    ["a loop that catches errors"] = "while true do pcall(bpf.sleep, 1000) end",
  }
  for name, body in pairs(ways) do
    it("ends " .. name, function()
      local status, output, errors = interrupt(waits(body))
      assert.same({ 0, "true\nreport\n", "" }, { status, output, errors })
    end)
  end

  it("waits for the signal without a function", function()
    local status, output = interrupt("ready() print(bpf.until_interrupted()) print('report')",
      "INT", true)
    assert.same({ 0, "true\nreport\n" }, { status, output })
  end)

  for _, signal in ipairs { "TERM", "HUP" } do
    it("takes SIG" .. signal, function()
      local status, output = interrupt(waits("bpf.sleep(1000)"), signal)
      assert.same({ 0, "true\nreport\n" }, { status, output })
    end)
  end

  it("closes what its function opened", function()
    local _, output = interrupt(waits([[
      local c <close> = setmetatable({}, { __close = function()
        bpf.sleep(0)
        print("closed")
      end })
      bpf.sleep(1000)
    ]]))
    assert.equal("closed\ntrue\nreport\n", output)
  end)

  it("nests: the inner one takes the signal", function()
    local status, output = interrupt([[
      print(bpf.until_interrupted(function()
        ready()
        print("inner", bpf.until_interrupted(bpf.sleep, 1000))
        return 5
      end))
    ]], "INT", true)
    assert.same({ 0, "inner\ttrue\nfalse\t5\n" }, { status, output })
  end)

  it("gives the interpreter its own Ctrl-C back", function()
    local status, _, errors = interrupt([[
      bpf.until_interrupted(function() end)
      ready()
      bpf.sleep(1000)
      bpf.sleep(1000)
    ]], "INT", true)
    assert.equal(1, status)
    assert.truthy(errors:find("interrupted!", 1, true))
  end)

  it("returns what its function returns, and lets errors through", function()
    local function same(...) return ... end
    assert.same({ false, 1, nil, 3 }, { bpf.until_interrupted(same, 1, nil, 3) })
    assert.error_matches(function() bpf.until_interrupted(error, "boom") end, "boom")
    local e = setmetatable({}, { __tostring = function() return "x" end })
    assert.equal(e, select(2, pcall(bpf.until_interrupted, error, e)))
  end)
end)

describe("sleep", function()
  it("tells what is left", function()
    assert.equal(0.0, bpf.sleep(0.01))
    assert.equal(0.0, bpf.sleep(0))
    assert.error_matches(function() bpf.sleep(-1) end, "must not be negative")
  end)
end)
