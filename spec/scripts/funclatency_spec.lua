local bpf = require "bpf"
local calls = require "spec.support.calls"
local process = require "spec.support.process"
local tool = require "spec.support.tool"

local naps = 7

-- naps calls that sleep 3 ms; one function that calls itself five times, 2 ms in each call.
local source = ([[
  #include <unistd.h>
  __attribute__((noinline)) void nap(void) { usleep(3000); }
  __attribute__((noinline)) void nest(int depth)
  {
      usleep(2000);
      if (depth > 1)
          nest(depth - 1);
  }
  int main(void)
  {
      for (int i = 0; i < %d; i++)
          nap();
      nest(5);
  }
]]):format(naps)

describe("funclatency", function()
  local program
  setup(function() program = process.compile(source) end)
  teardown(function() os.remove(program) end)

  local function run() assert(os.execute(program)) end

  it("#any_kernel shows how long calls take, with their exact number", function()
    local out = tool.run(("funclatency -m %s:nap"):format(program), run)
    assert.truthy(out:find("\n     msecs +: count"))
    local average, total, count = out:match("avg = (%d+) msecs, total: (%d+) msecs, count: (%d+)\n")
    assert.equal(naps, tonumber(count))
    assert.is_true(tonumber(average) >= 3)
    assert.is_true(tonumber(total) >= 3 * naps)
    assert.truthy(out:find("\n +0 %-> 1 +: 0 "))
    assert.is_nil(out:find("traceback"))
  end)

  it("times each call of a function that calls itself", function()
    local records = tool.records(("funclatency -u -F -r '%s:na?p|ne?st'"):format(program), run)
    local by_name = {}
    for _, record in ipairs(records) do
      local total, least = 0, nil
      for _, row in ipairs(record.data) do
        total = total + row.count
        if row.count > 0 then least = least or row["interval-end"] end
      end
      by_name[record.Function] = { total, least }
    end
    assert.equal(naps, by_name.nap[1])
    assert.is_true(by_name.nap[2] >= 3000)
    assert.equal(5, by_name.nest[1])
    assert.is_true(by_name.nest[2] >= 2000)
  end)

  it("#any_kernel makes a histogram for each process", function()
    local out = tool.run(("funclatency --process %s:nap"):format(program), function()
      run()
      run()
    end)
    assert.equal(2, select(2, out:gsub("\nProcess = %d+\n", "")))
    assert.truthy(out:find("count: " .. 2 * naps, 1, true))
  end)

  local no_kprobes = tool.no_kprobes()
  it("times functions of the kernel", no_kprobes and function() pending(no_kprobes) end
  or function()
    for _, name in ipairs{ "dup3", "dup3*" } do
      local traced = calls.start(101)
      local out = tool.run(("funclatency -p %d '%s%s'"):format(traced.pid,
        bpf.BPF.get_syscall_prefix(), name), function() calls.go(traced) end)
      assert.truthy(out:find("count: 101\n", 1, true), out)
    end
  end)

  it("#any_kernel refuses what has no end", function()
    local status, _, errors = process.run("./luabpf funclatency t:sched:sched_switch")
    assert.not_equal(0, status)
    assert.truthy(errors:find("no function", 1, true))
  end)
end)
