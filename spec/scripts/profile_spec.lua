local bpf = require "bpf"
local json = require "dkjson"
local process = require("spec.support.process")

-- A program that works in a function of its own until it is ended.
local source = [[
  #include <stdio.h>
  #include <unistd.h>
  volatile unsigned long work;
  __attribute__((noinline)) void spin(void) { for (;;) work++; }
  int main(void) { puts("spinning"); fflush(stdout); spin(); }
]]

describe("profile", function()
  local program, busy
  setup(function()
    program = process.compile(source)
    busy = process.start(program)
    busy:wait_for("spinning")
  end)
  teardown(function()
    busy:signal("KILL")
    busy:finish()
    os.remove(program)
  end)

  local function profile(options)
    local command = ("./luabpf profile --pid %d %s"):format(busy.pid, options)
    local status, out, errors = process.run(command)
    assert.equal("", errors)
    assert.equal(0, status)
    return out
  end

  it("finds the function that keeps a processor busy, and draws it", function()
    local picture = os.tmpname()
    local start = bpf.monotonic_time()
    local out = profile("--folded -U -F 499 --flamegraph " .. picture .. " 0.6")
    local took = (bpf.monotonic_time() - start) / 1e9
    local comm = program:match("[^/]+$"):sub(1, 15)
    local total, in_spin = 0, 0
    for stack, count in out:gmatch("([^\n]+) (%d+)\n") do
      assert.equal(comm, stack:match("^[^;]+"))
      total = total + count
      if stack:find(";main;spin$") then in_spin = in_spin + count end
    end
    assert.is_true(in_spin >= 5, out)
    assert.is_true(in_spin >= 0.9 * total, out)
    assert.is_true(total <= 499 * took + 1, out)
    local file = assert(io.open(picture))
    local svg = file:read("a")
    file:close()
    os.remove(picture)
    assert.truthy(svg:find("<svg", 1, true))
    assert.truthy(svg:find("spin", 1, true))
  end)

  it("#any_kernel shows stacks to people and to programs, the most frequent last", function()
    local out = profile("-d 0.5 -F 997")
    assert.truthy(out:find("^Sampling at 997 Hz. Ends after 0.5 s.\n"))
    local last_stack = "    spin\n    main\n.*    %%-  +%%S+ %%(%d%%)\n  +%%d+\n\n$"
    assert.truthy(out:find(last_stack:format(busy.pid)))
    local last
    for line in profile("-d 0.5 -c 1000000 --json"):gmatch("[^\n]+") do last = json.decode(line) end
    assert.equal(busy.pid, last.pid)
    assert.equal("spin", last.user[1])
    assert.equal("integer", math.type(last.samples))
  end)

  it("#any_kernel takes several processes and threads", function()
    local format = "./luabpf profile --folded -F 199 -d 0.3 -p %s -L %s"
    for _, row in ipairs{ { "1,%d", "%d,2", true }, { "1,2", "%d,2" }, { "1,%d", "1,2" } } do
      local command = format:format(row[1], row[2])
      local status, out, errors = process.run((command:gsub("%%d", busy.pid)))
      assert.same({ 0, "" }, { status, errors })
      assert.equal(row[3], out:find(";spin", 1, true) and true)
    end
  end)

  it("#any_kernel shows nothing of others", function()
    assert.equal("", profile("--folded --name no-such-name 0.05"))
  end)
end)
