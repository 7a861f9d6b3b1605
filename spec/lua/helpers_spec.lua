-- Helpers for scripts: commands that are run to be traced, names of numbers, containers.

local bpf = require "bpf"
local features = bpf.features()
local process = require "spec.support.process"

local count_calls = [[
BPF_ARRAY(calls, u64, 1);
TRACEPOINT_PROBE(syscalls, sys_enter_getpgid)
{
    if (bpf_get_current_pid_tgid() >> 32 == WANTED)
        calls.atomic_increment(0);
    return 0;
}
]]

-- Whether a process has gone, or waits for its parent to ask.
local function is_gone(pid)
  local file = io.open(("/proc/%d/stat"):format(pid))
  local state = file and file:read("a"):match("%) (%a)")
  if file then
    file:close()
  end
  return state == nil or state == "Z"
end

describe("bpf.spawn", function()
  it("holds a command until it is traced, so that no call is missed", function()
    if not features.tracepoint.available then
      pending("needs tracepoints: " .. features.tracepoint.reason)
      return
    end
    local workload = process.compile(
      "#include <unistd.h>\nint main(void) { for (int i = 0; i < 31; i++) getpgid(0); return 3; }")
    local child <close> = bpf.spawn { workload }
    local b <close> = bpf.BPF { text = count_calls, cflags = { "-DWANTED=" .. child:pid() } }
    assert.is_nil(child:wait(0))
    child:start()
    assert.same({ "exit", 3 }, { child:wait() })
    assert.same({ "exit", 3 }, { child:wait() }) -- as often as one likes
    assert.equal(31, b.calls[0])
    os.remove(workload)
  end)

  it("tells the signal that ended a command #any_kernel", function()
    local child <close> = bpf.spawn "sleep 100"
    child:start()
    assert.is_nil(child:wait(0.01))
    child:kill()
    assert.same({ "signal", 15 }, { child:wait() })
    child:kill() -- nothing happens any more
  end)

  it("says why a command can not be run #any_kernel", function()
    local child <close> = bpf.spawn { "/nonexistent/command" }
    local done, problem = pcall(child.start, child)
    assert.is_false(done)
    assert.equal(2, problem.errno)
    assert.truthy(tostring(problem):find("Could not run the command: No such file", 1, true))
    assert.same({ "exit", 127 }, { child:wait() })
  end)

  it("gives the command no open file of the script #any_kernel", function()
    local path = os.tmpname()
    local b <close> = bpf.BPF { text = "BPF_HASH(t, u32, u64);" }
    local first <close> = bpf.spawn "true"
    local child <close> = bpf.spawn("ls /proc/self/fd > " .. path)
    assert.is_true(process.wait_until(function() -- it has just begun to close them
      local pipe <close> = io.popen("ls /proc/" .. child:pid() .. "/fd | wc -l")
      return pipe:read("n") == 5 -- three streams, and what it waits at
    end))
    child:start():wait()
    local file = assert(io.open(path))
    assert.equal("0\n1\n2\n3\n", file:read("a"))
    file:close()
    os.remove(path)
    assert.truthy(b and first)
  end)

  it("leaves nothing of a command that was not started, ends one that runs #any_kernel", function()
    local never, running = bpf.spawn "sleep 100", bpf.spawn "sleep 100"
    local pids = { never:pid(), running:pid() }
    running:start()
    never:close()
    running:close()
    for _, pid in ipairs(pids) do
      assert.is_true(process.wait_until(function() return is_gone(pid) end))
    end
    assert.has_error(function() never:pid() end)
  end)

  it("runs what has the shell's signs in it by the shell #any_kernel", function()
    assert.same({ "exit", 6 }, { bpf.spawn("exit $((2 * 3))"):start():wait() })
    assert.same({ "exit", 1 }, { bpf.spawn("test a = b"):start():wait() })
  end)

  it("takes the arguments as they are, and refuses what is none #any_kernel", function()
    assert.same({ "exit", 0 }, { bpf.spawn({ "test", "a  b", "=", "a  b" }):start():wait() })
    assert.has_error(function() bpf.spawn {} end)
    assert.has_error(function() bpf.spawn "" end)
    assert.has_error(function() bpf.spawn { "a", 5 } end)
    assert.has_error(function() bpf.spawn { "a\0b" } end)
    local child <close> = bpf.spawn "true"
    assert.has_error(function() child:wait() end) -- it would never end
  end)
end)

