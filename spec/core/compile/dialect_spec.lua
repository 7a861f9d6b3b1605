-- Tables and their methods in C, counted exactly on a traced program that makes a prime number of
-- calls.
local bpf <const> = require "bpf"
local target <const> = require "spec.support.target"

local count <const> = 107

-- Attaches `on_answer` of the text to answer(0 … count-1) and runs that.
local function at_answer(text, calls)
  local b <const> = bpf.BPF{text = text}
  b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "on_answer"}
  target.run(calls or count)
  return b
end

describe("BPF_HASH", function()
  it("takes its defaults and counts with increment", function()
    local b <close> = at_answer[[
BPF_HASH(plain);
BPF_HASH(typed, u32, u32, 16);
int on_answer(struct pt_regs *ctx, unsigned long question) {
  plain.increment(question % 10);
  plain.increment(100, 5);
  plain.atomic_increment(200);
  typed.atomic_increment(question & 1, 3);
  return 0;
}]]
    assert.equal(11, b.plain[6])
    assert.equal(10, b.plain[7])
    assert.equal(5 * count, b.plain[100])
    assert.equal(count, b.plain[200])
    assert.equal(3 * 54, b.typed[0])
    assert.equal(3 * 53, b.typed[1])
    assert.equal(10240, b.plain.max_entries)
    assert.equal(16, b.typed.max_entries)
  end)

  it("has lookup, update, insert, delete and the two initializing look-ups", function()
    local b <close> = at_answer[[
struct key { u32 a; char name[20]; };
struct leaf { u64 calls; u64 last; };
BPF_HASH(seen, struct key, struct leaf);
BPF_HASH(results, u32, s64);
BPF_HASH(small, u64, u64, 2);
BPF_HASH(gone);
static void put(u32 slot, s64 value) { results.update(&slot, &value); }
int on_answer(struct pt_regs *ctx, unsigned long question) {
  struct key key = {.a = question % 3, .name = "three"};
  struct leaf zero = {}, *leaf = seen.lookup_or_try_init(&key, &zero);
  u64 number = question, one = 1;
  if (leaf) {
    leaf->calls++;
    leaf->last = question;
  }
  put(0, gone.insert(&number, &one));
  put(1, gone.insert(&number, &one));
  put(2, gone.lookup(&number) != 0);
  put(3, gone.delete(&number));
  put(4, gone.delete(&number));
  put(5, gone.lookup(&number) != 0);
  put(6, question);
  u64 *last = small.lookup_or_init(&number, &one);
  put(7, *last + question);
  return 0;
}]]
    local calls, last = {}, {}
    for key, leaf in pairs(b.seen) do
      assert.equal("three", key.name)
      calls[key.a], last[key.a] = leaf.calls, leaf.last
    end
    assert.same({[0] = 36, 36, 35}, calls)
    assert.same({[0] = 105, 106, 104}, last)
    assert.equal(0, b.results[0])
    assert.equal(-17, b.results[1]) -- EEXIST
    assert.equal(1, b.results[2])
    assert.equal(0, b.results[3])
    assert.equal(-2, b.results[4]) -- ENOENT
    assert.equal(0, b.results[5])
    -- lookup_or_init ends the program when there is no room: two numbers fit.
    assert.equal(count - 1, b.results[6])
    assert.equal(2, b.results[7])
  end)

  it("is the map itself for the raw helpers", function()
    local b <close> = at_answer[[
BPF_HASH(counts, u32, u64);
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 8);
  __type(key, u32);
  __type(value, u64);
} plain SEC(".maps");
int on_answer(struct pt_regs *ctx, unsigned long question) {
  u32 key = question & 1;
  u64 one = 1, *found = bpf_map_lookup_elem(&counts, &key);
  if (found)
    lock_xadd(found, 2);
  else
    bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
  found = bpf_map_lookup_elem(&plain, &key);
  if (found)
    *found += 1;
  else
    bpf_map_update_elem(&plain, &key, &one, BPF_NOEXIST);
  return 0;
}]]
    assert.equal(107, b.counts[0])
    assert.equal(105, b.counts[1])
    assert.equal(54, b.plain[0])
    assert.equal(53, b.plain[1])
  end)
