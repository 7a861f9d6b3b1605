-- What luabpf -i and luabpf -e are made of.

local bpf = require "bpf"
local complete = require "bpf.repl.complete"
local evaluate = require "bpf.repl.evaluate"
local help = require "bpf.repl.help"
local process = require "spec.support.process"
local show = require "bpf.repl.show"

local program = [[
struct who { u32 pid; char name[8]; };
struct bucket { u32 disk; u64 slot; };
BPF_HASH(calls, struct who, u64);
BPF_HISTOGRAM(sizes);
BPF_HISTOGRAM(by_disk, struct bucket);
BPF_ARRAY(slots, u64, 8);
BPF_QUEUE(waiting, u32, 4);
int on_call(void *ctx) { return 0; }
]]

describe("the session #any_kernel", function()
  local b

  setup(function()
    b = bpf.BPF { text = program }
    b.calls[{ pid = 7, name = "seven" }] = 1234567
    b.calls[{ pid = 7000, name = "a\nb" }] = 2
    b.sizes[3] = 8
    b.by_disk[{ disk = 5, slot = 2 }] = 11
    b.slots[6] = -1
  end)

  teardown(function()
    b:close()
  end)

  it("goes over the tables of a program with pairs", function()
    local names = {}
    for name, t in pairs(b) do
      names[#names + 1] = name
      assert.equal(name, t.name)
    end
    assert.same({ "calls", "sizes", "by_disk", "slots", "waiting" }, names)
    assert.equal(5, #b)
    assert.error_matches(function() b.calls = {} end, "tables of a BPF object are those of its")
  end)

  it("shows tables as columns", function()
    local lines = {}
    for line in show(b.calls):gmatch("[^\n]+") do
      lines[#lines + 1] = line
    end
    assert.equal(" pid  name       leaf", lines[1])
    table.sort(lines)
    assert.same({ "   7  seven   1234567", " pid  name       leaf", "7000  a\\x0ab        2" },
      lines)
    assert.equal("key                  leaf\n  6  18446744073709551615", show(b.slots))
  end)

  it("shows histograms as bars", function()
    assert.truthy(show(b.sizes):find(
      "         4 -> 7          : 8        |" .. ("*"):rep(40) .. "|", 1, true))
    assert.truthy(show(b.by_disk):find("Bucket ptr = 5\n.* 2 %-> 3          : 11 "))
  end)

  it("takes nothing out of a queue that it shows", function()
    b.waiting:push(31)
    show(b.waiting)
    assert.equal(31, b.waiting:peek())
  end)

  it("shows structs by field, lists as columns, and Lua's tables", function()
    assert.equal("pid  = 7\nname = \"x\"", show(b.calls:key { pid = 7, name = "x" }))
    assert.equal("kind      name\nsoftware  DUMMY", show { { kind = "software", name = "DUMMY" } })
    assert.equal('{1, "two", x = {y = 1}}', show { 1, "two", x = { y = 1 } })
    local self = {}
    self.self = self
    assert.truthy(show(self):find("{…}", 1, true))
  end)

  it("completes what may follow", function()
    local environment = setmetatable({ b = b, bpf = bpf }, { __index = _G })
    local function at_end(line, word)
      return complete.candidates(line, #line - #word + 1, #line, environment)
    end
    assert.same({ "b.sizes", "b.slots" }, at_end("x = b.s", "b.s"))
    assert.same({ "b.calls:items_lookup_and_delete_batch", "b.calls:items_lookup_batch" },
      at_end("b.calls:items_l", "b.calls:items_l"))
    assert.same({ "bpf.sleep" }, at_end("bpf.sl", "bpf.sl"))
    assert.same({ "while" }, at_end("whi", "whi"))
    assert.same({ "on_call" }, at_end('b:attach_kprobe{event = "x", fn_name = "on', "on"))
    assert.same({}, at_end("nothing.here.x", "nothing.here.x"))
    assert.same({ "tracepoint:" }, at_end('bpf.list "tr', "tr"))
    assert.same({ "sched:sched_process_exec", "sched:sched_process_exit" },
      at_end('b:attach_tracepoint{tp = "sched:sched_process_ex', "sched:sched_process_ex"))
  end)

  it("tells text that is wrong from text that is not whole", function()
    assert.equal(3, evaluate.compile("1 + 2", "=x", {})())
    local fn, problem, more = evaluate.compile("for i = 1, 2 do", "=x", {})
    assert.falsy(fn)
    assert.truthy(problem and more)
    assert.is_true(select(3, evaluate.compile("x = [[ a", "=x", {})))
    assert.is_false(select(3, evaluate.compile("x = = 1", "=x", {})))
  end)

  it("helps with every function that there is", function()
    for name, fn in pairs(bpf) do
      if type(fn) == "function" then
        assert.equal("bpf." .. name, help.text(fn):match("^[%w_.]+"))
      end
    end
    assert.truthy(help.text("attach_kprobe"):find("event%?%s+string  kernel function"))
    assert.truthy(help.text(b):find(":close%s+Detaches and frees everything"))
    assert.truthy(help.text("nonsense"):find("^nothing is called 'nonsense'; .*docs/dialect.md$"))
    assert.truthy(help.text(bpf.BPF):find("%.ksym%s+The kernel symbol at or below an address\n"))
    assert.truthy(help.text(bpf.BPF):find("%.attach_xdp%s+BPF:attach_xdp of the object"))
  end)
end)

describe("luabpf -e #any_kernel", function()
  it("runs a line and shows what it gives", function()
    local status, out, errors = process.run([[./luabpf -e 'bpf.u64(-1), #arg, ...' a b]])
    assert.same({ 0, "18446744073709551615\n2\na\nb\n", "" }, { status, out, errors })
  end)

  it("tells errors in a line", function()
    local status, out, errors = process.run([[./luabpf -e 'error("it was refused")']])
    assert.same({ 1, "", "luabpf: (command line):1: it was refused\n" }, { status, out, errors })
    status, out, errors = process.run([[./luabpf -e 'x = = 1']])
    assert.same({ 1, "" }, { status, out })
    assert.truthy(errors:find("unexpected symbol near '='", 1, true))
  end)
end)

describe("luabpf -i without a terminal #any_kernel", function()
  it("runs what comes, line by line, and handles events meanwhile", function()
    local status, out, errors = process.run(
      [[sh -c "printf '1 + 1\nfor i = 1, 2 do\nprint(i)\nend\nerror(3)\nnil\n' | ./luabpf -i"]])
    assert.same({ 0, "2\n1\n2\nnil\n", "3\n" }, { status, out, errors })
  end)
end)
