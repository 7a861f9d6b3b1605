-- Rejections by the verifier: each names the user's own line, which ends in a mark here, and says
-- what to write instead.
local bpf <const> = require "bpf"
local refusal <const> = require "spec.support.refusal"
local target <const> = require "spec.support.target"

local file <const> = "spec/core/kernel/verifier_log_spec.lua"

-- name, text, pattern of the cause, pattern of the hint; where is the line with /*name*/.
local cases <const> = {
  {"a look-up without a check", [[
BPF_HASH(counts, u32, u64);
int probe(struct pt_regs *ctx) {
  u32 key = 1;
  u64 *value = counts.lookup(&key);
  *value += 1; /*a look-up without a check*/
  return 0;
}]], "without a check for NULL", "if %(!p%) return 0;"},

  {"a reservation without a check", [[
struct event { u64 a; };
BPF_RINGBUF_OUTPUT(events, 1);
int probe(struct pt_regs *ctx) {
  struct event *event = events.ringbuf_reserve(sizeof *event);
  event->a = 1; /*a reservation without a check*/
  events.ringbuf_submit(event, 0);
  return 0;
}]], "a pointer that is NULL on one way", "if %(!p%) return 0;"},

  {"a reservation not given back", [[
struct event { u64 a; };
BPF_RINGBUF_OUTPUT(events, 1);
int probe(struct pt_regs *ctx) {
  struct event *event = events.ringbuf_reserve(sizeof *event);
  if (!event) return 0;
  event->a = 1;
  return 0;
}]], "not given back", "ringbuf_submit"},

  {"a loop without end", [[
BPF_ARRAY(limits, u64, 1);
int probe(struct pt_regs *ctx) {
  for (volatile int i = 0; i < 10;) i = bpf_get_prandom_u32() & 3; /*a loop without end*/
  return 0;
}]], "loop", "limit"},

  {"an index without a limit", [[
struct slots { u64 slot[16]; };
BPF_ARRAY(tables, struct slots, 1);
int probe(struct pt_regs *ctx) {
  u32 zero = 0;
  struct slots *slots = tables.lookup(&zero);
  if (!slots) return 0;
  u64 index = bpf_ktime_get_ns();
  slots->slot[index] = 1; /*an index without a limit*/
  return 0;
}]], "limit", "bound it"},

  {"an index beyond the end", [[
struct slots { u64 slot[16]; };
BPF_ARRAY(tables, struct slots, 1);
int probe(struct pt_regs *ctx) {
  u32 zero = 0;
  struct slots *slots = tables.lookup(&zero);
  if (!slots) return 0;
  u32 index = bpf_get_prandom_u32() & 31;
  slots->slot[index] = 1; /*an index beyond the end*/
  return 0;
}]], "beyond", "bound it"},

  {"a helper of another program type", [[
int probe(struct pt_regs *ctx) {
  bpf_skb_load_bytes((void *)ctx, 0, (void *)ctx, 4); /*a helper of another program type*/
  return 0;
}]], "bpf_skb_load_bytes", "."},

  {"a helper under the GPL", [[
#define BPF_LICENSE Proprietary
BPF_HASH(sizes, u32, u64);
int probe(struct pt_regs *ctx) {
  char name[16] = {};
  bpf_probe_read_kernel(name, sizeof name, (void *)PT_REGS_SP(ctx)); /*a helper under the GPL*/
  sizes.increment(name[0]);
  return 0;
}]], "GPL", "licen[sc]e"},

  {"a helper gets a look-up without a check", [[
BPF_HASH(names, u32, u64);
int probe(struct pt_regs *ctx) {
  u32 key = 1;
  u64 *name = names.lookup(&key);
  bpf_get_current_comm(name, 8); /*a helper gets a look-up without a check*/
  return 0;
}]], "NULL", "if %(!p%) return 0;"},

  {"a member beyond the context", [[
BPF_HASH(sums, u64, u64);
int probe(struct pt_regs *ctx) {
  sums.increment(((volatile u64 *)ctx)[60]); /*a member beyond the context*/
  return 0;
}]], "context", "context"},

  {"a size without a limit", [[
struct slots { char bytes[64]; };
BPF_ARRAY(tables, struct slots, 1);
int probe(struct pt_regs *ctx) {
  u32 zero = 0;
  struct slots *slots = tables.lookup(&zero);
  if (!slots) return 0;
  u64 size = bpf_ktime_get_ns();
  bpf_probe_read_user(slots->bytes, size, (void *)PT_REGS_SP(ctx)); /*a size without a limit*/
  return 0;
}]], "limit", "bound it"},

  {"a write to a constant", [[
static const volatile u64 limit = 7;
int probe(struct pt_regs *ctx) {
  *(volatile u64 *)&limit = 8; /*a write to a constant*/
  return 0;
}]], "constant", "const"},
}

describe("a rejection by the verifier", function()
  local feature <const> = bpf.features().uprobe

  for _, case in ipairs(cases) do
    it("names the line and the cure: " .. case[1], function()
      if not feature.available then return pending("needs uprobes: " .. feature.reason) end
      local e <const> = refusal.of(function()
        local b <close> = bpf.BPF{text = case[2]}
        b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "probe"}
      end)
      assert.equal("load", e.op)
      assert.truthy(e.message:find("Failed to load BPF program probe: ", 1, true), e.message)
      assert.truthy(e.message:find(case[3]), e.message)
      assert.is_string(e.hint, e.message)
      assert.truthy(e.hint:find(case[4]), e.hint)
      local line <const> = refusal.line_of(file, "/*" .. case[1] .. "*/")
      if line then assert.equal(file .. ":" .. line, e.where) end
      assert.truthy(e.log and #e.log > #e.message)
    end)
  end

  it("leaves the object usable for its other functions", function()
    if not feature.available then return pending("needs uprobes: " .. feature.reason) end
    local b <close> = bpf.BPF{text = [[
BPF_HASH(seen, u32, u64);
int bad(struct pt_regs *ctx) {
  u32 key = 1;
  *seen.lookup(&key) = 2;
  return 0;
}
int good(struct pt_regs *ctx) {
  seen.increment(1);
  return 0;
}]]}
    local e <const> = refusal.of(function()
      b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "bad"}
    end)
    assert.equal(file .. ":" .. refusal.line_of(file, "*seen.lookup(&key) = 2;"), e.where)
    b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "good"}
    target.run(11)
    assert.equal(11, b.seen[1])
  end)
end)
