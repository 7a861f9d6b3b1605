-- Static probe points of user programs: what there is, what is read, who is listened to.
local bpf <const> = require "bpf"
local process <const> = require "spec.support.process"
local refusal <const> = require "spec.support.refusal"
local script <const> = require "spec.support.script"
local usdt <const> = require "spec.support.usdt"

local x86 <const> = io.popen("uname -m"):read("l") == "x86_64"

-- A context over the target, or over what options say, with probe enabled for function `on`.
local function context(probe, options)
  local u <const> = bpf.USDT(options or { path = usdt.target() })
  u:enable_probe(probe, "on")
  return u
end

local counting <const> = [[
  BPF_ARRAY(counts, u64, 1);
  int on(void *ctx) { counts.increment(0); return 0; }]]

-- What the program reads as arguments 1… of a probe, at one event: value, or "-1" where it fails.
local function read_arguments(u, probe)
  local reads = {}
  for number = 1, 20 do
    local ctype <const> = u:get_probe_arg_ctype(probe, number - 1)
    if ctype then
      reads[#reads + 1] = ([[{ %s v = 0; struct slot s = {};
        s.code = bpf_usdt_readarg(%d, ctx, &v); s.value = (long)v;
        int key = %d; slots.update(&key, &s); }]]):format(ctype, number, number - 1)
    end
  end
  local b <close> = bpf.BPF{ usdt_contexts = { u }, text = ([[
    struct slot { long value; long code; };
    BPF_ARRAY(slots, struct slot, 20);
    int on(struct pt_regs *ctx) { %s return 0; }]]):format(table.concat(reads, "\n")) }
  usdt.run(1)
  local values = {}
  for i = 1, #reads do
    local slot <const> = b.slots[i - 1]
    values[i] = slot.code == 0 and slot.value or "code " .. slot.code
  end
  return values
end

