-- What an ordinary user can do who was given single capabilities, and what the rest is told.

local bpf = require "bpf"
local process = require "spec.support.process"

local setpriv = io.popen("command -v setpriv"):read("l")

-- Runs Lua code as nobody with these capabilities; it can read the source tree only if everybody
-- can, so that the code comes by -e.
local function run(capabilities, code)
  local rights = capabilities == "" and ""
    or ("--inh-caps=%s --ambient-caps=%s"):format(capabilities, capabilities)
  local command = ("env LUABPF_CACHE=off LUA_PATH='%s' LUA_CPATH='%s' setpriv --reuid=65534 "
    .. "--regid=65534 --clear-groups %s lua5.4 -e '%s'"):format(package.path, package.cpath, rights,
    code)
  local status, out, errors = process.run(command)
  return status, out .. errors
end

local paranoid = io.open("/proc/sys/kernel/perf_event_paranoid"):read("n")

-- Whether others may read what is tested: a checkout below /root is closed to them.
local function is_open_to_others()
  return (run("", [[require "bpf.core"]])) == 0
end

local reason = not setpriv and "needs setpriv"
  or not is_open_to_others() and "needs a source tree that every user can read"

local text = [[BPF_ARRAY(hits, u64, 1); int count(void *ctx) { hits.increment(0); return 0; }]]

local function attach(method, options)
  return ([[local b = require "bpf".BPF { text = %q } b:%s { fn_name = "count", %s } print "done"]])
    :format(text, method, options):gsub("\\\n", " ")
end

describe("without root", function()
  local function check(name, body)
    it(name, function()
      if reason then
        pending(reason)
        return
      end
      body()
    end)
  end

  check("nothing is traced, and the capabilities that lack are named", function()
    local status, out = run("", attach("attach_raw_tracepoint", [[tp = "sys_enter"]]))
    assert.equal(1, status)
    assert.truthy(out:find("lacks CAP_BPF and CAP_PERFMON", 1, true), out)
  end)

  check("one of two capabilities is not enough, and the other is named", function()
    local status, out = run("+perfmon", attach("attach_raw_tracepoint", [[tp = "sys_enter"]]))
    assert.equal(1, status)
    assert.truthy(out:find("lacks CAP_BPF", 1, true), out)
  end)

  check("CAP_BPF and CAP_PERFMON do for raw tracepoints and user functions", function()
    local status, out = run("+bpf,+perfmon", attach("attach_raw_tracepoint", [[tp = "sys_enter"]]))
    assert.equal(0, status, out)
    if paranoid < 3 or bpf.features().uprobe_multi.available then -- else they are perf events
      status, out = run("+bpf,+perfmon", attach("attach_uprobe", [[name = "c", sym = "getpid"]]))
      assert.equal(0, status, out)
    end
  end)

  check("tracepoints need CAP_DAC_READ_SEARCH, too, for tracefs", function()
    local code = attach("attach_tracepoint", [[tp = "sched:sched_switch"]])
    local status, out = run("+bpf,+perfmon", code)
    assert.equal(1, status)
    -- Debian's kernels refuse perf events even then, so that the way into tracefs would not help.
    assert.truthy(out:find(paranoid < 3 and "CAP_DAC_READ_SEARCH" or "perf_event_paranoid is 3", 1,
      true), out)
    status, out = run("+bpf,+perfmon,+dac_read_search", code)
    if paranoid < 3 then
      assert.equal(0, status, out)
    else -- Debian's kernels
      assert.equal(1, status)
      assert.truthy(out:find("perf_event_paranoid is 3, which leaves perf events to CAP_SYS_ADMIN",
        1, true), out)
    end
  end)

  check("kernel addresses need CAP_SYSLOG", function()
    local code = [[print(require "bpf".BPF.ksymname("schedule"))]]
    local hidden = io.open("/proc/sys/kernel/kptr_restrict"):read("n")
    local status, out = run("", code)
    if hidden > 0 then
      assert.equal(1, status)
      assert.truthy(out:find("CAP_SYSLOG", 1, true), out)
    end
    status, out = run("+syslog", code)
    if hidden < 2 then
      assert.equal(0, status)
      assert.truthy(math.tointeger(tonumber(out)), out)
    end
  end)
end)
