-- Automatic reads through foreign pointers: every shape that the dialect knows, in user and kernel
-- memory, with known values behind the pointers.
local bpf <const> = require "bpf"
local target <const> = require "spec.support.target"

local head <const> = target.types .. [[
BPF_ARRAY(out, s64, 64);
BPF_ARRAY(copies, struct node, 1);
BPF_HASH(pointers, u32, struct node *);
BPF_HASH(by_value, u32, s64);
static void put(int slot, s64 value) { out.update(&slot, &value); }
]]

-- Runs `body` at each of `count` calls of visit() in the target; gives the BPF object.
local function at_visit(body, count)
  local b <const> = bpf.BPF{text = head .. [[
int on_visit(struct pt_regs *ctx, struct node *node, int length, char *text, struct node *other,
             struct large *large) {
]] .. body .. "\n  return 0;\n}\n"}
  b:attach_uprobe{name = target.path(), sym = "visit", fn_name = "on_visit"}
  target.run(count or 1)
  return b
end

describe("automatic reads in a user program", function()
  it("follow members, chains, arrays, bit fields and anonymous members", function()
    local b <close> = at_visit([[
      put(0, node->value);
      put(1, node->next->value);
      put(2, node->next->next->value);
      put(3, node->array[2]);
      put(4, node->array[length & 3]);
      put(5, node->low);
      put(6, node->high);
      put(7, node->whole);
      put(8, node->half);
      put(9, node->deep.inside);
      put(10, node->tiny);
      put(11, *text);
      put(12, text[4]);
      put(13, *node->next->text);
      put(14, node->next->name[1]);
      put(15, (*node).next->array[1]);
      put(16, large->bytes[199]);
      put(17, *(&node->next->value));
    ]])
    local expected <const> = {30, 200, 1000, 33, 22, 5, 17, 0x10002, 2, 99, -7, ("h"):byte(),
      ("o"):byte(), ("t"):byte(), ("e"):byte(), 6, 199 * 7 & 0xff, 200}
    for i, value in ipairs(expected) do assert.equal(value, b.out[i - 1], "slot " .. i - 1) end
  end)

  it("see through casts, macros, inline functions and out parameters", function()
    local b <close> = bpf.BPF{text = head .. [[
#define VALUE(p) ((p)->value)
#define NEXT_VALUE(p) VALUE((p)->next)
static inline int sum(struct node *n) { return n->value + n->array[3]; }
static struct node *step(struct node *n, int count) {
  for (int i = 0; i < count && n; i++) n = n->next;
  return n;
}
static int through(struct node **pp) { return (*pp)->value; }
int helper(struct node *n) { return n->next->value * 2; }
int on_visit(struct pt_regs *ctx) {
  struct node *node = (struct node *)PT_REGS_PARM1(ctx);
  void *opaque = node;
  unsigned long number = (unsigned long)node;
  put(0, VALUE(node));
  put(1, NEXT_VALUE(node));
  put(2, sum(node));
  struct node *last = step(node, 2);
  put(3, last ? last->value : -1);
  put(4, through(&node));
  put(5, helper(node));
  put(6, ((struct node *)opaque)->value);
  put(7, ((struct node *)number)->next->value);
  put(8, *(int *)((char *)node + offsetof(struct node, value)));
  return 0;
}]]}
    b:attach_uprobe{name = target.path(), sym = "visit", fn_name = "on_visit"}
    target.run(1)
    local expected <const> = {30, 200, 74, 1000, 30, 400, 30, 200, 30}
    for i, value in ipairs(expected) do assert.equal(value, b.out[i - 1], "slot " .. i - 1) end
  end)

  it("follow pointers through loops, branches and conditions", function()
    local b <close> = at_visit([[
      s64 total = 0;
      struct node *p = node;
      #pragma unroll
      for (int i = 0; i < 5; i++) {
        if (!p)
          break;
        total += p->value;
        p = p->next;
      }
      put(0, total);
      struct node *chosen = length > 3 ? node : other;
      put(1, chosen->value);
      struct node local = {.value = 77}, *mixed = &local;
      put(2, mixed->value);
      if (length == 5)
        mixed = other;
      put(3, mixed->value);
      mixed = length == 6 ? other : &local;
      put(4, mixed->value);
      if (node->next && node->next->low == 2 && node->next->half > 3)
        put(5, 1);
      total = 0;
      for (int i = 0; i < 4; i++)
        total += node->array[i];
      put(6, total);
      put(7, node->next == other ? 1 : 2);
      struct node *none = other->next;
      put(8, none ? 1 : none->value);
    ]])
    local expected <const> = {1230, 30, 77, 1000, 77, 1, 110, 2, 0}
    for i, value in ipairs(expected) do assert.equal(value, b.out[i - 1], "slot " .. i - 1) end
  end)

  it("copy whole structs and blocks", function()
    local b <close> = at_visit([[
      struct node copy = *node->next;
      put(0, copy.value + copy.array[length & 3]);
      int zero = 0;
      copies.update(&zero, &copy);
      struct large all = *large;
      put(1, all.bytes[150]);
      unsigned char part[16];
      __builtin_memcpy(part, &large->bytes[32], sizeof part);
      put(2, part[15]);
    ]])
    assert.equal(206, b.out[0])
    assert.equal(150 * 7 & 0xff, b.out[1])
    assert.equal(47 * 7 & 0xff, b.out[2])
    local copy <const> = b.copies[0]
    assert.equal(200, copy.value)
    assert.equal("second", copy.name)
    assert.equal(2, copy.low)
    assert.equal(11, copy.high)
    assert.equal(-5, copy.deep.inside)
    assert.equal(8, copy.array[4])
  end)

  it("go through pointers that were kept in a table", function()
    local b <close> = at_visit([[
      u32 key = 1;
      pointers.update(&key, &node);
      struct node **kept = pointers.lookup(&key);
      if (kept)
        put(0, (*kept)->next->value);
    ]])
    assert.equal(200, b.out[0])
  end)

  it("serve helpers and comparisons that need memory of the program", function()
    local b <close> = at_visit([[
      u32 key = 30;
      struct node *zero = node, **kept;
      s64 value = 41;
      by_value.update((u32 *)&node->value, &value);
      s64 *found = by_value.lookup((u32 *)&node->value);
      put(0, found ? *found : -1);
      found = by_value.lookup(&key);
      put(1, found ? *found : -1);
      by_value.update(&key, (s64 *)&node->deep.inside);
      found = by_value.lookup(&key);
      put(2, found ? *found : -1);
      put(3, by_value.delete((u32 *)&node->value));
      put(4, __builtin_memcmp(node->name, "first", 6) == 0);
      put(5, __builtin_memcmp(node->name, other->name, 6) < 0);
      put(6, __builtin_memcmp(node->next->name, node->name, 6) != 0);
      put(7, __builtin_memcmp(node->array, other->array, sizeof node->array) > 0);
      int none = 0;
      copies.update(&none, other);
    ]])
    local expected <const> = {41, 41, 99, 0, 1, 1, 1, 1}
    for i, value in ipairs(expected) do assert.equal(value, b.out[i - 1], "slot " .. i - 1) end
    assert.equal(1000, b.copies[0].value)
    assert.equal("third", b.copies[0].name)
  end)

  it("are shared by neighbours, whatever their sizes and places", function()
    local b <close> = at_visit([[
      struct { u8 tiny; u16 half; char c[2]; u32 whole; s64 deep; int a[3]; } e = {};
      e.tiny = (u8)node->tiny;
      e.half = (u16)node->half;
      e.c[1] = node->name[3];
      e.c[0] = node->name[1];
      e.whole = node->whole;
      e.deep = node->deep.inside;
      e.a[2] = node->array[3];
      e.a[0] = node->array[0];
      struct node *n = node->next;
      s64 sum = n->low + n->high + n->value + n->array[length & 1] + n->tiny;
      asm volatile("" :: "r"(&e) : "memory");
      put(0, e.tiny); put(1, e.half); put(2, e.c[1]); put(3, e.c[0]); put(4, e.whole);
      put(5, e.deep); put(6, e.a[2]); put(7, e.a[0]); put(8, e.a[1]); put(9, sum);
      put(10, text[0] + text[4] + text[1]);
      volatile struct node *again = other;
      put(11, again->value + again->value);
      node = node->next;
      put(12, node->value + node->next->value + node->next->array[0]);
    ]])
    local expected <const> = {249, 2, ("s"):byte(), ("i"):byte(), 0x10002, 99, 44, 11, 0,
      2 + 11 + 200 + 6 - 3, ("h"):byte() + ("o"):byte() + ("e"):byte(), 2000, 200 + 1000 + 7}
    for i, value in ipairs(expected) do assert.equal(value, b.out[i - 1], "slot " .. i - 1) end
  end)

  it("see a store that comes between two of them", function()
    local b <close> = at_visit([[
      int slot = 63;
      s64 one = 1, two = 2;
      out.update(&slot, &one);
      s64 *mine = out.lookup(&slot);
      if (!mine)
        return 0;
      u32 key = 1;
      struct node *kept = (struct node *)mine;
      pointers.update(&key, &kept);
      struct node **found = pointers.lookup(&key);
      if (!found)
        return 0;
      s64 *foreign = (s64 *)*found;
      s64 before = *foreign;
      *mine = 5;
      s64 between = *foreign;
      out.update(&slot, &two);
      s64 after = *foreign;
      put(0, before); put(1, between); put(2, after);
    ]])
    assert.same({1, 5, 2}, {b.out[0], b.out[1], b.out[2]})
  end)

  it("give zero where there is no memory, and go on", function()
    local b <close> = at_visit([[
      struct node *bad = (struct node *)8;
      put(0, 5);
      put(0, bad->value);
      put(1, node->value);
    ]])
    assert.equal(0, b.out[0])
    assert.equal(30, b.out[1])
  end)

  it("happen at every call", function()
    local b <close> = at_visit([[
      int slot = 0;
      s64 *total = out.lookup(&slot);
      if (total)
        *total += node->next->value;
    ]], 83)
    assert.equal(83 * 200, b.out[0])
  end)
end)

describe("a store through a foreign pointer", function()
  it("is refused at its line", function()
    local ok <const>, failure <const> = pcall(bpf.BPF, {text = head .. [[
int on_visit(struct pt_regs *ctx, struct node *node) {
  node->next->value = 3;
  return 0;
}]]})
    assert.is_false(ok)
    assert.matches("can't store to memory of the kernel or of the traced program",
      tostring(failure))
    assert.matches("text%.c:8", tostring(failure))
  end)
end)

describe("parameters of a probe function", function()
  it("are the six register arguments", function()
    local b <close> = bpf.BPF{text = [[
BPF_ARRAY(out, s64, 8);
int on_six(struct pt_regs *ctx, long a, int b, u16 c, long d, unsigned int e, unsigned long f) {
  s64 values[] = {a, b, c, d, e, f, PT_REGS_PARM6(ctx)};
  #pragma unroll
  for (int i = 0; i < 7; i++) {
    int slot = i;
    out.update(&slot, &values[i]);
  }
  return 0;
}]]}
    b:attach_uprobe{name = target.path(), sym = "six", fn_name = "on_six"}
    target.run(1)
    for i, value in ipairs{1, 20, 300, 4000, 50000, 600000, 600000} do
      assert.equal(value, b.out[i - 1])
    end
  end)
end)

describe("automatic reads in the kernel", function()
  it("follow the current task to its parent", function()
    local b <close> = bpf.BPF{text = [[
#include <linux/sched.h>
BPF_HASH(parents, u32, u32);
BPF_HASH(names, u32, u64);
RAW_TRACEPOINT_PROBE(sched_process_exec) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task();
  u32 pid = task->tgid, parent = task->real_parent->tgid;
  u64 same = 0;
  parents.update(&pid, &parent);
  if (task->real_parent->comm[0] == 's' && task->real_parent->comm[1] == 'h')
    same = task->nsproxy->pid_ns_for_children->ns.inum ==
           task->real_parent->nsproxy->pid_ns_for_children->ns.inum;
  names.update(&pid, &same);
  return 0;
}]]}
    local pipe <const> = io.popen("echo $$; for i in 1 2 3 4 5 6 7; do /bin/true; done; echo end")
    local shell <const> = pipe:read("n")
    pipe:read("a")
    pipe:close()
    local children, same = 0, 0
    for pid, parent in pairs(b.parents) do
      if parent == shell then
        children = children + 1
        same = same + b.names[pid]
      end
    end
    assert.equal(7, children)
    assert.equal(7, same)
  end)
end)
