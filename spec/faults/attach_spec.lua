-- What the world does to attaching: processes end, limits are low, file systems are missing, the
-- tracer is killed. The error tells, nothing stays attached, and no file stays open.
local bpf <const> = require "bpf"
local dweller <const> = require "spec.support.dweller"
local leftovers <const> = require "spec.support.leftovers"
local process <const> = require "spec.support.process"
local refusal <const> = require "spec.support.refusal"
local script <const> = require "spec.support.script"
local target <const> = require "spec.support.target"

local slow <const> = os.getenv("LUABPF_SLOW")
local missing <const> = not bpf.features().uprobe.available and bpf.features().uprobe.reason

local function it_with_uprobes(name, test)
  it(name, missing and function() pending("needs uprobes: " .. missing) end or test)
end

local text <const> = [[
BPF_HASH(seen, u32, u64);
int faults_answer(struct pt_regs *ctx) {
  seen.increment(1);
  return 0;
}
]]

-- What a script with this program prints after the rest of it.
local function outcome(rest, before)
  local body <const> = ("local bpf = require 'bpf'\nlocal text = [==[%s]==]\n"
    .. "local path = %q\n%s"):format(text, target.path(), rest)
  local status <const>, out <const>, errors <const> = script.run(body, before)
  assert.equal(0, status, errors)
  return out
end

local attach <const> = [[
local good, e = pcall(function()
  local b <close> = bpf.BPF{text = text}
  b:attach_uprobe{name = path, sym = "answer", fn_name = "faults_answer"}
  os.execute(path .. " 7 > /dev/null")
  assert(b.seen[1] == 7)
end)
print(good and "good" or type(e) == "table" and e.message .. "|" .. (e.hint or "") or e)
]]