describe("the list of static probes", function()
  for _, path in ipairs{ "/usr/bin/python3.11", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6" } do
    it("is what readelf -n shows: " .. path .. " #any_kernel", function()
      local expected <const> = usdt.readelf(path)
      if #expected == 0 then
        pending("needs " .. path .. " with probes, and readelf")
        return
      end
      local u <close> = bpf.USDT{ path = path }
      assert.same(expected, usdt.list(u))
    end)
  end

  it("is right for every kind of executable #any_kernel", function()
    for name, flags in pairs{ pie = "-pie -fPIE", fixed = "-no-pie", static = "-static",
      stripped = "-s" } do
      local path <const> = usdt.build("usdt_target_" .. name, flags)
      local u <close> = bpf.USDT{ path = path }
      assert.same(usdt.readelf(path), usdt.list(u))
    end
  end)

  it("prints as BCC's does #any_kernel", function()
    local u <close> = bpf.USDT{ path = usdt.target() }
    local by_name = {}
    for _, probe in ipairs(u:enumerate_probes()) do by_name[probe.name] = probe end
    assert.truthy(tostring(by_name.guarded):find("^test:guarded %[sema 0x%x+%]$"))
    assert.equal("test:widths [sema 0x0]", tostring(by_name.widths))
    assert.equal(("%s 0x%x"):format(usdt.target(), by_name.widths.locations[1].address),
      tostring(by_name.widths.locations[1]))
    assert.equal(usdt.target(), by_name.widths.path)
    assert.equal("test", by_name.widths.provider)
    assert.equal(5, by_name.widths.num_arguments)
    assert.equal(0, by_name.widths.semaphore)
    if not x86 then return end
    assert.equal(4, by_name.places.num_locations)
    local texts = {}
    for i, argument in ipairs(by_name.memory.locations[1].arguments) do
      texts[i] = tostring(argument)
    end
    assert.equal("8 unsigned bytes @ *(bp - 8)", texts[1])
    assert.equal("8 signed   bytes @ *(cx + 8 + dx * 8)", texts[8])
    assert.equal("4 signed   bytes @ -7", tostring(by_name.constants.locations[1].arguments[1]))
    assert.equal("1 unsigned bytes @ ax", tostring(by_name.registers.locations[1].arguments[1]))
    assert.same({ "ax", 1, false }, (function(a)
      return { a.base_register_name, a.size, a.signed }
    end)(by_name.registers.locations[1].arguments[1]))
  end)

  it("knows the operands of aarch64 #any_kernel", function()
    if not x86 then return pending("needs x86-64, whose compiler writes the notes") end
    local path <const> = process.compile([[
      #include "]] .. io.popen("pwd"):read("l") .. [[/spec/support/usdt_notes.h"
      __asm__(".text\n" PROBE(test, arm, 0, "8@x3 -4@w30 8@sp -1@[x29, 16] 4@[x1] 8@[sp, #-8] "
        "8@[x1, x2] 8@[x1, x2, lsl 3] -8@[x1, w2, sxtw 2] 4@7 -4@#-7 8@xzr 4f@s0 8@d1 8@[w1]"));
      int main(void) { return 0; }]])
    local file <const> = assert(io.open(path, "r+b"))
    file:seek("set", 18) -- e_machine
    file:write(("<I2"):pack(183))
    file:close()
    local u <close> = bpf.USDT{ path = path }
    os.remove(path)
    local texts = {}
    for i, argument in ipairs(u:enumerate_probes()[1].locations[1].arguments) do
      texts[i] = tostring(argument)
    end
    assert.same({
      "8 unsigned bytes @ regs[3]",
      "4 signed   bytes @ regs[30]",
      "8 unsigned bytes @ sp",
      "1 signed   bytes @ *(regs[29] + 16)",
      "4 unsigned bytes @ *(regs[1] + 0)",
      "8 unsigned bytes @ *(sp - 8)",
      "8 unsigned bytes @ *(regs[1] + 0 + regs[2] * 1)",
      "8 unsigned bytes @ *(regs[1] + 0 + regs[2] * 8)",
      "8 signed   bytes @ *(regs[1] + 0 + regs[2] * 4)",
      "4 unsigned bytes @ 7",
      "4 signed   bytes @ -7",
      "8 unsigned bytes @ 0",
      "4f@s0 (it is a floating-point number, which no program reads)",
      "8 unsigned bytes @ 8@d1 (it lies in d1: a probe can't see floating-point and vector "
        .. "registers)",
      "8 unsigned bytes @ 8@[w1] (its address lies in a register of 32 bits)",
    }, texts)
  end)

  it("tells the type of an argument: the widest of all locations #any_kernel", function()
    local u <close> = bpf.USDT{ path = usdt.target() }
    assert.equal("int8_t", u:get_probe_arg_ctype("widths", 0))
    assert.equal("uint16_t", u:get_probe_arg_ctype("test:widths", 1))
    assert.equal("int32_t", u:get_probe_arg_ctype{ probe_name = "widths", arg_index = 2 })
    assert.equal("uint64_t", u:get_probe_arg_ctype("widths", 3))
    assert.is_nil(u:get_probe_arg_ctype("widths", 5))
    assert.is_nil(u:get_probe_arg_ctype("nothing", 0))
    if x86 then assert.equal("uint64_t", u:get_probe_arg_ctype("places", 0)) end
  end)
end)

describe("bpf.USDT refuses", function()
  local function message_of(action) return refusal.of(action).message end

  it("what is not there, in BCC's words #any_kernel", function()
    assert.equal("USDT: either a pid or a binary path must be specified",
      refusal.misuse(function() bpf.USDT{} end, "usdt_spec.lua"))
    assert.equal("USDT failed to instrument path /nowhere",
      message_of(function() bpf.USDT{ path = "/nowhere" } end))
    assert.equal("USDT failed to instrument PID 4194304",
      message_of(function() bpf.USDT{ pid = 4194304 } end))
    local own <const> = process.own_pid()
    local e <const> = refusal.of(function() bpf.USDT{ pid = own, path = "relative" } end)
    assert.equal("USDT failed to instrument PID " .. own, e.message)
    assert.equal("Binary path relative should be absolute", e.hint)
    assert.equal("Specified binary /nowhere doesn't exist",
      refusal.of(function() bpf.USDT{ pid = own, path = "/nowhere" } end).hint)
  end)

  it("what is no regular ELF file, without waiting for it #any_kernel", function()
    local pipe <const> = os.tmpname()
    os.remove(pipe)
    assert(os.execute("mkfifo " .. pipe))
    for _, path in ipairs{ pipe, "/dev/zero", "/etc/passwd", "/tmp" } do
      refusal.of(function() bpf.USDT{ path = path } end)
      refusal.of(function() bpf.USDT{ pid = process.own_pid(), path = path } end)
    end
    os.remove(pipe)
  end)

  it("a probe that is unknown, ambiguous or enabled already #any_kernel", function()
    local path <const> = process.compile(
      "#include <sys/sdt.h>\nint main(void) { DTRACE_PROBE(one, same); DTRACE_PROBE(two, same); }")
    local u <close> = bpf.USDT{ path = path }
    os.remove(path)
    local e = refusal.of(function() u:enable_probe("nothing", "on") end)
    assert.equal("Failed to enable USDT probe 'nothing': there is no probe with this name",
      e.message)
    assert.truthy(e.hint:find("enumerate_probes"))
    e = refusal.of(function() u:enable_probe("same", "on") end)
    assert.truthy(e.message:find("Two same-name probes (2) but different providers", 1, true))
    u:enable_probe("two:same", "on")
    e = refusal.of(function() u:enable_probe{ probe = "two:same", fn_name = "on" } end)
    assert.truthy(e.message:find("it is enabled already", 1, true))
    e = refusal.of(function() u:enable_probe("one:same", "no function") end)
    assert.truthy(e.message:find("fn_name is no name of a C function", 1, true))
    u:close()
    assert.equal("the USDT object is closed",
      refusal.misuse(function() u:enumerate_probes() end, "usdt_spec.lua"))
  end)

  it("an unknown option with the nearest name #any_kernel", function()
    assert.truthy(refusal.misuse(function() bpf.USDT{ pat = "x" } end, "usdt_spec.lua")
      :find("did you mean 'path'"))
  end)

  it("to go on without the probe: enable_probe_or_bail #any_kernel", function()
    local status <const>, _, errors <const> = script.run(([[
      local u = require "bpf".USDT{ path = %q }
      u:enable_probe_or_bail{ probe = "test:widths", fn_name = "on" }
      u:enable_probe_or_bail("nothing", "on")]]):format(usdt.target()))
    assert.equal(1, status)
    assert.truthy(errors:find("^Failed to enable USDT probe 'nothing'"), errors)
  end)
end)

describe("arguments", function()
  it("of compiled C have their values #any_kernel", function()
    local b <close> = bpf.BPF{ usdt_contexts = { context("test:widths") }, text = [[
      struct seen { s64 tiny, half, whole; u64 large; char text[16]; };
      BPF_HASH(all, u64, struct seen);
      int on(struct pt_regs *ctx) {
        struct seen seen = {};
        s8 tiny; u16 half; s32 whole; u64 large;
        if (bpf_usdt_readarg(1, ctx, &tiny) || bpf_usdt_readarg(2, ctx, &half) ||
            bpf_usdt_readarg(3, ctx, &whole) || bpf_usdt_readarg(4, ctx, &large))
          return 0;
        seen.tiny = tiny; seen.half = half; seen.whole = whole; seen.large = large;
        bpf_usdt_readarg_p(5, ctx, &seen.text, sizeof(seen.text));
        u64 n = -1 - large;
        all.update(&n, &seen);
        return 0;
      }]] }
    usdt.run(13)
    assert.equal(13, #b.all)
    for n = 0, 12 do
      local seen <const> = b.all[n]
      assert.same({ -n, 65535 - n, -n * 1000, -1 - n, "number " .. n },
        { seen.tiny, seen.half, seen.whole, seen.large, seen.text })
    end
  end)

  if not x86 then return end

  local function read(probe) return read_arguments(context("test:" .. probe), "test:" .. probe) end

  it("in registers of every width #any_kernel", function()
    assert.same({ 0x88, -120, 0x77, 0x7788, 0x7788, 0x55667788, 0x55667788, 0x1122334455667788,
      0x1122334455667788 }, read "registers")
    assert.same({ 0, 0, -256, 0xddeeff00, -571539712, 0x99aabbccddeeff00, -5, -5, 65531,
      -571539712, 0xddeeff00 },
      read "others")
  end)

  it("that are constants #any_kernel", function()
    assert.same({ -7, 16, -1, 255, -1, 8, 5 }, read "constants")
  end)

  it("in memory: base, index, scale, displacement #any_kernel", function()
    assert.same({ 11, -22, 200, -56, 11, 100, -300, 400, 200, 200 }, read "memory")
  end)

  it("under a symbol's name, in every kind of executable #any_kernel", function()
    for name, flags in pairs{ pie = "-pie -fPIE", fixed = "-no-pie", static = "-static" } do
      local path <const> = usdt.build("usdt_target_" .. name, flags)
      local u <close> = context("symbols", { path = path })
      local b <close> = bpf.BPF{ usdt_contexts = { u }, text = [[
        BPF_ARRAY(out, long, 8);
        #define PUT(i, v) { int key = i; long value = v; out.update(&key, &value); }
        int on(struct pt_regs *ctx) {
          u64 v; s64 w; s16 x; char text[16];
          if (!bpf_usdt_readarg(1, ctx, &v)) PUT(0, v);
          if (!bpf_usdt_readarg(2, ctx, &w)) PUT(1, w);
          if (!bpf_usdt_readarg(3, ctx, &v)) PUT(2, v);
          if (!bpf_usdt_readarg(4, ctx, &x)) PUT(3, x);
          if (!bpf_usdt_readarg(5, ctx, &w)) PUT(4, w);
          if (!bpf_usdt_readarg(6, ctx, &v) && !bpf_probe_read_user(&w, 8, (void *)v + 24))
            PUT(5, w);
          bpf_usdt_readarg_p(7, ctx, text, sizeof(text));
          PUT(6, text[0]);
          return 0;
        }]] }
      usdt.run(1, path)
      local values = {}
      for i = 0, 6 do values[i + 1] = b.out[i] end
      assert.same({ 100, -300, 200, -8, -300, 400, ("h"):byte() }, values, name)
    end
  end)

  it("differ by location, and a location tells them apart", function()
    local b <close> = bpf.BPF{ usdt_contexts = { context("places") }, text = [[
      struct seen { u64 first, third, fourth, fifth; long codes[3]; };
      BPF_HASH(all, u64, struct seen);
      int on(struct pt_regs *ctx) {
        struct seen seen = {};
        u64 n;
        bpf_usdt_readarg(2, ctx, &n);
        bpf_usdt_readarg(1, ctx, &seen.first);
        seen.codes[0] = bpf_usdt_readarg(3, ctx, &seen.third);
        seen.codes[1] = bpf_usdt_readarg(4, ctx, &seen.fourth);
        seen.codes[2] = bpf_usdt_readarg(5, ctx, &seen.fifth);
        all.update(&n, &seen);
        return 0;
      }]] }
    assert.equal(4, b:num_open_uprobes())
    usdt.run(8)
    for n = 0, 7 do
      local seen <const> = b.all[n]
      assert.same(({ [0] = { 1000, 1000, n, n, 0, 0, 0 }, { 2001, 2001, n, n, 0, 0, 0 },
        { 1002, 0, 0, n, -1, -1, 0 }, { -3, 0, n, 0, -1, 0, -1 } })[n % 4],
        { seen.first, seen.third, seen.fourth, seen.fifth, seen.codes[1], seen.codes[2],
          seen.codes[3] })
    end
  end)

  it("one that can't be read breaks only those who read it #any_kernel", function()
    for number, reason in pairs{
      [1] = "it is a floating-point number, which no program reads",
      [3] = "it lies in segment %fs (thread-local memory), whose address a probe can't see",
      [4] = "the file has no symbol nowhere",
      [5] = "it has 16 bytes, not 1, 2, 4 or 8",
      [6] = "it lies in thread-local memory: own_number" } do
      local e <const> = refusal.of(function()
        bpf.BPF{ usdt_contexts = { context("broken") }, text = ([[
int on(struct pt_regs *ctx) {
  u64 v;
  return bpf_usdt_readarg(%d, ctx, &v);
}]]):format(number) }
      end)
      assert.equal(("argument %d of test:broken can't be read: %s"):format(number, reason),
        e.message)
      assert.truthy(e.where:find(":%d+$"))
    end
    local b <close> = bpf.BPF{ usdt_contexts = { context("broken") }, text = [[
      BPF_ARRAY(out, u64, 2);
      #define PUT(i, v) { int key = i; u64 value = v; out.update(&key, &value); }
      int on(struct pt_regs *ctx) {
        u32 a = 0, b = 0;
        bpf_usdt_readarg(2, ctx, &a);
        bpf_usdt_readarg(7, ctx, &b);
        PUT(0, a);
        PUT(1, b);
        return 0;
      }]] }
    usdt.run(1)
    assert.equal(0x55667788, b.out[0])
    assert.equal(1, b.out[1])
  end)

  it("of another size than the variable leave it alone #any_kernel", function()
    local b <close> = bpf.BPF{ usdt_contexts = { context("widths") }, text = [[
      BPF_ARRAY(out, long, 4);
      #define PUT(i, v) { int key = i; long value = v; out.update(&key, &value); }
      int on(struct pt_regs *ctx) {
        long wide = 77, code = bpf_usdt_readarg(3, ctx, &wide);
        short narrow = 78;
        PUT(0, wide);
        PUT(1, code);
        code = bpf_usdt_readarg(3, ctx, &narrow);
        PUT(2, narrow);
        PUT(3, code);
        return 0;
      }]] }
    usdt.run(1)
    assert.same({ 77, -1, 78, -1 }, b.out:values())
  end)
end)

describe("without attach cookies (before Linux 5.15)", function()
  if not x86 then return end

  -- What a script prints that behaves as on such a kernel; %q is the target.
  local function run_without(text, path)
    local status <const>, out <const>, errors <const> = script.run(([[
      local bpf = require "bpf"
      assert(bpf.features().cookie.reason == "LUABPF_WITHOUT says to do without it")
      local u = bpf.USDT{ path = %q }
      ]]):format(path or usdt.target()) .. text,
      "env LUABPF_WITHOUT=cookie,uprobe_multi,uprobe_multi_pid")
    assert.equal(0, status, errors)
    return out
  end

  it("locations are told apart by their place in a page #any_kernel", function()
    local out <const> = run_without(([[
      u:enable_probe("places", "on")
      local b = bpf.BPF{ usdt_contexts = { u }, text = "struct seen { u64 first; long code; };" ..
        "BPF_HASH(all, u64, struct seen); BPF_ARRAY(counts, u64, 4);" ..
        "int on(struct pt_regs *ctx) { struct seen seen = {}; u64 n; u32 place;" ..
        "  bpf_usdt_readarg(2, ctx, &n); place = n & 3;" ..
        "  seen.code = bpf_usdt_readarg(1, ctx, &seen.first);" ..
        "  all.update(&n, &seen); counts.increment(place); return 0; }" }
      assert(not b:disassemble_func("on"):find("cookie"))
      assert(os.execute("%s 211 > /dev/null"))
      for n = 0, 210 do
        local seen = b.all[n]
        assert(seen.code == 0 and seen.first == ({ [0] = 1000, 2001, 1002, -3 })[n & 3], n)
      end
      print(#b.all, b:num_open_uprobes(), b.counts[0], b.counts[1], b.counts[2], b.counts[3])
      ]]):format(usdt.target()))
    assert.equal("211\t4\t53\t53\t53\t52\n", out)
  end)

  it("semaphores are raised, and a probe may be in several files #any_kernel", function()
    local library <const> = usdt.library()
    local out <const> = run_without(([[
      local library = bpf.USDT{ path = %q }
      u:enable_probe("guarded", "on_guarded")
      u:enable_probe("widths", "on")
      library:enable_probe("widths", "on")
      local b = bpf.BPF{ usdt_contexts = { u, library }, text =
        "BPF_HASH(wholes, s32, u64); BPF_ARRAY(counts, u64, 1);" ..
        "int on(struct pt_regs *ctx) { s32 whole = 1; bpf_usdt_readarg(3, ctx, &whole);" ..
        "  wholes.increment(whole); return 0; }" ..
        "int on_guarded(void *ctx) { counts.increment(0); return 0; }" }
      assert(os.execute("LD_PRELOAD=%s %s 7 > /dev/null"))
      print(b.counts[0], #b.wholes, b.wholes[0], b.wholes[-6000], b.wholes[3])]]):format(library,
      library, usdt.target()))
    -- /bin/sh, which starts the target, has the library, too
    assert.truthy(out:find("^7\t8\t1\t1\t[12]\n$"), out)
  end)

  it("two locations with the same place in a page are refused #any_kernel", function()
    local path <const> = process.compile([[
      #include "]] .. io.popen("pwd"):read("l") .. [[/spec/support/usdt_notes.h"
      __asm__(".text\n.balign 4096\n" PROBE(test, twins, 0, "8@%rax") "ret\n"
              ".balign 4096\n" PROBE(test, twins, 0, "8@%rbx") "ret\n");
      int main(void) { return 0; }]])
    local out <const> = run_without([[
      u:enable_probe("twins", "on")
      local ok, e = pcall(bpf.BPF, { usdt_contexts = { u }, text = "int on(void *ctx) {" ..
        "  u64 v; return bpf_usdt_readarg(1, ctx, &v); }" })
      print(e.message, e.hint)]], path)
    os.remove(path)
    assert.equal("the locations of the probes of on can't be told apart: two of them have the same "
      .. "place in a page\twith attach cookies, which Linux has since 5.15, they can\n", out)
  end)
end)

describe("a context", function()
  it("of one process leaves others alone, unless told otherwise", function()
    local first <const> = usdt.start(usdt.target() .. " 101 wait")
    local second <const> = usdt.start(usdt.target() .. " 103 wait")
    local u <close> = context("widths", { pid = first.pid })
    local mine <close> = bpf.BPF{ usdt_contexts = { u }, text = counting }
    local all <close> = bpf.BPF{ usdt_contexts = { context("widths", { pid = second.pid }) },
      text = counting, attach_usdt_ignore_pid = true }
    u:close() -- what is attached belongs to the BPF object
    first:tell("go")
    second:tell("go")
    first:finish()
    second:finish()
    assert.equal(101, mine.counts[0])
    assert.equal(204, all.counts[0])
  end)

  it("may stand beside others: two processes, one function #any_kernel", function()
    local first <const> = usdt.start(usdt.target() .. " 107 wait")
    local second <const> = usdt.start(usdt.target() .. " 109 wait")
    local third <const> = usdt.start(usdt.target() .. " 113 wait")
    local b <close> = bpf.BPF{ text = counting, usdt_contexts = {
      context("widths", { pid = first.pid }), context("widths", { pid = second.pid }) } }
    for _, running in ipairs{ first, second, third } do
      running:tell("go")
      running:finish()
    end
    assert.equal(216, b.counts[0])
  end)

  it("of a process sees its libraries too, and a probe that several files have #any_kernel",
    function()
      local library <const> = usdt.library()
      local running <const> = usdt.start(("env LD_PRELOAD=%s %s 127 wait"):format(library,
        usdt.target()))
      local u <close> = bpf.USDT{ pid = running.pid }
      local paths = {}
      for _, probe in ipairs(u:enumerate_probes()) do
        if probe:short_name() == "test:widths" then
          for _, location in ipairs(probe.locations) do paths[#paths + 1] = location.path end
        end
      end
      assert.same({ library, usdt.target() }, paths)
      u:enable_probe("test:widths", "on")
      u:enable_probe("test:only_here", "on_library")
      local b <close> = bpf.BPF{ usdt_contexts = { u }, text = [[
        BPF_ARRAY(counts, u64, 2);
        int on(void *ctx) { counts.increment(0); return 0; }
        int on_library(void *ctx) { counts.increment(1); return 0; }]] }
      running:tell("go")
      running:finish()
      assert.equal(128, b.counts[0]) -- one at the library's end
      assert.equal(1, b.counts[1])
    end)

  it("of a process in a container finds its files there #any_kernel", function()
    local path <const> = usdt.build("usdt_target_static", "-static")
    local running <const> = usdt.start(([[unshare --mount sh -c "mount -t tmpfs none /mnt && ]] ..
      [[cp %s /mnt/target && exec /mnt/target 131 wait"]]):format(path))
    local inside <const> = ("/proc/%d/root/mnt/target"):format(running.pid)
    local named <close> = context("widths", { pid = running.pid, path = "/mnt/target" })
    assert.equal("/mnt/target", named:enumerate_active_probes()[1].bin_path)
    local u <close> = context("widths", { pid = running.pid })
    assert.equal(inside, u:enumerate_active_probes()[1].bin_path)
    assert.equal(running.pid, u:enumerate_active_probes()[1].pid)
    local b <close> = bpf.BPF{ usdt_contexts = { u, named }, text = counting }
    running:tell("go")
    running:finish()
    assert.equal(262, b.counts[0])
  end)

  it("of a process whose file was deleted has it all the same #any_kernel", function()
    local path <const> = os.tmpname()
    os.execute(("cp %s %s; chmod 755 %s"):format(usdt.target(), path, path))
    local running <const> = usdt.start(path .. " 139 wait")
    os.remove(path)
    local b <close> = bpf.BPF{ usdt_contexts = { context("widths", { pid = running.pid }) },
      text = counting }
    running:tell("go")
    running:finish()
    assert.equal(139, b.counts[0])
  end)

  it("knows when its process ended, or became another program #any_kernel", function()
    local running <const> = usdt.start(usdt.target() .. " exec " .. usdt.build(
      "usdt_target_static", "-static"))
    local u <close> = bpf.USDT{ pid = running.pid }
    u:enable_probe("widths", "on")
    running:tell("go")
    running.running:wait_for("ready")
    assert.truthy(refusal.of(function() u:enable_probe("guarded", "on") end).message
      :find("runs another program"))
    assert.truthy(refusal.of(function() bpf.BPF{ usdt_contexts = { u }, text = counting } end)
      .message:find("runs another program"))
    running:stop()
    assert.truthy(refusal.of(function() u:enable_probe("guarded", "on") end).message
      :find("has ended"))
  end)
end)

describe("a program that asks whether somebody listens", function()
  if not x86 then return end

  it("is told so by path, also one that starts later", function()
    local b <close> = bpf.BPF{ usdt_contexts = { context("guarded") }, text = counting }
    usdt.run(137)
    assert.equal(137, b.counts[0])
  end)

  it("is told so while a tracer lives, and not after its end of any kind", function()
    local running <const> = usdt.start(usdt.target() .. " counter")
    assert.equal("0", running:ask())
    do
      local one <close> = bpf.BPF{ usdt_contexts = { context("guarded", { pid = running.pid }) },
        text = counting }
      assert.equal("1", running:ask())
      local two <close> = bpf.BPF{ usdt_contexts = { context("guarded") }, text = counting }
      assert.equal("1", running:ask()) -- one place, however many listen
      assert.equal(2, one:num_open_uprobes() + two:num_open_uprobes())
    end
    assert.equal("0", running:ask())
    local tracer <const> = script.start(([[
      local bpf = require "bpf"
      local u = bpf.USDT{ path = %q }
      u:enable_probe("guarded", "on")
      local b = bpf.BPF{ usdt_contexts = { u }, text = "int on(void *ctx) { return 0; }" }
      print("listening"); io.stdout:flush()
      bpf.sleep(600)]]):format(usdt.target()))
    tracer:wait_for("listening")
    assert.equal("1", running:ask())
    tracer:signal("KILL")
    tracer:finish()
    assert.is_true(process.wait_until(function() return running:ask() == "0" end))
    running:stop()
  end)
end)

describe("probes that others put into their programs", function()
  it("libstdc++'s throw, in a process that starts later #any_kernel", function()
    local path <const> = os.tmpname()
    local compiler <const> = io.popen("g++ -x c++ -o " .. path .. " - 2>/dev/null", "w")
    compiler:write("int main() { for (int i = 0; i < 149; i++) try { throw i; } catch (int) {} }")
    if not compiler:close() then
      pending("needs g++")
      return
    end
    local u <close> = bpf.USDT{ path = "stdc++" }
    u:enable_probe("libstdcxx:throw", "on")
    u:enable_probe("catch", "on_catch")
    local b <close> = bpf.BPF{ usdt_contexts = { u },
      text = counting .. "int on_catch(void *ctx) { counts.increment(0); return 0; }" }
    assert.equal(0, (process.run(path)))
    os.remove(path)
    assert.equal(298, b.counts[0])
  end)
end)