end)

describe("arrays and histograms", function()
  it("count in place", function()
    local b <close> = at_answer[[
struct slot_key { u32 parity; u64 slot; };
BPF_ARRAY(totals, u64, 4);
BPF_HISTOGRAM(powers);
BPF_HISTOGRAM(by_parity, struct slot_key, 128);
BPF_TABLE("array", int, u32, table_form, 8);
int on_answer(struct pt_regs *ctx, unsigned long question) {
  struct slot_key key = {.parity = question & 1, .slot = bpf_log2l(question)};
  totals.increment(3);
  totals.increment(9); /* out of range: counts nowhere */
  powers.increment(bpf_log2l(question));
  by_parity.increment(key);
  table_form.increment(question & 7, 2);
  return 0;
}]]
    assert.equal(count, b.totals[3])
    assert.equal(0, b.totals[2])
    local expected <const> = {[0] = 0, 2, 2, 4, 8, 16, 32, 43}
    for slot = 0, 7 do assert.equal(expected[slot], b.powers[slot]) end
    local sum = 0
    for key, value in pairs(b.by_parity) do
      if key.parity == 1 and key.slot == 7 then assert.equal(21, value) end
      sum = sum + value
    end
    assert.equal(count, sum)
    assert.equal(28, b.table_form[2])
  end)
end)

describe("per-CPU tables", function()
  it("add up to the exact count", function()
    local b <close> = at_answer[[
BPF_PERCPU_ARRAY(slots, u64, 2);
BPF_PERCPU_HASH(by_key, u32, u64);
int on_answer(struct pt_regs *ctx, unsigned long question) {
  slots.increment(1);
  by_key.increment(question & 1, 10);
  return 0;
}]]
    assert.equal(count, b.slots:sum(1))
    assert.equal(540, b.by_key:sum(0))
    assert.equal(530, b.by_key:sum(1))
  end)
end)

describe("BPF_STACK_TRACE", function()
  it("keeps the user stack of each call", function()
    local b <close> = at_answer[[
BPF_STACK_TRACE(stacks, 100);
BPF_HASH(ids, int, u64);
int on_answer(struct pt_regs *ctx) {
  ids.increment(stacks.get_stackid(ctx, BPF_F_USER_STACK));
  return 0;
}]]
    local items <const> = b.ids:items()
    assert.equal(1, #items)
    assert.equal(count, items[1][2])
    assert.is_true(items[1][1] >= 0)
    local frames = 0
    for address in b.stacks:walk(items[1][1]) do
      assert.is_true(address ~= 0)
      frames = frames + 1
    end
    assert.is_true(frames >= 2)
    assert.equal(128, b.stacks.max_entries)
  end)
end)

describe("BPF_RINGBUF_OUTPUT", function()
  it("delivers what is put out or reserved, in order, and not what is discarded", function()
    local b <close> = bpf.BPF{text = [[
struct event { u64 number; char kind; };
BPF_RINGBUF_OUTPUT(events, 16);
BPF_ARRAY(sizes, u64, 1);
int on_answer(struct pt_regs *ctx, unsigned long question) {
  struct event plain = {.number = question, .kind = 'o'}, *event;
  u64 size = events.ringbuf_query(BPF_RB_RING_SIZE);
  int zero = 0;
  sizes.update(&zero, &size);
  events.ringbuf_output(&plain, sizeof(plain), 0);
  event = events.ringbuf_reserve(sizeof(*event));
  if (!event)
    return 1;
  event->number = question;
  event->kind = 'r';
  if (question & 1)
    events.ringbuf_submit(event, 0);
  else
    events.ringbuf_discard(event, 0);
  return 0;
}]]}
    b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "on_answer"}
    local out, reserved, in_order, last = 0, 0, true, -1
    b.events:open_ring_buffer(function(_, event)
      if event.kind == ("o"):byte() or event.kind == "o" then
        out = out + 1
        in_order = in_order and event.number == last + 1
        last = event.number
      else
        reserved = reserved + 1
      end
    end)
    target.run(count)
    assert.equal(count + 53, b:ring_buffer_consume())
    assert.equal(count, out)
    assert.equal(53, reserved)
    assert.is_true(in_order)
    assert.equal(16 * 4096, b.sizes[0])
    assert.equal(0, b:lost())
  end)

  it("counts what finds no room", function()
    local b <close> = bpf.BPF{text = [[
struct event { char bytes[1000]; };
BPF_RINGBUF_OUTPUT(events, 1);
int on_answer(struct pt_regs *ctx) {
  struct event *event = events.ringbuf_reserve(sizeof(*event));
  if (event) {
    event->bytes[0] = 1;
    events.ringbuf_submit(event, 0);
  }
  return 0;
}]]}
    b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "on_answer"}
    local received = 0
    b.events:open_ring_buffer(function() received = received + 1 end)
    target.run(count)
    b:ring_buffer_consume()
    assert.is_true(received > 0 and received < count)
    assert.equal(count, received + b:lost())
  end)
