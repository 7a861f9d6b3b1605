-- CPUs that go offline and come back. Only where nobody else works: in a guest.

local bpf = require "bpf"
local caller = require "spec.support.caller"

local program = [[
BPF_PERF_OUTPUT(things);
TRACEPOINT_PROBE(syscalls, sys_enter_getpgid)
{
    u32 cpu = bpf_get_smp_processor_id();
    if (bpf_get_current_pid_tgid() >> 32 == PID)
        things.perf_submit(args, &cpu, sizeof(cpu));
    return 0;
}
]]

local switch = "/sys/devices/system/cpu/cpu1/online"

local function set_online(value)
  local file = assert(io.open(switch, "w"))
  assert(file:write(value, "\n"))
  assert(file:close())
end

local function seconds()
  local file = assert(io.open("/proc/uptime"))
  local value = file:read("n")
  file:close()
  return value
end

for _, mechanism in ipairs { "ring", "perf" } do
  describe("a perf output over a " .. mechanism .. " buffer", function()
    local function open(who, callback)
      local b = bpf.BPF { text = program, cflags = { "-DPID=" .. who.pid },
        mechanism = mechanism == "perf" and "perf" or nil }
      b.things:open_perf_buffer(callback)
      return b
    end

    after_each(function()
      if os.getenv("LUABPF_SLOW") and io.open(switch) then set_online(1) end
    end)

    -- Whether it can be tried here; else the reason is given.
    local function can_try()
      if not os.getenv("LUABPF_SLOW") then
        pending("needs a guest: this machine's CPUs are in use")
        return false
      end
      local file = io.open(switch)
      if not file then
        pending("needs a second CPU that can go offline: spec/vm/run -c 2")
        return false
      end
      file:close()
      return true
    end

    it("keeps what a CPU sent before it went offline, and waits without a spin", function()
      if not can_try() then return end
      local who, seen = caller.start(), { [0] = 0, [1] = 0 }
      local b = open(who, function(cpu, sent_on)
        assert.equal(cpu, sent_on)
        seen[cpu] = seen[cpu] + 1
      end)
      os.execute(("taskset -cp 1 %d > /dev/null"):format(who.pid))
      who:call(7)
      set_online(0)
      who:call(11) -- on another CPU now
      local finish = seconds() + 60
      while seen[0] + seen[1] < (mechanism == "perf" and 11 or 18) and seconds() < finish do
        b:perf_buffer_poll(20)
      end
      -- What a perf buffer of a CPU holds that is gone can still be read, for its memory is mapped.
      b:perf_buffer_consume()
      assert.same({ [0] = 11, [1] = 7 }, seen)
      local spent = os.clock()
      assert.equal(0, b:perf_buffer_poll(1000))
      assert.truthy(os.clock() - spent < 0.5)
      b:close()
      who:close()
    end)

    it("opens while a CPU is offline", function()
      if not can_try() then return end
      set_online(0)
      local who, seen = caller.start(), 0
      local b = open(who, function() seen = seen + 1 end)
      who:call(5)
      while seen < 5 do b:perf_buffer_poll(100) end
      b:close()
      who:close()
    end)
  end)
end
