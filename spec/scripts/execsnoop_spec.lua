local process = require("spec.support.process")

local count = 13
local marker = "luabpf-marker-" .. process.own_pid()

-- Runs the tool, the workload, and a last program that tells the tool has seen it all; returns the
-- lines about the workload, without those of the shells that start it.
local function trace(options, workload)
  local before = process.defined_probes()
  local tool = process.start("./luabpf execsnoop " .. options)
  tool:wait_for("PCOMM +PID +PPID +RET +ARGS")
  workload()
  os.execute("/bin/true last-" .. marker)
  local lines = {}
  for line in tool.out:lines() do
    if line:find("last-" .. marker, 1, true) then break end
    if line:find(marker, 1, true) and not line:find("sh +%d+ +%d+ +0 ") then
      lines[#lines + 1] = line
    end
  end
  tool:signal("INT")
  local status, _, errors = tool:finish()
  assert.equal("", errors)
  assert.equal(0, status)
  assert.equal(before, process.defined_probes())
  return lines
end

local function runs_of_true()
  for i = 1, count do os.execute(("/bin/true %s %d"):format(marker, i)) end
end

describe("execsnoop", function()
  it("shows each program once, with its arguments in order", function()
    local lines = trace("", runs_of_true)
    assert.equal(count, #lines)
    for i, line in ipairs(lines) do
      assert.equal(("/bin/true %s %d"):format(marker, i), line:match("^true +%d+ +%d+ +0 (.*)$"))
    end
  end)

  it("shows the parent of a short-lived child", function()
    local shell
    local lines = trace("", function()
      local out = io.popen("echo $$; /bin/true " .. marker .. "; exit 0")
      shell = out:read("n")
      out:close()
    end)
    local parents = {}
    for _, line in ipairs(lines) do
      parents[#parents + 1] = tonumber(line:match("^true +%d+ +(%d+)"))
    end
    assert.same({ shell }, parents)
  end)

  it("shows failed calls with the kernel's answer only when asked", function()
    local function missing()
      local command = "lua5.4 -e 'os.execute(\"exec /missing/%s\")' 2>/dev/null"
      for _ = 1, count do os.execute(command:format(marker)) end
    end
    local function failed(lines)
      local number = 0
      for _, line in ipairs(lines) do
        if line:find(" -2 /missing/" .. marker, 1, true) then number = number + 1 end
      end
      return number
    end
    assert.equal(count, failed(trace("--fails", missing)))
    assert.equal(0, failed(trace("", missing)))
  end)

  it("shows arguments in memory that was never touched before the call", function()
    local program = process.compile(([[
      #include <unistd.h>
      int main(void)
      {
          return execl("/bin/true", "true", "%s", (char *)0);
      }]]):format(marker))
    local lines = trace("", function() os.execute(program) end)
    os.remove(program)
    assert.equal(1, #lines)
    assert.equal(marker, lines[1]:match("%S+$"))
  end)

  it("cuts after the given number of arguments, and says so", function()
    local lines = trace("--max-args 3", function()
      os.execute("/bin/true " .. marker .. " 2 3 4")
    end)
    assert.equal("/bin/true " .. marker .. " 2 ...", lines[1]:match("/bin/true.*"))
  end)

  it("quotes, and selects by name and line", function()
    local function workload()
      os.execute("/bin/true " .. marker .. " 'a \"b\"'")
      os.execute("/bin/echo " .. marker .. " > /dev/null")
    end
    local expected = ('"/bin/true" "%s" "a \\"b\\""'):format(marker)
    local lines = trace("--quote --name '^(true|false)$'", workload)
    assert.equal(1, #lines)
    assert.equal(expected, lines[1]:match('".*'))
    lines = trace("--line ' [^ ]*marker' --print-uid --time --timestamp", runs_of_true)
    assert.equal(count, #lines)
    assert.truthy(lines[1]:find("^%d%d:%d%d:%d%d %d+%.%d+ +0 +true "))
  end)

  it("ends quietly when nobody reads on", function()
    local status, out, errors = process.run("sh -c '(./luabpf execsnoop | head -n 2) & "
      .. "while kill -0 $!; do /bin/true; sleep 0.1; done 2> /dev/null; wait'")
    assert.equal("", errors)
    assert.equal(0, status)
    assert.truthy(out:find("^PCOMM"))
  end)

  it("tells its options, and refuses others", function()
    local status, out = process.run("./luabpf execsnoop --help")
    assert.equal(0, status)
    assert.truthy(out:find("--max-args", 1, true))
    local refused, _, errors = process.run("./luabpf execsnoop --nonsense")
    assert.not_equal(0, refused)
    assert.truthy(errors:find("--nonsense", 1, true))
  end)
end)
