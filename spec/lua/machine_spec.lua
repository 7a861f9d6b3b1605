-- What a script can ask about the machine and its processes.

local bpf = require "bpf"
local process = require "spec.support.process"

local function count_in(command)
  local pipe = assert(io.popen(command))
  local number = pipe:read("n")
  pipe:close()
  return number
end

describe("bpf.monotonic_time", function()
  it("is the clock of programs", function()
    local b <close> = bpf.BPF{ text = [[
BPF_ARRAY(times, u64, 1);
TRACEPOINT_PROBE(syscalls, sys_enter_getpgid) {
  if (args->pid == 0x3ffffff1)
    times.increment(0, bpf_ktime_get_ns());
  return 0;
}]] }
    local before = bpf.BPF.monotonic_time()
    process.run("/usr/bin/python3 -c 'import os; os.getpgid(0x3ffffff1)'")
    local after = bpf.monotonic_time()
    assert.is_true(before < b.times[0] and b.times[0] < after)
  end)
end)

describe("the machine #any_kernel", function()
  it("has CPUs by number", function()
    assert.same(process.online_cpus(), bpf.get_online_cpus())
    assert.equal(count_in("getconf _NPROCESSORS_ONLN"), #bpf.get_online_cpus())
    assert.equal(0, bpf.get_possible_cpus()[1])
    assert.is_true(#bpf.get_possible_cpus() >= #bpf.get_online_cpus())
  end)

  it("has processes in languages", function()
    local python = process.start(
      "/usr/bin/python3 -c 'import time; print(1, flush=True); time.sleep(600)'")
    assert.equal("1", python:line())
    assert.equal("python", bpf.detect_language({ "c", "java", "python" }, python.pid))
    assert.equal("c", bpf.detect_language({ "c", "java" }, python.pid))
    assert.is_nil(bpf.detect_language({ "java" }, python.pid))
    python:signal("KILL")
    python:finish()
    assert.is_nil(bpf.detect_language({ "c" }, 0x3fffffff))
  end)
end)
