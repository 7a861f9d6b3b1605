local bpf = require "bpf"
local json = require "dkjson"
local process = require("spec.support.process")
local waiting = require("spec.support.waiting")

local naps, nap_us = 7, 20000

-- A program that waits for a line, and then sleeps so often. The call is made in nap() itself,
-- because the C library keeps no frame pointers, which the kernel follows.
local source = ([[
  #include <stdio.h>
  #include <sys/syscall.h>
  #include <time.h>
  #include <unistd.h>
  __attribute__((noinline)) void nap(const struct timespec *time)
  {
      long result = SYS_nanosleep;
      asm volatile("syscall" : "+a"(result) : "D"(time), "S"(0) : "rcx", "r11", "memory");
  }
  int main(void)
  {
      struct timespec time = {0, %d000};
      puts("ready");
      fflush(stdout);
      getchar();
      for (int i = 0; i < %d; i++)
          nap(&time);
      puts("done");
      fflush(stdout);
      pause();
  }
]]):format(nap_us, naps)

describe("offcputime", function()
  local program
  setup(function() program = process.compile(source) end)
  teardown(function() os.remove(program) end)

  -- What the tool says about the program while it sleeps, and how many µs at most it could.
  local function trace(options)
    local sleeper = waiting.start(program)
    local tool = process.start(("./luabpf offcputime --pid %d %s"):format(sleeper.pid, options))
    tool:wait_for("^Tracing waits")
    local start = bpf.monotonic_time()
    sleeper:tell("go")
    sleeper:wait_for("done")
    local took = (bpf.monotonic_time() - start) // 1000
    tool:signal("INT")
    local status, out, errors = tool:finish()
    sleeper:stop()
    assert.equal("", errors)
    assert.equal(0, status)
    return out, took
  end

  it("adds up what a thread sleeps, under the function that sleeps", function()
    local picture = os.tmpname()
    local out, took = trace("--min-block-time 5000 --flamegraph " .. picture)
    -- A nap that begins with a preemption has another stack in the kernel.
    local us = 0
    for user, one in out:gmatch("    %-%-\n(    nap\n.-)    %-  +%S+ %(%d+%)\n +(%d+)\n") do
      assert.truthy(user:find("^    nap\n    main\n"))
      us = us + tonumber(one)
    end
    assert.truthy(out:find("    __schedule\n", 1, true))
    assert.is_true(us >= naps * nap_us, out)
    assert.is_true(us < took, out)
    local file = assert(io.open(picture))
    assert.truthy(file:read("a"):find("nap", 1, true))
    file:close()
    os.remove(picture)
  end)

  it("#any_kernel leaves out what is shorter or longer than asked", function()
    assert.is_nil((trace("-M 5000 -U")):find("nap", 1, true))
  end)

  it("#any_kernel writes JSON with exact integers", function()
    local status, out, errors = process.run("./luabpf offcputime --json --duration 0.1 -u")
    -- Two stacks may fall on one id; that is told.
    assert.truthy(errors == "" or errors:find("^%d+ stacks found no room[^\n]+\n$"), errors)
    assert.equal(0, status)
    for line in out:gmatch("[^\n]+") do
      local record = json.decode(line)
      assert.truthy(record, line)
      assert.equal("integer", math.type(record.microseconds))
      assert.is_table(record.kernel)
    end
  end)
end)
