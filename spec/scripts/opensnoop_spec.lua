local process = require("spec.support.process")

local own_pid = process.own_pid()
local there, missing = os.tmpname(), "/missing/luabpf-marker-" .. own_pid
local good_calls, bad_calls = 11, 7

-- Runs the tool on this process while it opens files; returns the lines about them.
local function trace(options, open_more)
  local before = process.defined_probes()
  local tool = process.start(("./luabpf opensnoop --pid %d %s"):format(own_pid, options))
  tool:wait_for("PATH")
  for _ = 1, good_calls do io.open(there):close() end
  for _ = 1, bad_calls do io.open(missing) end
  if open_more then open_more() end
  io.open(there .. "-last")
  local lines = {}
  for line in tool.out:lines() do
    if line:find(there .. "-last", 1, true) then break end
    lines[#lines + 1] = line
  end
  tool:signal("INT")
  local status, _, errors = tool:finish()
  assert.equal("", errors)
  assert.equal(0, status)
  assert.equal(before, process.defined_probes())
  return lines
end

local function count(lines, pattern)
  local number = 0
  for _, line in ipairs(lines) do
    if line:find(pattern) then number = number + 1 end
  end
  return number
end

local function escape(text)
  return (text:gsub("%p", "%%%0"))
end

describe("opensnoop", function()
  teardown(function() os.remove(there) end)

  it("shows each call once, with descriptor or error", function()
    local lines = trace("")
    local start = "^" .. own_pid .. " +%S+ +"
    assert.equal(good_calls, count(lines, start .. "%d+ +0 " .. escape(there) .. "$"))
    assert.equal(bad_calls, count(lines, start .. "%-1 +2 " .. escape(missing) .. "$"))
    assert.equal(good_calls + bad_calls, #lines)
  end)

  it("shows only failed calls when asked", function()
    local lines = trace("--failed")
    assert.equal(bad_calls, #lines)
    assert.equal(bad_calls, count(lines, escape(missing)))
  end)

  it("shows time, user, flags, and where files with relative names are", function()
    local pipe <close> = io.popen("pwd -P")
    local folder = pipe:read("l")
    local lines = trace("--timestamp --print-uid --extended-fields --full-path", function()
      for _ = 1, 5 do io.open("missing-luabpf-marker/file") end
    end)
    assert.equal(5, count(lines, " " .. escape(folder) .. "/missing%-luabpf%-marker/file$"))
    local timed = "^%d+%.%d+ +0 +" .. own_pid .. " .* 0%d+ /"
    assert.equal(good_calls + bad_calls + 5, count(lines, timed))
  end)

  it("ends by itself after the given time", function()
    local status, out, errors = process.run("./luabpf opensnoop --duration 1 --pid " .. own_pid)
    assert.equal("", errors)
    assert.equal(0, status)
    assert.equal(1, select(2, out:gsub("\n", "")))
  end)

  it("names what is wrong with a flag", function()
    local status, _, errors = process.run("./luabpf opensnoop -f O_NONSENSE")
    assert.not_equal(0, status)
    assert.truthy(errors:find("O_NONSENSE", 1, true))
  end)
end)