describe("bpf.wait #any_kernel", function()
  it("gives the sources that are ready, and none when the time is over", function()
    local quick <close> = bpf.spawn "true"
    local slow <close> = bpf.spawn "sleep 100"
    local b <close> = bpf.BPF { text = "BPF_HASH(t, u32, u64);" }
    assert.same({}, bpf.wait({ quick, slow, b }, 0))
    quick:start()
    slow:start()
    assert.same({ quick }, bpf.wait { b, slow, quick })
    assert.same({ quick:pollfd() }, bpf.wait { quick:pollfd() })
    assert.same({}, bpf.wait({}, 0.001))
  end)

  it("refuses what can't be waited for", function()
    assert.has_error(function() bpf.wait { -1 } end)
    assert.has_error(function() bpf.wait { {} } end)
    assert.has_error(function() bpf.wait { "x" } end)
    assert.has_error(function() bpf.wait(7) end)
  end)
end)

describe("names of numbers #any_kernel", function()
  it("are known for system calls", function()
    assert.equal("openat", bpf.syscall_name(257))
    assert.equal("[unknown: 100000]", bpf.syscall_name(100000))
    assert.equal(257, bpf.syscall_number("openat"))
    assert.is_nil(bpf.syscall_number("no_such_call"))
  end)

  it("are known for TCP", function()
    assert.equal("ESTABLISHED", bpf.tcp_state(1))
    assert.equal("NEW_SYN_RECV", bpf.tcp_state(12))
    assert.equal("[unknown: 77]", bpf.tcp_state(77))
    assert.equal("SYN|ACK", bpf.tcp_flags(0x12))
  end)
end)

describe("bpf.container_filter", function()
  local function count(filter)
    local child <close> = bpf.spawn "sleep 0"
    local text = filter .. [[
BPF_ARRAY(calls, u64, 1);
RAW_TRACEPOINT_PROBE(sys_enter)
{
    if (bpf_get_current_pid_tgid() >> 32 == WANTED && !container_should_be_filtered())
        calls.atomic_increment(0);
    return 0;
}]]
    local b <close> = bpf.BPF { text = text, cflags = { "-DWANTED=" .. child:pid() } }
    child:start():wait()
    return b.calls[0]
  end

  it("without options lets all pass", function()
    assert.is_true(count(bpf.container_filter()) > 0)
  end)

  it("lets those pass that are in a pinned map", function()
    local folder = os.tmpname()
    os.remove(folder)
    local path = folder .. "/spaces"
    if not os.execute(("mkdir %s && mount -t bpf none %s 2>/dev/null"):format(folder, folder)) then
      os.remove(folder)
      pending("needs the right to mount a BPF file system")
      return
    end
    local own = io.popen("readlink /proc/self/ns/mnt"):read("a"):match("%d+")
    local pin <close> = bpf.BPF {
      text = ('BPF_TABLE_PINNED("hash", u64, u32, spaces, 1024, "%s");'):format(path),
    }
    local filter = bpf.container_filter { mntnsmap = path }
    assert.equal(0, count(filter))
    pin.spaces[math.tointeger(own)] = 1
    assert.is_true(count(filter) > 0)
    assert(os.execute(("umount %s && rmdir %s"):format(folder, folder)))
  end)

  it("refuses options that there are not, and what is no path", function()
    assert.has_error(function() bpf.container_filter { cgroup = "x" } end)
    assert.has_error(function() bpf.container_filter { cgroupmap = 'a"b' } end)
  end)
end)

describe("bpf.regex #any_kernel", function()
  it("tells whether a text has a match, as POSIX has it", function()
    local matches = bpf.regex("^(apt-get|ls)$|[[:digit:]]{3}")
    for text, expected in pairs{
      ["apt-get"] = true, ls = true, ["a123b"] = true, lsof = false, [""] = false, ["12"] = false,
    } do
      assert.equal(expected, matches(text), text)
    end
    collectgarbage()
    assert.is_true(matches("ls"))
  end)

  it("refuses what is none, and says why", function()
    local good, problem = pcall(bpf.regex, "(a")
    assert.is_false(good)
    assert.truthy(problem:find("'(a' is no regular expression: Unmatched", 1, true), problem)
    assert.has_error(function() bpf.regex("a")(nil) end)
  end)
end)
