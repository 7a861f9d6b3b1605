-- Parts of table methods that a program needs at several places become functions, which it calls.
local bpf <const> = require "bpf"
local object <const> = require "spec.support.object"
local target <const> = require "spec.support.target"

local count <const> = 107
local lookup <const>, ringbuf_output <const> = 1, 130

local text <const> = [[
BPF_HASH(counts, u32, u64);
BPF_PERF_OUTPUT(events);
int once(struct pt_regs *ctx, u64 question) {
  counts.increment(question);
  events.perf_submit(ctx, &question, sizeof question);
  return 0;
}
int often(struct pt_regs *ctx, u64 question) {
  u64 large[56] = {};
  large[55] = question % 7;
  counts.increment(1);
  events.perf_submit(ctx, &question, sizeof question);
  counts.increment(large[55] + 10, 2);
  events.perf_submit(ctx, &large, sizeof large);
  events.perf_submit(ctx, &large[55], 8);
  return 0;
}
int more(struct pt_regs *ctx, u64 question) {
  counts.increment(1);
  counts.increment(2, question);
  if (question % 2)
    counts.increment(3);
  return 0;
}
u64 room(struct pt_regs *ctx, u64 question) {
  return question > 10 ? question - 10 : 0;
}]]

describe("what BPF has no instruction for", function()
  it("is a comparison and a choice #any_kernel", function()
    local room <const> = object.functions(assert(object.compile(text))).room
    assert.is_true(room.count <= 6, room.count .. " instructions")
  end)
end)

describe("what a program does at several places", function()
  it("is a function, and inline where it does it once #any_kernel", function()
    local functions <const> = object.functions(assert(object.compile(text)))
    local send <const>, make <const> = "__lbpf_send_events", "__lbpf_make_counts"
    local add <const> = "__lbpf_add_counts"
    assert.same({}, functions.once.functions)
    assert.same({[send] = 3, [make] = 2}, functions.often.functions)
    assert.same({[add] = 3}, functions.more.functions)
    local helpers = {}
    for _, call in ipairs(functions[send].calls) do helpers[call.helper] = true end
    assert.is_true(helpers[lookup] and helpers[ringbuf_output])
    for _, call in ipairs(functions.often.calls) do
      assert.not_equal(ringbuf_output, call.helper)
    end
  end)

  it("loads beside a full stack, and counts and sends exactly", function()
    local b <close> = bpf.BPF{text = text}
    b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "often"}
    local sizes = {}
    b.events:open_perf_buffer(function(_, _, size) sizes[size] = (sizes[size] or 0) + 1 end,
      {page_cnt = 64})
    target.run(count)
    b:perf_buffer_consume()
    local small, large = 0, 0
    for size, times in pairs(sizes) do
      if size < 100 then small = small + times else large = large + times end
    end
    assert.equal(2 * count, small)
    assert.equal(count, large)
    assert.equal(0, b:lost())
    assert.equal(count, b.counts[1])
    local sum = 0
    for key, value in pairs(b.counts) do
      if key >= 10 then sum = sum + value end
    end
    assert.equal(2 * count, sum)
  end)

  it("adds exactly", function()
    local b <close> = bpf.BPF{text = text}
    b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "more"}
    target.run(count)
    assert.equal(count, b.counts[1])
    assert.equal(count * (count - 1) // 2, b.counts[2])
    assert.equal(count // 2, b.counts[3])
  end)

  it("counts what it loses", function()
    local b <close> = bpf.BPF{text = text}
    b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "often"}
    local received = 0
    b.events:open_perf_buffer(function() received = received + 1 end,
      {page_cnt = 1, lost_cb = function() end})
    target.run(count)
    b:perf_buffer_consume()
    assert.is_true(received < 3 * count)
    assert.equal(3 * count, received + b:lost())
  end)
end)
