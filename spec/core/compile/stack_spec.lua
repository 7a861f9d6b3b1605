-- Programs whose variables need more than the 512 bytes of stack that a BPF program has.
local bpf <const> = require "bpf"
local object <const> = require "spec.support.object"
local target <const> = require "spec.support.target"

local lookup <const>, probe_read <const> = 1, 4

local function at_visit(text, count)
  local b <const> = bpf.BPF{text = text}
  b:attach_uprobe{name = target.path(), sym = "visit", fn_name = "on_visit"}
  target.run(count or 1)
  return b
end

local function refusal(text)
  local ok <const>, failure <const> = pcall(bpf.BPF, {text = text})
  assert.is_false(ok)
  return tostring(failure)
end

-- Helpers that function `name` of the text calls.
local function helpers(text, name)
  local list = {}
  for i, call in ipairs(object.functions(assert(object.compile(text)))[name].calls) do
    list[i] = call.helper
  end
  return list
end

describe("variables that do not fit on the stack", function()
  it("are kept elsewhere, and zeroed as the text says", function()
    local b <close> = at_visit([[
struct event { u32 number; char text[600]; u32 after; };
BPF_ARRAY(events, struct event, 2);
int on_visit(struct pt_regs *ctx, void *node, int length, char *text) {
  struct event event = {.number = 7}, again = {};
  int slot = 0;
  bpf_probe_read_str(event.text, sizeof event.text, text);
  event.after = length;
  events.update(&slot, &event);
  slot = 1;
  again.number = event.text[length & 3];
  events.update(&slot, &again);
  return 0;
}]], 3)
    local event <const>, again <const> = b.events[0], b.events[1]
    assert.equal(7, event.number)
    assert.equal("hello", event.text)
    assert.equal(5, event.after)
    assert.equal(("e"):byte(), again.number)
    assert.equal("", again.text)
    assert.equal(0, again.after)
  end)

  it("may be larger than what LLVM clears at once", function()
    local b <close> = at_visit([[
struct large { unsigned char bytes[200]; };
struct event { u64 first; unsigned char copies[20][200]; u64 last; };
BPF_ARRAY(events, struct event, 1);
int on_visit(struct pt_regs *ctx, void *node, int length, char *text, void *other,
             struct large *large) {
  struct event event = {.first = 3, .last = 5};
  int slot = 0;
  __builtin_memcpy(event.copies[17], large->bytes, 200);
  event.copies[length & 15][7] = 9;
  events.update(&slot, &event);
  return 0;
}]])
    local event <const> = b.events[0]
    assert.equal(3, event.first)
    assert.equal(5, event.last)
    assert.equal(199 * 7 & 0xff, event.copies[18][200])
    assert.equal(0, event.copies[17][200])
    assert.equal(9, event.copies[6][8])
  end)

  it("do not mix those of different programs", function()
    local b <close> = bpf.BPF{text = [[
struct event { u32 number; char text[500]; };
BPF_ARRAY(events, struct event, 2);
static int fill(int slot, char *text) {
  struct event event;
  if (slot == 0) {
    __builtin_memset(&event, 0, sizeof event);
    event.number = 11;
  }
  bpf_probe_read_str(event.text, sizeof event.text, text);
  return events.update(&slot, &event);
}
int on_visit(struct pt_regs *ctx, void *node, int length, char *text) { return fill(0, text); }
int on_six(struct pt_regs *ctx) { return fill(1, "six"); }
]]}
    b:attach_uprobe{name = target.path(), sym = "visit", fn_name = "on_visit"}
    b:attach_uprobe{name = target.path(), sym = "six", fn_name = "on_six"}
    target.run(2)
    assert.equal(11, b.events[0].number)
    assert.equal("hello", b.events[0].text)
    assert.equal(0, b.events[1].number)
  end)

  it("stay on the stack when they are not in use at one time", function()
    assert.same({probe_read, probe_read}, helpers([[
int on_visit(struct pt_regs *ctx, char *text, char *other) {
  int sum = 0;
  {
    char copy[400];
    bpf_probe_read(copy, sizeof copy, text);
    sum += copy[ctx->ip & 15];
  }
  {
    char copy[400];
    bpf_probe_read(copy, sizeof copy, other);
    sum += copy[ctx->ip & 15];
  }
  return sum;
}]], "on_visit"))
  end)

  it("move largest first, and only as many as have to", function()
    local text <const> = [[
int on_visit(struct pt_regs *ctx, char *text) {
  char small[100], medium[200], large[300];
  bpf_probe_read(small, sizeof small, text);
  bpf_probe_read(medium, sizeof medium, text + 1);
  bpf_probe_read(large, sizeof large, text + 2);
  return small[ctx->ip & 15] + medium[ctx->ip & 15] + large[ctx->ip & 15];
}]]
    assert.same({lookup, probe_read, probe_read, probe_read}, helpers(text, "on_visit"))
    local stack <const> = object.functions(assert(object.compile(text))).on_visit.stack
    assert.is_true(stack >= 304 and stack <= 360, stack)
  end)

  it("are refused with their names and sizes where no memory is large enough", function()
    local message <const> = refusal[[
int on_visit(struct pt_regs *ctx, char *text) {
  char enormous[40000], title[100];
  bpf_probe_read(title, sizeof title, text);
  bpf_probe_read(enormous, sizeof enormous, text);
  return enormous[ctx->ip & 15] + title[ctx->ip & 15];
}]]
    assert.matches("stack_spec%.lua:%d+: the variables", message)
    assert.matches("largest: enormous %(40000 bytes%), title %(104 bytes%)", message)
    assert.matches("BPF_PERCPU_ARRAY", message)
  end)

  it("are moved also when a function begins with one", function()
    assert.same({lookup, 113}, helpers([[
struct large { int numbers[300]; };
int on_visit(struct pt_regs *ctx) {
  struct large copy;
  return bpf_probe_read_kernel(&copy, 12, (void *)ctx->ip) + copy.numbers[2];
}]], "on_visit"))
  end)

  it("are refused in a program that may sleep", function()
    assert.matches("may sleep.*copy %(600 bytes%)", refusal[[
SEC("uprobe.s/x") int on_visit(struct pt_regs *ctx) {
  char copy[600];
  bpf_probe_read(copy, sizeof copy, (void *)ctx->di);
  return copy[ctx->ip & 15];
}]])
  end)
end)
