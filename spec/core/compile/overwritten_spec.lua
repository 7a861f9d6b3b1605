-- Zeros in a variable that a helper overwrites are not written; all others are.
local bpf <const> = require "bpf"
local object <const> = require "spec.support.object"
local target <const> = require "spec.support.target"

local text <const> = [[
struct event { u32 pid; char name[16]; u64 rest; char word[12]; };
BPF_PERF_OUTPUT(events);
int large(struct pt_regs *ctx, u64 question) {
  struct { u64 number; char block[128]; u64 rest; } e = {};
  bpf_probe_read_kernel(&e.block, sizeof e.block, ctx);
  events.perf_submit(ctx, &e, sizeof e);
  return 0;
}
int whole(struct pt_regs *ctx, u64 question) {
  struct event e = {};
  bpf_get_current_comm(&e.name, sizeof e.name);
  events.perf_submit(ctx, &e, sizeof e);
  return 0;
}
int bare(struct pt_regs *ctx, u64 question) {
  struct event e;
  e.pid = e.rest = 0;
  __builtin_memset(e.word, 0, sizeof e.word);
  bpf_get_current_comm(&e.name, sizeof e.name);
  events.perf_submit(ctx, &e, sizeof e);
  return 0;
}
int part(struct pt_regs *ctx, u64 question) {
  struct event e = {};
  e.pid = e.name[3] + 7;
  if (question % 2)
    bpf_get_current_comm(&e.name, sizeof e.name);
  bpf_probe_read_kernel_str(&e.word, 6, "word and more");
  events.perf_submit(ctx, &e, sizeof e);
  return 0;
}]]

local count <const> = 11

describe("a variable that a helper overwrites", function()
  local function events_of(name)
    local b <close> = bpf.BPF{text = text}
    local list <const> = {}
    b.events:open_perf_buffer(function(_, event, size)
      list[#list + 1] = event:totable()
      list[#list].size = size
      list[#list].padding = event:bytes("name"):match("%z.*$")
    end)
    b:attach_uprobe{name = target.path(), sym = "answer", fn_name = name}
    target.run(count)
    b:perf_buffer_consume()
    assert.equal(count, #list)
    return list
  end

  it("has no zeros before #any_kernel", function()
    local large <const> = object.functions(assert(object.compile(text))).large
    assert.is_true(large.count <= 36, large.count .. " instructions")
  end)

  -- Some kernels (6.1) write nothing behind a name's end. One word of the event is all name.
  it("has zeros behind a name #any_kernel", function()
    local functions <const> = object.functions(assert(object.compile(text)))
    assert.is_true(functions.whole.count > functions.bare.count)
  end)

  it("has zeros beside", function()
    for _, event in ipairs(events_of("whole")) do
      event.size = nil
      assert.equal(("\0"):rep(16 - #"target"), event.padding)
      event.padding = nil
      assert.same({pid = 0, name = "target", rest = 0, word = ""}, event)
    end
  end)

  it("has zeros where it may be read before, or not be written", function()
    for i, event in ipairs(events_of("part")) do
      event.size, event.padding = nil, nil
      assert.same({pid = 7, name = (i - 1) % 2 == 1 and "target" or "", rest = 0, word = "word "},
        event)
    end
  end)
end)
