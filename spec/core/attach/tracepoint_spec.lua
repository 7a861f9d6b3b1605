-- Tracepoints, with and without names in the program, counted exactly.
local bpf <const> = require "bpf"
local calls <const> = require "spec.support.calls"
local script <const> = require "spec.support.script"

local count <const> = 113
local processes <const> = 7
local missing <const> = not bpf.BPF.tracepoint_exists("syscalls", "sys_enter_dup3")
  and "needs tracepoints of system calls (CONFIG_FTRACE_SYSCALLS, and tracefs)"

local function it_with_tracepoints(name, test)
  it(name, missing and function() pending(missing) end or test)
end

local text <const> = [[
BPF_HASH(seen, u32, u64);
BPF_HASH(pids, u32, u32);

struct name { char text[128]; };
BPF_HASH(names, struct name, u64);

int on_dup3(struct tracepoint__syscalls__sys_enter_dup3 *args) {
  if ((int)args->oldfd == -7 && (int)args->newfd == -7 && args->flags == 02000000)
    seen.increment(1);
  return 0;
}
int on_dup3_too(void *ctx) {
  seen.increment(2);
  return 0;
}
int on_exit(struct tracepoint__syscalls__sys_exit_dup3 *args) {
  if (args->ret == -22) seen.increment(3);
  return 0;
}
int on_exec(struct tracepoint__sched__sched_process_exec *args) {
  struct name name = {};
  TP_DATA_LOC_READ_STR(name.text, filename, sizeof name.text);
  names.increment(name);
  if (args->pid == bpf_get_current_pid_tgid() >> 32) seen.increment(4);
  return 0;
}
]]

describe("tracepoint", function()
  local b
  local function seen(number) return b.seen[number] or 0 end

  setup(function() if not missing then b = bpf.BPF{text = text} end end)
  before_each(function() if b then b.seen:clear() end end)
  teardown(function() if b then b:close() end end)

  it_with_tracepoints("gives its fields, to two functions at once", function()
    local one <close> = b:attach_tracepoint{tp = "syscalls:sys_enter_dup3", fn_name = "on_dup3"}
    local two <close> = b:attach_tracepoint{tp = "syscalls:sys_enter_dup3", fn_name = "on_dup3_too"}
    local back <close> = b:attach_tracepoint{tp = "syscalls:sys_exit_dup3", fn_name = "on_exit"}
    assert.equal("tracepoint", one:kind())
    assert.equal(1, two:count())
    assert.equal(1, back:count())
    assert.equal(3, b:num_open_tracepoints())
    calls.make(count)
    assert.equal(count, seen(1))
    assert.is_true(seen(2) >= count)
    assert.equal(count, seen(3))
    one:detach()
    assert.equal(2, b:num_open_tracepoints())
    calls.make(count)
    assert.equal(count, seen(1))
    assert.equal(2 * count, seen(3))
  end)

  it_with_tracepoints("gives texts of any length", function()
    local link <close> = b:attach_tracepoint{tp = "sched:sched_process_exec", fn_name = "on_exec"}
    os.execute(("for i in $(seq %d); do %s 1 > /dev/null; done"):format(processes, calls.path()))
    link:detach()
    assert.equal(processes, b.names[{text = calls.path()}])
    assert.is_true(seen(4) >= processes)
  end)

  it_with_tracepoints("attaches to all that an expression matches", function()
    local link <close> = b:attach_tracepoint{tp_re = "syscalls:sys_(enter|exit)_dup3",
      fn_name = "on_dup3_too"}
    assert.equal(2, link:count())
    assert.equal(2, b:num_open_tracepoints())
    calls.make(count)
    assert.is_true(seen(2) >= 2 * count)
    assert.is_true(seen(2) < 3 * count)
    for _, part in ipairs{"syscalls:sys_enter_dup", "yscalls:sys_enter_dup3"} do
      local one <close> = b:attach_tracepoint{tp_re = part .. "|syscalls:sys_enter_dup2",
        fn_name = "on_dup3_too"}
      assert.equal(part:find("^s") and 2 or 1, one:count())
    end
  end)

  it_with_tracepoints("detaches by name", function()
    b:attach_tracepoint{tp = "syscalls:sys_enter_dup3", fn_name = "on_dup3"}
    b:attach_tracepoint{tp = "syscalls:sys_enter_dup3", fn_name = "on_dup3_too"}
    b:detach_tracepoint{tp = "syscalls:sys_enter_dup3"}
    assert.equal(0, b:num_open_tracepoints())
    calls.make(count)
    assert.equal(0, seen(1) + seen(2))
    assert.error_matches(function() b:detach_tracepoint{tp = "syscalls:sys_enter_dup3"} end,
      "syscalls:sys_enter_dup3 is not attached")
  end)

  it_with_tracepoints("refuses the same function twice on one", function()
    local link <close> = b:attach_tracepoint{tp = "syscalls:sys_enter_dup3", fn_name = "on_dup3"}
    local good, e = pcall(b.attach_tracepoint, b, {tp = "syscalls:sys_enter_dup3",
      fn_name = "on_dup3"})
    assert.is_false(good)
    assert.equal(17, e.errno) -- EEXIST
    assert.equal(1, link:count())
    assert.equal(1, b:num_open_tracepoints())
  end)

  it_with_tracepoints("attaches to all that match or to none", function()
    local status <const>, out <const>, errors <const> = script.run([[
local bpf = require "bpf"
local b = bpf.BPF{text = "int count(void *ctx) { return 0; }"}
local good, e = pcall(b.attach_tracepoint, b, {tp_re = "syscalls:sys_enter_.*", fn_name = "count"})
print(good, e.errno, e.message:match("Too many open files"), b:num_open_tracepoints())
print(b:attach_tracepoint{tp_re = "syscalls:sys_(enter|exit)_dup3", fn_name = "count"}:count())
print(b:num_open_tracepoints())]], "prlimit --nofile=60")
    assert.equal("", errors)
    assert.equal("false\t24\tToo many open files\t0\n2\n2\n", out)
    assert.equal(0, status)
  end)

  it_with_tracepoints("says which one may be meant, and how a name looks", function()
    local cases <const> = {
      {{tp = "syscalls:sys_enter_dupp3"}, 2, "syscalls:sys_enter_dup3"},
      {{tp = "sys_enter_dup3"}, 22, "category:event"},
      {{tp = "a:b:c"}, 22, "category:event"},
      {{tp = "../events/sched:sched_switch"}, 2, ""},
      {{tp_re = "sched_switch"}, 2, "whole category:event"},
      {{tp_re = "sched:("}, 22, ""},
    }
    for _, case in ipairs(cases) do
      case[1].fn_name = "on_dup3_too"
      local good, e = pcall(b.attach_tracepoint, b, case[1])
      assert.is_false(good)
      assert.equal("attach tracepoint", e.op)
      assert.equal(case[2], e.errno, e.message)
      assert.truthy((e.hint or ""):find(case[3], 1, true), tostring(e))
      assert.equal(0, b:num_open_tracepoints())
    end
  end)
end)

