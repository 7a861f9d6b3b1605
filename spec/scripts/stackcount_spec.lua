local bpf = require "bpf"
local calls = require "spec.support.calls"
local process = require "spec.support.process"
local tool = require "spec.support.tool"
local waiting = require "spec.support.waiting"

-- A program that reaches step() by two ways, so many times each, and then waits to be looked at.
local short_way, long_way = 13, 29
local source = ([[
  #include <stdio.h>
  #include <unistd.h>
  volatile long steps;
  __attribute__((noinline)) void step(void) { steps++; }
  __attribute__((noinline)) void short_way(void) { step(); steps++; }
  __attribute__((noinline)) void middle(void) { step(); steps++; }
  __attribute__((noinline)) void long_way(void) { middle(); steps++; }
  int main(void)
  {
      puts("ready");
      fflush(stdout);
      getchar();
      for (int i = 0; i < %d; i++)
          short_way();
      for (int i = 0; i < %d; i++)
          long_way();
      puts("done");
      fflush(stdout);
      pause();
  }
]]):format(short_way, long_way)

describe("stackcount", function()
  local program
  setup(function() program = process.compile(source) end)
  teardown(function() os.remove(program) end)

  -- Runs the tool while the program takes its steps; the program lives until the tool has ended.
  local function with_program(test)
    local walker = waiting.start(program)
    test(walker.pid, function()
      walker:tell("go")
      walker:wait_for("done")
    end)
    walker:stop()
  end

  it("counts each way to a function exactly", function()
    with_program(function(pid, walk)
      local records = tool.records(("stackcount -U -p %d %s:step"):format(pid, program), walk)
      assert.equal(2, #records)
      assert.equal(short_way, records[1].count)
      assert.equal(long_way, records[2].count)
      assert.equal("step", records[1].user[1])
      assert.equal("step", records[2].user[1])
      -- Before Linux 6.11 the kernel passes over the caller at a function's first instruction.
      assert.truthy(table.concat(records[1].user, ";"):find("main"))
      assert.truthy(table.concat(records[2].user, ";"):find("long_way;main"))
      assert.equal(pid, records[1].pid)
    end)
  end)

  it("#any_kernel folds stacks, and shows several places apart", function()
    with_program(function(pid, walk)
      local out = tool.run(("stackcount -U -f -p %d '%s:*way'"):format(pid, program), walk)
      assert.truthy(out:find((";main;short_way %d\n"):format(short_way)), out)
      assert.truthy(out:find((";main;long_way %d\n"):format(long_way)), out)
    end)
  end)

  it("counts the kernel's ways to a tracepoint, of all processes together", function()
    local program_of_calls = calls.start(101)
    local records = tool.records(("stackcount -K -p %d t:syscalls:sys_enter_dup3"):format(
      program_of_calls.pid), function() calls.go(program_of_calls) end)
    assert.equal(1, #records)
    assert.equal(101, records[1].count)
    assert.is_nil(records[1].pid)
    -- Linux 6.1 hands the caller's registers to programs at system calls: no kernel stack.
    local release = io.open("/proc/sys/kernel/osrelease"):read("l")
    local stack = table.concat(records[1].kernel, ";")
    assert.truthy(stack:find("do_syscall_64", 1, true) or stack == "" and release:find("^6%.1%."))
  end)

  local no_kprobes = tool.no_kprobes()
  it("counts ways to functions of the kernel", no_kprobes and function() pending(no_kprobes) end
  or function()
    local program_of_calls = calls.start(101)
    local dup3 = bpf.BPF.get_syscall_prefix() .. "dup3"
    local records = tool.records(("stackcount -K -p %d %s"):format(program_of_calls.pid, dup3),
      function() calls.go(program_of_calls) end)
    local sum = 0
    for _, record in ipairs(records) do
      sum = sum + record.count
      assert.truthy(table.concat(record.kernel, ";"):find(dup3, 1, true))
    end
    assert.equal(101, sum)
  end)
end)