describe("attaching", function()
  it_with_uprobes("says that a process has ended, whenever it did", function()
    local b <close> = bpf.BPF{text = text}
    local program <const> = dweller.start("%s 1", dweller.path())
    dweller.go(program)
    for _, name in ipairs{ dweller.path(), "c" } do
      local e <const> = refusal.of(function()
        b:attach_uprobe{name = name, sym = "answer", pid = program.pid, fn_name = "faults_answer"}
      end)
      assert.truthy(tostring(e):find(("process %d does not exist"):format(program.pid), 1, true))
    end
    -- At any moment of the look-up.
    for i = 1, slow and 3 or 20 do
      local short <const> = process.start(("sleep %.3f"):format(i / 2000))
      local good, e = pcall(b.attach_uprobe, b, {name = "c", sym = "malloc", pid = short.pid,
        fn_name = "faults_answer"})
      if not good then
        assert.truthy(tostring(e):find("process", 1, true) or e.errno == 3, tostring(e))
      end
      short:finish()
    end
  end)

  it_with_uprobes("rolls back when one of many places is refused", function()
    local before <const> = leftovers.now()
    do
      local b <close> = bpf.BPF{text = text}
      local good, e = pcall(b.attach_uprobe, b, {name = target.path(), sym_re = "answer|_start",
        pid = 2147483646, fn_name = "faults_answer"})
      assert.is_false(good)
      assert.is_string(e.hint)
      assert.equal(0, b:num_open_uprobes())
    end
    assert.same(before, leftovers.now())
  end)

  it_with_uprobes("keeps to the quota before anything fires", function()
    local out <const> = outcome([[
local b <close> = bpf.BPF{text = text}
local good, e = pcall(b.attach_uprobe, b, {name = path, sym_re = "answer|six|visit",
  fn_name = "faults_answer"})
print(good, e.message, b:num_open_uprobes())
for _ = 1, 2 do -- what was detached counts no more
  local both <close> = b:attach_uprobe{name = path, sym_re = "answer|six",
    fn_name = "faults_answer"}
  print(b:num_open_uprobes())
end
]], "env BCC_PROBE_LIMIT=2")
    assert.equal("false\tNumber of open probes would exceed global quota\t0\n2\n2\n", out)
  end)

  it_with_uprobes("says so at every limit of open files that is too low", function()
    assert.equal("good\n", outcome(attach))
    local worked
    for _, limit in ipairs(slow and { 8, 34, 38, 48 } or { 8, 20, 32, 33, 34, 36, 38, 40, 48 }) do
      local out <const> = outcome(attach, ("prlimit --nofile=%d"):format(limit))
      if out == "good\n" then
        worked = worked or limit
      else
        assert.is_nil(worked, out)
        assert.truthy(out:find("Too many open files", 1, true), limit .. ": " .. out)
      end
    end
    assert.truthy(worked)
  end)

  it_with_uprobes("stops at the limit of open files, and what is attached goes on", function()
    local out <const> = outcome([[
local b <close> = bpf.BPF{text = text}
b:attach_uprobe{name = path, sym = "answer", fn_name = "faults_answer"}
local files, good, e = {}
repeat
  files[#files + 1] = io.open("/dev/null")
  good, e = pcall(b.attach_uprobe, b, {name = path, sym = "six", fn_name = "faults_answer"})
  if good then b:detach_uprobe{name = path, sym = "six"} end
until not good
print(e.errno, e.hint:find("ulimit -n", 1, true) ~= nil, b:num_open_uprobes())
for i = 1, 3 do files[i]:close() end
os.execute(path .. " 7 > /dev/null")
print(b.seen[1])
]], "prlimit --nofile=44")
    assert.equal("24\ttrue\t1\n7\n", out)
  end)

  it_with_uprobes("needs no locked memory", function()
    assert.equal("good\n", outcome(attach, "prlimit --memlock=0"))
  end)

  it_with_uprobes("needs no tracefs for user probes, and mounts it for tracepoints", function()
    local unmounted <const> = "unshare -m sh -c 'umount -l /sys/kernel/tracing; "
      .. "umount -l /sys/kernel/debug 2> /dev/null; exec \"$@\"' -" -- which would mount it, too
    assert.equal("good\n", outcome(attach, unmounted))
    local tracepoint <const> = [[
local b <close> = bpf.BPF{text = "int on_switch(void *ctx) { return 0; }"}
local good, e = pcall(b.attach_tracepoint, b, {tp = "sched:sched_switch", fn_name = "on_switch"})
print(good and "good" or e.message .. "|" .. (e.hint or ""))
]]
    assert.equal("good\n", outcome(tracepoint, unmounted))
    local refused <const> = outcome(tracepoint, unmounted .. " setpriv --bounding-set=-sys_admin"
      .. " --inh-caps=-sys_admin")
    assert.truthy(refused:find("tracefs is not mounted", 1, true), refused)
    assert.truthy(refused:find("mount -t tracefs", 1, true), refused)
  end)
end)

describe("a tracer that is killed a hundred times", function()
  it_with_uprobes("leaves nothing attached, defined or written", function()
    if not leftovers.can_list_programs() then pending("needs bpftool") end
    local folder <const> = dweller.folder()
    local file <const> = assert(io.open(folder .. "/script.lua", "w"))
    file:write(("local bpf = require 'bpf'\nlocal b = bpf.BPF{text = %q}\nwhile true do\n"
      .. "  b:attach_uprobe{name = %q, sym = 'answer', fn_name = 'faults_answer'}:detach()\n"
      .. "end\n"):format(text, target.path()))
    file:close()
    local before <const> = leftovers.now()
    -- The first ones die while they compile, and those after them in the loop. A dying one may hold
    -- up the next, but nobody waits for it before the end.
    local kills <const>, unit <const> = slow and 6 or 100, slow and "0." or "0.0"
    local loop <const> = [[{ for i in $(seq %d); do
      LUABPF_CACHE=%s/cache LUA_PATH='%s' LUA_CPATH='%s' lua5.4 %s/script.lua & pids="$pids $!"
      sleep %s$((i %% 4))$((i %% 7)); kill -9 $!
    done
    for pid in $pids; do wait $pid; [ $? = 137 ] || exit 1; done; } 2> %s/errors]]
    local ok <const> = os.execute(loop:format(kills, folder, package.path, package.cpath, folder,
      unit, folder))
    assert(ok, "a script ended before it was killed")
    assert.is_true(leftovers.no_program("faults_"))
    assert.same(before, leftovers.now())
    local pipe <const> = io.popen("cd " .. folder .. " && find . -type f | sort")
    for name in pipe:lines() do
      local expected <const> = name == "./script.lua" or name == "./errors"
        or name:find("^%./cache/%x+")
      assert.truthy(expected, name)
    end
    pipe:close()
    dweller.shell("rm -r %s", folder)
  end)
end)
