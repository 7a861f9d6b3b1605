-- User probes, counted exactly on programs that make a prime number of calls.
local bpf <const> = require "bpf"
local calls <const> = require "spec.support.calls"
local dweller <const> = require "spec.support.dweller"
local process <const> = require "spec.support.process"
local refusal <const> = require "spec.support.refusal"
local target <const> = require "spec.support.target"

local count <const> = 109
local missing <const> = not bpf.features().uprobe.available and bpf.features().uprobe.reason

local function it_with_uprobes(name, test)
  it(name, missing and function() pending("needs uprobes: " .. missing) end or test)
end

local text <const> = [[
BPF_HASH(seen, u32, u64);
BPF_HASH(sums, u32, u64);

int on_answer(struct pt_regs *ctx, unsigned long question) {
  seen.increment(1);
  sums.increment(1, question);
  return 0;
}
int on_answered(struct pt_regs *ctx) {
  seen.increment(2);
  sums.increment(2, PT_REGS_RC(ctx));
  return 0;
}
static bool is_ours(void) {
  char comm[16] = {};
  bpf_get_current_comm(comm, sizeof comm);
  return comm[0] == 'c' && comm[1] == 'a' && comm[2] == 'l' && comm[3] == 'l' && comm[4] == 's';
}
int on_text(struct pt_regs *ctx, const char *text) {
  if (is_ours() && text[0] == '~') seen.increment(3);
  return 0;
}
int on_length(struct pt_regs *ctx) {
  if (is_ours() && PT_REGS_RC(ctx) == 63) seen.increment(4);
  return 0;
}
int on_any(struct pt_regs *ctx) {
  seen.increment(5);
  return 0;
}
]]

local multi <const> = bpf.features().uprobe_multi.available and "uprobe_multi"

