-- Tables of counts whose keys name stacks, as stacks with names: what flame graphs are made of.
local bpf <const> = require "bpf"
local caller <const> = require "spec.support.caller"
local flamegraph <const> = require "bpf.flamegraph"
local stacks <const> = require "bpf.stacks"

describe("get_stacks #any_kernel", function()
  -- A table of stacks that asks nobody: {[id] = names, innermost first}.
  local function table_of(names)
    local asked = 0
    return setmetatable({
      get_symbols = function(_, id, pid)
        asked = asked + 1
        local found <const> = names[id]
        return found and pid >= 0 and { "of " .. pid, table.unpack(found) } or found
      end,
      asked = function() return asked end,
    }, { __index = stacks.methods })
  end

  it("names the stacks of structs, outermost frame first", function()
    local source <const> = table_of{ [1] = { "read", "main" }, [2] = { "vfs_read", "sys;read" } }
    local key <const> = { pid = 7, user_stack_id = 1, kernel_stack_id = 2, comm = "a;b" }
    assert.equal("a:b;main;read;of 7;sys:read_[k];vfs_read_[k] 5\n", flamegraph.fold(
      source:get_stacks({ { key, 5 } }, { annotate = true })))
    assert.equal("main;read;of 7 5\n", flamegraph.fold(
      source:get_stacks({ { key, { hits = 5 } } }, { comm = false, kernel = false,
        count = "hits" })))
    assert.equal(3, source.asked())
  end)

  it("asks once for each stack, and adds up the counts of all CPUs", function()
    local source <const> = table_of{ [1] = { "work" } }
    local counts <const> = {}
    for cpu = 1, 5 do counts[cpu] = { { cpu = cpu, stack = 1 }, { cpu, 10 } } end
    assert.equal("work 65\n", flamegraph.fold(source:get_stacks(counts, { kernel = "stack" })))
    assert.equal(1, source.asked())
  end)

  it("tells missing stacks from those that there are none of", function()
    local source <const> = table_of{}
    local counts <const> = {}
    for i, id in ipairs{ -14, 0xFFFFFFF2, -17, 9 } do
      local key <const> = { user_stack_id = -14, kernel_stack_id = id, pid = 1, comm = "x" }
      counts[i] = { key, ({ 10, 100, 1000, 10000 })[i] }
    end
    assert.equal("x 110\nx;[missed kernel stack] 11000\n",
      flamegraph.fold(source:get_stacks(counts)))
  end)

  it("takes keys that are ids", function()
    local source <const> = table_of{ [3] = { "b", "a" } }
    assert.equal("a;b 2\n", flamegraph.fold(source:get_stacks{ { 3, 2 } }))
    assert.equal("a;b;of 4 2\n", flamegraph.fold(source:get_stacks({ { 3, 2 } }, { pid = 4 })))
  end)

  it("says what it misses", function()
    local source <const> = table_of{}
    local function failing(counts, options)
      return function() source:get_stacks(counts, options) end
    end
    assert.error_matches(failing{ { { pid = 1 }, 1 } }, "tell which field of the key")
    assert.error_matches(failing({ { { pid = 1 }, 1 } }, { user = "ustack" }),
      "the keys have no field 'ustack'")
    assert.error_matches(failing({ { 1, 1 } }, { pid = "tgid" }), "the keys are ids of stacks")
    assert.error_matches(failing{ { 1, "x" } }, "the counts must be numbers")
    assert.error_matches(failing({}, { users = "x" }), "did you mean 'user'")
  end)

  it("counts the stacks of system calls", function()
    if not bpf.features().tracepoint.available then
      pending("needs tracepoints: " .. bpf.features().tracepoint.reason)
    end
    local process <const> = caller.start()
    finally(function() process:close() end)
    local b <close> = bpf.BPF{ text = ([[
struct key_t { u32 pid; int user_stack_id; int kernel_stack_id; char comm[TASK_COMM_LEN]; };
BPF_HASH(counts, struct key_t, u64);
BPF_STACK_TRACE(stacks, 64);
TRACEPOINT_PROBE(syscalls, sys_enter_getpgid) {
  struct key_t key = { .pid = bpf_get_current_pid_tgid() >> 32 };
  if (key.pid != PID) return 0;
  key.user_stack_id = stacks.get_stackid(args, BPF_F_USER_STACK);
  key.kernel_stack_id = stacks.get_stackid(args, 0);
  bpf_get_current_comm(&key.comm, sizeof key.comm);
  counts.increment(key);
  return 0;
}]]):gsub("PID", process.pid) }
    process:call(31)
    local text <const> = flamegraph.fold(b.stacks:get_stacks(b.counts, { annotate = true }))
    local sum = 0
    for line in text:gmatch("[^\n]+") do
      local user <const>, count <const> = line:match("^caller;(.+);[^;]+_%[k%] (%d+)$")
      assert.truthy(user and user:find("syscall", 1, true), line)
      sum = sum + count
    end
    assert.equal(31, sum)
  end)
end)
