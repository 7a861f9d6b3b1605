-- Misuse of the API: a plain text at the caller's line, with the name that may be meant.
local bpf <const> = require "bpf"
local leftovers <const> = require "spec.support.leftovers"
local refusal <const> = require "spec.support.refusal"
local target <const> = require "spec.support.target"

local file <const> = "options_spec.lua"
local text <const> = [[
BPF_HASH(counts, u32, u64);
int probe(void *ctx) { return 0; }
]]

local function misused(action, pattern)
  local message <const> = refusal.misuse(action, file)
  assert.truthy(message:find(pattern), message)
end

local before
local function look() before = leftovers.now() end
local function compare() assert.same(before, leftovers.now()) end

describe("misuse of the constructor", function()
  before_each(look)
  after_each(compare)

  it("names the option that may be meant", function()
    misused(function() bpf.BPF{txt = text} end, "unknown option 'txt'; did you mean 'text'%?")
    misused(function() bpf.BPF{srcfile = "a.c"} end, "did you mean 'src_file'%?")
    misused(function() bpf.BPF{text = text, cflag = {}} end, "did you mean 'cflags'%?")
    misused(function() bpf.BPF{text = text, zzzzzzzzzzzz = 1} end,
      "unknown option 'zzzzzzzzzzzz'; it takes text, src_file, ")
    misused(function() bpf.BPF{text} end, "named")
  end)

  it("wants exactly one program", function()
    misused(function() bpf.BPF{text = text, src_file = "a.c"} end,
      "exactly one of 'text', 'src_file' and 'obj'")
    misused(function() bpf.BPF{text = text, obj = "a.o"} end, "exactly one")
    misused(function() bpf.BPF{} end, "exactly one")
    misused(function() bpf.BPF() end, "exactly one")
    misused(function() bpf.BPF{debug = 0} end, "exactly one")
  end)

  it("wants the right kinds of values", function()
    misused(function() bpf.BPF{text = 7} end, "'text' must be a string")
    misused(function() bpf.BPF{text = text, cflags = "-DA"} end,
      "'cflags' must be a list of strings")
    misused(function() bpf.BPF{text = text, cflags = {1}} end, "'cflags' must be a list of strings")
    misused(function() bpf.BPF{text = text, debug = "all"} end, "'debug' must be an integer")
    misused(function() bpf.BPF{src_file = "a\0b"} end, "NUL")
    local many <const> = {}
    for i = 1, 20 do many[i] = text end
    misused(function() bpf.BPF(table.unpack(many)) end, "at most")
  end)
end)

describe("misuse of a method", function()
  local b
  setup(function() b = bpf.BPF{text = text} end)
  teardown(function() b:close() end)
  before_each(look)
  after_each(compare)

  it("names the option that may be meant, and what is missing", function()
    local cases <const> = {
      {"attach_kprobe", {evnt = "f", fn_name = "probe"}, "did you mean 'event'%?"},
      {"attach_kprobe", {event = "f"}, "'fn_name' is missing"},
      {"attach_kprobe", {fn_name = "probe"}, "'event' or 'event_re' is missing"},
      {"attach_kprobe", {event = "f", event_re = "f.*", fn_name = "probe"}, "exclude each other"},
      {"attach_kprobe", {event = "f", event_off = -1, fn_name = "probe"}, "out of range"},
      {"attach_kprobe", {event = "f", maxactive = 1, fn_name = "probe"},
        "unknown option 'maxactive'"},
      {"attach_kretprobe", {event = "f", max_active = 1, fn_name = "probe"},
        "did you mean 'maxactive'%?"},
      {"attach_kretprobe", {event = "f", maxactive = -1, fn_name = "probe"}, "out of range"},
      {"attach_uprobe", {path = "c", sym = "f", fn_name = "probe"}, "unknown option 'path'"},
      {"attach_uprobe", {name = "c", fn_name = "probe"},
        "exactly one of 'sym', 'sym_re' and 'addr'"},
      {"attach_uprobe", {name = "c", sym = "f", addr = 1, fn_name = "probe"}, "exactly one"},
      {"attach_uprobe", {name = "c", addr = 1, sym_off = 1, fn_name = "probe"}, "offset with addr"},
      {"attach_uprobe", {name = "c", sym = "f", pid = "1", fn_name = "probe"},
        "'pid' must be an integer"},
      {"attach_uprobe", {name = "c", sym = "f", pid = -7, fn_name = "probe"}, "out of range"},
      {"attach_uretprobe", {name = "c", sym = "f", sym_off = 1, fn_name = "probe"},
        "unknown option 'sym_off'"},
      {"attach_tracepoint", {tp = "a:b", tp_re = "a:b", fn_name = "probe"}, "exclude each other"},
      {"attach_tracepoint", {tracepoint = "a:b", fn_name = "probe"}, "unknown option 'tracepoint'"},
      {"attach_raw_tracepoint", {tp = "", fn_name = "probe"}, "'tp' is missing"},
      {"attach_raw_tracepoint", {tp = true, fn_name = "probe"}, "'tp' must be a string"},
      {"detach_uprobe", {name = "c"}, "exactly one"},
      {"detach_kprobe", {}, "'event' is missing"},
    }
    for _, case in ipairs(cases) do
      misused(function() b[case[1]](b, case[2]) end, case[3])
    end
  end)

  it("names the table or method that may be meant", function()
    misused(function() return b.count end, "did you mean 'counts'%?")
    misused(function() return b["cuonts"] end, "did you mean 'counts'%?")
    misused(function() b:attach_kprob{event = "f", fn_name = "probe"} end,
      "did you mean 'attach_kprobe'%?")
    misused(function() b:get_table("count") end, "did you mean 'counts'%?")
    misused(function() return b[1] end, "by a table's name")
  end)

  it("is found on objects of other kinds, too", function()
    for _, self in ipairs{ 1, "b", {}, io.stdout, b.counts } do
      assert.is_false((pcall(b.attach_kprobe, self, {event = "f", fn_name = "probe"})))
      assert.is_false((pcall(b.close, self)))
    end
    assert.is_false((pcall(bpf.until_interrupted, 7)))
    assert.is_false((pcall(bpf.sleep, -1)))
    assert.is_false((pcall(bpf.sleep, "soon")))
  end)
end)

describe("too many open files", function()
  it("are named as the reason", function()
    local feature <const> = bpf.features().uprobe
    if not feature.available then return pending("needs uprobes: " .. feature.reason) end
    local b <close> = bpf.BPF{text = "int probe(void *ctx) { return 0; }"}
    local place <const> = {name = target.path(), sym = "answer", fn_name = "probe"}
    b:attach_uprobe(place):detach() -- loaded now
    local files <const> = {}
    for _ = 1, 100000 do
      local one <const> = io.open("/dev/null")
      if not one then break end
      files[#files + 1] = one
    end
    if #files == 100000 then
      for _, one in ipairs(files) do one:close() end
      return pending("needs a limit of open files below 100000")
    end
    local good <const>, e <const> = pcall(b.attach_uprobe, b, place)
    local fresh <const>, other <const> = pcall(bpf.BPF,
      {text = "int probe_2(void *ctx) { return 2; }"})
    for _, one in ipairs(files) do one:close() end
    assert.is_false(good)
    assert.is_false(fresh)
    assert.truthy(tostring(e):find("open files", 1, true), tostring(e))
    assert.truthy(tostring(other):find("open files", 1, true), tostring(other))
  end)
end)
