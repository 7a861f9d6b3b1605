local bpf = require "bpf"
local calls = require "spec.support.calls"
local process = require "spec.support.process"
local target = require "spec.support.target"
local tool = require "spec.support.tool"
local usdt = require "spec.support.usdt"

local count = 13

describe("trace", function()
  local function quote(probe) return "'" .. probe .. "'" end

  it("shows arguments and results of functions, if a condition holds", function()
    local path = target.path()
    local records = tool.records(table.concat({
      "trace", quote(path .. ':visit "%d %s", arg2, arg3'),
      quote(path .. ':answer (arg1 % 2 == 1) "%llu", arg1'),
      quote("r:" .. path .. ':answer (retval % 2 == 1) "got %d", retval'),
      quote(path .. ':visit(struct { void *next; int value; } *node) (STRCMP("hello", arg3)) '
        .. '"%d, %x", node->value, 255'),
    }, " "), function() target.run(count) end)
    local seen, order = {}, {}
    for _, record in ipairs(records) do
      if record.func == "answer" then order[#order + 1] = record.message end
      seen[record.message] = (seen[record.message] or 0) + 1
      assert.equal("target", record.comm)
    end
    assert.same({
      ["5 hello"] = count, ["30, ff"] = count,
      ["1"] = 1, ["3"] = 1, ["5"] = 1, ["7"] = 1, ["9"] = 1, ["11"] = 1,
      ["got 3"] = 1, ["got 9"] = 1, ["got 15"] = 1, ["got 21"] = 1, ["got 27"] = 1,
      ["got 33"] = 1,
    }, seen)
    assert.same({
      "1", "got 3", "3", "got 9", "5", "got 15", "7", "got 21", "9", "got 27", "11", "got 33",
    }, order)
  end)

  it("#any_kernel shows tracepoints and static probes to people", function()
    local out = tool.run(("trace %s %s"):format(
      quote('t:syscalls:sys_enter_dup3 ((int)args->oldfd == -7) "old %d", args->oldfd'),
      quote(("u:%s:test:widths %q, arg1"):format(usdt.target(), "%d"))), function()
      calls.make(count)
      usdt.run(count)
    end)
    assert.truthy(out:find("^PID +TID +COMM +FUNC +MESSAGE\n"))
    assert.equal(count, select(2, out:gsub("calls +sys_enter_dup3 +old %-7\n", "")))
    assert.equal(count, select(2, out:gsub("usdt_target +widths +%-?%d+\n", "")))
  end)

  it("#any_kernel ends after so many lines, shows stacks, and selects by message", function()
    local running = process.start(("./luabpf trace -U -M 3 -f 7 %s"):format(
      quote(target.path() .. ':answer "%d", arg1')))
    running:wait_for("MESSAGE")
    target.run(71)
    local status, out, errors = running:finish()
    assert.equal("", errors)
    assert.equal(0, status)
    local messages = {}
    for message in out:gmatch("answer +(%d+)\n") do messages[#messages + 1] = message end
    assert.same({ "7", "17", "27" }, messages)
  end)

  it("#any_kernel shows each line, or tells that it found no room", function()
    local running = process.start(("./luabpf trace -b 1 %s"):format(
      quote(target.path() .. ':answer "got %d", arg1')))
    running:wait_for("MESSAGE")
    target.run(20011)
    running:signal("INT")
    local _, out, errors = running:finish()
    local lost = math.tointeger(errors:match("^(%d+) lines found no room") or "0")
    assert.equal(20011, lost + select(2, out:gsub("got %d+\n", "")))
  end)

  it("#any_kernel counts equal lines, and names functions when the process has ended", function()
    local path = target.path()
    local out = tool.run(("trace -A -B -U -a -s %s -n target %s"):format(path,
      quote(path .. [[:visit (STRCMP("he\x6c", arg3)) "%s %d", arg3, arg2]])), function()
      target.run(count)
    end)
    local line = ("\n +%d +%%d+ +%%d+ +target +visit +hello 5\n +%%x+ visit%%+0x0"):format(count)
    assert.truthy(out:find(line), out)
    assert.equal(1, select(2, out:gsub(" hello 5\n", "")))
  end)

  local no_kprobes = tool.no_kprobes()
  it("shows functions of the kernel", no_kprobes and function() pending(no_kprobes) end
  or function()
    local traced, prefix = calls.start(count), bpf.BPF.get_syscall_prefix()
    local records = tool.records(("trace -p %d %s %s"):format(traced.pid,
      quote(prefix .. 'dup3 "%d", arg1'), quote("r::" .. prefix .. 'dup3 "= %d", retval')),
      function() calls.go(traced) end)
    assert.equal(2 * count, #records)
    for i, record in ipairs(records) do
      assert.truthy(record.message:find(i % 2 == 1 and "^%-7$" or "^= %-%d+$"))
    end
  end)

  it("#any_kernel says what is wrong with a probe", function()
    for probe, words in pairs{
      ['c:strlen "%d"'] = "1 conversions", ["t:sched"] = "t:CATEGORY:EVENT",
      ['c:strlen "%y", arg1'] = "no conversion", ["c:strlenn"] = "strlen",
      ['c:strlen "%d", nonsense'] = "nonsense",
    } do
      local status, _, errors = process.run("./luabpf trace " .. quote(probe))
      assert.equal(1, status)
      assert.truthy(errors:find(words, 1, true), errors)
      assert.is_nil(errors:find("traceback", 1, true))
    end
  end)
end)