describe("the attach cookie of tracepoints", function()
  it_with_tracepoints("tells a program which one it runs at", function()
    local b <close> = bpf.BPF{text = [[
BPF_HASH(hits, u64, u64);
int on_hit(struct tracepoint__syscalls__sys_enter_dup3 *args) {
  if ((int)args->oldfd == -7) hits.atomic_increment(bpf_get_attach_cookie(args));
  return 0;
}
]]}
    local link <const> = b:attach_tracepoint{tp_re = "syscalls:sys_enter_dup.*", fn_name = "on_hit"}
    calls.make(count)
    local places <const> = link:places()
    assert.equal(link:count(), #places)
    assert.equal(1, #b.hits)
    for index, number in b.hits:items() do
      assert.equal("syscalls:sys_enter_dup3", places[index + 1])
      assert.equal(count, number)
    end
  end)
end)

describe("TRACEPOINT_PROBE", function()
  it_with_tracepoints("is attached by itself", function()
    local b <close> = bpf.BPF{text = [[
BPF_HASH(seen, u32, u64);
TRACEPOINT_PROBE(syscalls, sys_enter_dup3) {
  if ((int)args->oldfd == -7) seen.increment(1);
  return 0;
}
int tracepoint__syscalls__sys_exit_dup3(struct tracepoint__syscalls__sys_exit_dup3 *args) {
  if (args->ret == -22) seen.increment(2);
  return 0;
}
]]}
    assert.equal(2, b:num_open_tracepoints())
    calls.make(count)
    assert.equal(count, b.seen[1])
    assert.equal(count, b.seen[2])
    b:detach_tracepoint{tp = "syscalls:sys_exit_dup3"}
    assert.equal(1, b:num_open_tracepoints())
  end)
end)