describe("uprobe", function()
  local b
  local function seen(number) return b.seen[number] or 0 end

  setup(function()
    if not missing then b = bpf.BPF{text = text} end
  end)
  before_each(function()
    if b then
      b.seen:clear()
      b.sums:clear()
    end
  end)
  teardown(function() if b then b:close() end end)

  -- The address of a symbol in the file, as nm has it.
  local function address_of(symbol)
    local pipe <const> = io.popen("nm " .. target.path())
    local address
    for line in pipe:lines() do address = address or line:match("^(%x+) %S " .. symbol .. "$") end
    pipe:close()
    return tonumber(address, 16)
  end

  it_with_uprobes("sees every call of a program's function and its argument", function()
    local link <close> = b:attach_uprobe{name = target.path(), sym = "answer",
      fn_name = "on_answer"}
    assert.equal(multi or "uprobe", link:kind())
    assert.equal(1, link:count())
    assert.equal(1, b:num_open_uprobes())
    target.run(count)
    assert.equal(count, seen(1))
    assert.equal(count * (count - 1) // 2, b.sums[1])
  end)

  it_with_uprobes("gives a return probe what the function returned", function()
    local link <close> = b:attach_uretprobe{name = target.path(), sym = "answer",
      fn_name = "on_answered"}
    assert.equal(multi or "uretprobe", link:kind())
    target.run(count)
    assert.equal(count, seen(2))
    assert.equal(3 * count * (count - 1) // 2, b.sums[2])
  end)

  it_with_uprobes("runs two functions on one place", function()
    local one <close> = b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "on_answer"}
    local two <close> = b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "on_any"}
    target.run(count)
    assert.equal(count, seen(1))
    assert.equal(count, seen(5))
    one:detach()
    target.run(count)
    assert.equal(count, seen(1))
    assert.equal(2 * count, seen(5))
    assert.equal(1, two:count())
  end)

  it_with_uprobes("takes an address, and an offset from a symbol", function()
    local at <const> = address_of("answer")
    local link = b:attach_uprobe{name = target.path(), addr = at, fn_name = "on_answer"}
    target.run(count)
    assert.equal(count, seen(1))
    link:detach()
    link = b:attach_uprobe{name = target.path(), sym = "six", sym_off = at - address_of("six"),
      fn_name = "on_answer"}
    target.run(count)
    assert.equal(2 * count, seen(1))
    link:detach()
    target.run(count)
    assert.equal(2 * count, seen(1))
  end)

  it_with_uprobes("attaches to all functions that an expression matches", function()
    local link <close> = b:attach_uprobe{name = target.path(), sym_re = "answer|six",
      fn_name = "on_any"}
    assert.equal(2, link:count())
    assert.equal(2, b:num_open_uprobes())
    assert.equal(multi or "uprobe", link:kind())
    local back <close> = b:attach_uretprobe{name = target.path(), sym_re = "answ.*",
      fn_name = "on_answered"}
    target.run(count)
    assert.equal(2 * count, seen(5))
    assert.equal(count, seen(2))
    assert.equal(1, back:count())
    for _, part in ipairs{"answe", "nswer"} do
      assert.equal(2, refusal.of(function()
        b:attach_uprobe{name = target.path(), sym_re = part, fn_name = "on_any"}
      end).errno)
    end
  end)

  it_with_uprobes("finds a library by its short name, and follows indirect functions", function()
    local one <close> = b:attach_uprobe{name = "c", sym = "strlen", fn_name = "on_text"}
    local two <close> = b:attach_uretprobe{name = "c", sym = "strlen", fn_name = "on_length"}
    assert.equal(multi or "uprobe", one:kind())
    assert.equal(multi or "uretprobe", two:kind())
    calls.make(count)
    assert.equal(count, seen(3))
    assert.equal(count, seen(4))
  end)

  it_with_uprobes("asks the process about indirect functions of a library that is not ours",
    function()
      local folder <const> = dweller.folder()
      dweller.shell("cp $(ldd %s | grep -o '/[^ ]*') %s", calls.path(), folder)
      dweller.shell("mv %s/ld-*.so* %s/calls-loader", folder, folder) -- the process's name
      local wanted <const> = {name = folder .. "/libc.so.6", sym = "strlen", fn_name = "on_text"}
      local good <const>, e <const> = pcall(b.attach_uprobe, b, wanted)
      assert.is_false(good) -- its code would have to run here
      assert.truthy(e.hint:find("does not run here", 1, true))
      local program <const> = dweller.start("%s/calls-loader --library-path %s %s %d wait", folder,
        folder, calls.path(), count)
      wanted.pid = program.pid
      local link <close> = b:attach_uprobe(wanted)
      wanted.sym, wanted.sym_re, wanted.fn_name = nil, "strlen", "on_any"
      local all <close> = b:attach_uprobe(wanted)
      assert.same({1, 1}, {link:count(), all:count()})
      calls.make(count) -- by our own library
      assert.equal(0, seen(3))
      dweller.go(program)
      assert.equal(count, seen(3))
      dweller.shell("rm -r %s", folder)
    end)

  -- It begins with a vector instruction which the kernel takes for a jump.
  it_with_uprobes("breaks no call of strchr", function()
    for _, way in ipairs{ "sym", "sym_re" } do
      b.seen:clear()
      local good, link = pcall(b.attach_uprobe, b, {name = "c", [way] = "strchr",
        fn_name = "on_text"})
      calls.make(count) -- fails when a call gets a wrong result
      if good then
        assert.equal(count, seen(3))
        link:detach()
      else
        assert.truthy(link.message:find("vector instruction", 1, true))
      end
    end
  end)

  it_with_uprobes("watches one process only when asked", function()
    for _, way in ipairs{ {sym = "strlen"}, {sym_re = "strlen"} } do
      b.seen:clear()
      local program <const> = calls.start(count)
      local link <close> = b:attach_uprobe{name = "c", sym = way.sym, sym_re = way.sym_re,
        pid = program.pid, fn_name = "on_text"}
      calls.make(count + 4)
      assert.equal(0, seen(3))
      calls.go(program)
      assert.equal(count, seen(3))
      assert.equal(1, link:count())
    end
  end)

  it_with_uprobes("detaches by name, however the library was called", function()
    b:attach_uprobe{name = "c", sym = "strlen", fn_name = "on_text"}
    b:attach_uretprobe{name = "c", sym = "strlen", fn_name = "on_length"}
    b:attach_uprobe{name = target.path(), addr = address_of("answer"), fn_name = "on_answer"}
    b:attach_uprobe{name = target.path(), sym = "six", sym_off = 0, pid = process.own_pid(),
      fn_name = "on_any"}
    assert.equal(4, b:num_open_uprobes())
    b:detach_uprobe{name = "c", sym = "strlen"}
    assert.equal(3, b:num_open_uprobes())
    b:detach_uretprobe{name = "c", sym = "strlen"}
    b:detach_uprobe{name = target.path(), addr = address_of("answer")}
    b:detach_uprobe{name = target.path(), sym = "six", pid = process.own_pid()}
    assert.equal(0, b:num_open_uprobes())
    calls.make(count)
    assert.equal(0, seen(3) + seen(4))
    assert.error_matches(function() b:detach_uprobe{name = "c", sym = "strlen"} end, "not attached")
  end)

  it_with_uprobes("refuses the same function twice on one place, by any name of it", function()
    local link <close> = b:attach_uprobe{name = "c", sym = "strlen", fn_name = "on_text"}
    local path <const> = tostring(link):match("(/%S+):strlen")
    assert.truthy(path)
    for _, name in ipairs{ "c", path } do
      local good, e = pcall(b.attach_uprobe, b, {name = name, sym = "strlen", fn_name = "on_text"})
      assert.is_false(good)
      assert.equal(17, e.errno) -- EEXIST
    end
    assert.equal(1, b:num_open_uprobes())
    calls.make(count)
    assert.equal(count, seen(3))
  end)

  it_with_uprobes("refuses an address that is no code", function()
    local good, e = pcall(b.attach_uprobe, b,
      {name = target.path(), addr = 0x7fffffff, fn_name = "on_any"})
    assert.is_false(good)
    assert.equal("attach uprobe", e.op)
    assert.truthy(tostring(e):find("0x7fffffff", 1, true))
    assert.equal(0, b:num_open_uprobes())
  end)

  it_with_uprobes("takes the default version of a symbol, or the one that is named", function()
    local folder <const> = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
    local function write(name, content)
      local file <const> = assert(io.open(folder .. "/" .. name, "w"))
      file:write(content)
      file:close()
    end
    write("library.c", [[
      long first(long n) { __asm__ volatile(""); return n; }
      long second(long n) { __asm__ volatile(""); return n; }
      __asm__(".symver first, versioned@V1");
      __asm__(".symver second, versioned@@V2");
    ]])
    write("library.map", "V1 { }; V2 { } V1;")
    write("program.c", [[
      long old(long n);
      long versioned(long n);
      __asm__(".symver old, versioned@V1");
      int main(void) {
        for (long i = 0; i < 11; i++) old(i);
        for (long i = 0; i < 13; i++) versioned(i);
      }
    ]])
    assert(os.execute("cd " .. folder .. " && cc -O1 -shared -fPIC -Wl,--version-script=library.map"
      .. " -o library.so library.c && cc -w -O0 -o program program.c ./library.so"))
    local expected <const> = { versioned = 13, ["versioned@V1"] = 11, ["versioned@V2"] = 13,
      ["versioned@@V2"] = 13 }
    for symbol, calls_expected in pairs(expected) do
      b.seen:clear()
      local link <close> = b:attach_uprobe{name = folder .. "/library.so", sym = symbol,
        fn_name = "on_any"}
      assert(os.execute("cd " .. folder .. " && ./program"))
      assert.equal(calls_expected, seen(5), symbol)
      assert.equal(1, link:count())
    end
    os.execute("rm -r " .. folder)
  end)

  it_with_uprobes("refuses an offset into the middle of an instruction", function()
    local start <const>, starts <const> = address_of("answer"), {}
    local pipe <const> = io.popen("objdump -d " .. target.path())
    for line in pipe:lines() do
      local address <const> = line:match("^%s*(%x+):\t")
      if address then starts[tonumber(address, 16) - start] = true end
    end
    pipe:close()
    local refused = 0
    for offset = 1, 9 do
      local good, e = pcall(b.attach_uprobe, b, {name = target.path(), sym = "answer",
        sym_off = offset, fn_name = "on_any"})
      assert.equal(starts[offset] or false, good, "offset " .. offset)
      if good then
        e:detach()
      else
        refused = refused + 1
        assert.equal(("answer+0x%x is in the middle of an instruction"):format(offset), e.message)
        assert.truthy(e.hint:find("instructions start at +0x", 1, true))
      end
    end
    assert.is_true(refused > 0)
    target.run(count)
    assert.equal(0, seen(5))
  end)

  it_with_uprobes("counts the same by each mechanism", function()
    local mechanisms <const> = {
      {"attach_uprobe", "uprobe", 5}, {"attach_uprobe", "uprobe_multi", 5},
      {"attach_uretprobe", "uretprobe", 2}, {"attach_uretprobe", "uprobe_multi", 2},
    }
    for _, case in ipairs(mechanisms) do
      local method <const>, mechanism <const>, number <const> = table.unpack(case)
      local feature <const> = bpf.features()[mechanism]
      local options <const> = {name = target.path(), sym_re = "answer|six", mechanism = mechanism,
        fn_name = number == 5 and "on_any" or "on_answered"}
      if not feature or feature.available then
        b.seen:clear()
        local link <close> = b[method](b, options)
        assert.equal(mechanism, link:kind())
        target.run(count)
        assert.equal(2 * count, seen(number), method .. " " .. mechanism)
      else
        local good, e = pcall(b[method], b, options)
        assert.is_false(good)
        assert.truthy(e.message:find("can not be used", 1, true))
      end
    end
    local good, e = pcall(b.attach_uprobe, b, {name = "c", sym = "strlen", mechanism = "kprobe",
      fn_name = "on_any"})
    assert.is_false(good)
    assert.equal("unknown mechanism 'kprobe'", e.message)
    assert.equal("it is one of: uprobe_multi, uprobe", e.hint)
  end)

  it_with_uprobes("detaches what an expression attached", function()
    b:attach_uprobe{name = target.path(), sym_re = "answer|six", fn_name = "on_any"}
    assert.equal(2, b:num_open_uprobes())
    assert.equal(1, b:detach_uprobe{name = target.path(), sym_re = "six|answe."})
    assert.equal(0, b:num_open_uprobes())
  end)

  it_with_uprobes("tells a program by its cookie which place it runs at", function()
    for _, mechanism in ipairs{ "best", "uprobe" } do
      local counter <close> = bpf.BPF{text = [[
BPF_HASH(hits, u64, u64);
int on_hit(void *ctx) { hits.atomic_increment(bpf_get_attach_cookie(ctx)); return 0; }
]]}
      local link <const> = counter:attach_uprobe{
        name = target.path(), sym_re = "answer|six|visit", fn_name = "on_hit",
        mechanism = mechanism ~= "best" and mechanism or nil,
      }
      target.run(count)
      local places <const>, hits <const> = link:places(), {}
      assert.equal(3, #places)
      for index, number in counter.hits:items() do hits[places[index + 1]] = number end
      assert.equal(count, hits.answer)
      assert.equal(count, hits.visit)
      local one <const> = counter:attach_uprobe{name = "c", sym = "strlen", fn_name = "on_hit"}
      assert.same({"strlen"}, one:places())
      link:detach()
      assert.same(places, link:places())
    end
  end)

  it_with_uprobes("says which function, library or process is not there", function()
    local cases <const> = {
      {{name = target.path(), sym = "anwser"}, "anwser", "answer"},
      {{name = "c", sym = "strlenn"}, "strlenn", "strlen"},
      {{name = "nolibraryofthisname", sym = "f"}, "nolibraryofthisname", ""},
      {{name = "/nonexistent/library.so", sym = "f"}, "/nonexistent/library.so", ""},
      {{name = target.path(), sym_re = "no_such_function_[0-9]"}, "no_such_function_",
        "whole name"},
      {{name = "/etc/passwd", sym = "f"}, "/etc/passwd", "ELF"},
      {{name = "c", sym = "strlen", pid = 2147483646}, "", ""},
    }
    for _, case in ipairs(cases) do
      case[1].fn_name = "on_any"
      local good, e = pcall(b.attach_uprobe, b, case[1])
      assert.is_false(good)
      assert.equal("attach uprobe", e.op)
      assert.truthy(e.message:find(case[2], 1, true), e.message)
      assert.is_string(e.hint, e.message)
      assert.truthy(e.hint:find(case[3], 1, true), e.hint)
      assert.equal(0, b:num_open_uprobes())
    end
  end)
end)