end)

describe("BPF_PERF_OUTPUT", function()
  it("delivers every event with its type", function()
    local b <close> = bpf.BPF{text = [[
struct inner { u16 a; u8 b[3]; };
struct event {
  u64 number;
  struct inner inner;
  char comm[TASK_COMM_LEN];
  int negative;
  u8 bit : 1;
  u8 rest : 7;
};
BPF_PERF_OUTPUT(events);
int on_answer(struct pt_regs *ctx, unsigned long question) {
  struct event event = {};
  event.number = question;
  event.inner.a = question * 2;
  event.inner.b[2] = question;
  event.negative = -question;
  event.bit = question;
  event.rest = question;
  bpf_get_current_comm(&event.comm, sizeof(event.comm));
  events.perf_submit(ctx, &event, sizeof(event));
  return 0;
}]]}
    b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "on_answer"}
    local numbers = {}
    b.events:open_perf_buffer(function(cpu, event, size)
      local n <const> = event.number
      numbers[#numbers + 1] = n
      assert(cpu >= 0 and size >= 40)
      assert(event.inner.a == n * 2 and event.inner.b[3] == n & 0xff)
      assert(event.negative == -n and event.bit == n & 1 and event.rest == n & 0x7f)
      assert(event.comm == "target")
    end, {page_cnt = 64})
    target.run(count)
    b:perf_buffer_consume()
    table.sort(numbers)
    assert.equal(count, #numbers)
    for i = 1, count do assert.equal(i - 1, numbers[i]) end
    assert.equal(0, b:lost())
  end)
end)

describe("kernel headers and constants", function()
  it("need no file on this machine", function()
    local b <close> = at_answer[[
#include <uapi/linux/ptrace.h>
#include <linux/sched.h>
#include <net/sock.h>
#include <linux/some_header_that_no_kernel_has.h>
BPF_ARRAY(out, u64, 8);
int on_answer(struct pt_regs *ctx) {
  u64 values[] = {AF_INET6, ntohs(0x1234), TASK_COMM_LEN, sizeof(struct task_struct) > 1000,
                  TCP_ESTABLISHED, PAGE_SIZE, -EAGAIN == -11};
  #pragma unroll
  for (int i = 0; i < 7; i++) {
    int slot = i;
    out.update(&slot, &values[i]);
  }
  return 0;
}]]
    for i, value in ipairs{10, 0x3412, 16, 1, 1, 4096, 1} do assert.equal(value, b.out[i - 1]) end
  end)
end)
