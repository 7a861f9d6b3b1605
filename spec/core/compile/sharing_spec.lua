-- Tables of several BPF objects: public and extern within this process, pinned across processes.
local bpf <const> = require "bpf"
local leftovers <const> = require "spec.support.leftovers"
local refusal <const> = require "spec.support.refusal"
local script <const> = require "spec.support.script"
local target <const> = require "spec.support.target"

local count <const> = 107

local counter <const> = [[
BPF_TABLE_PUBLIC("hash", u32, u64, shared_counts, 100);
int on_answer(struct pt_regs *ctx) { shared_counts.increment(1); return 0; }]]
local user <const> = [[
BPF_TABLE("extern", u32, u64, shared_counts, 0);
int on_answer(struct pt_regs *ctx) { shared_counts.increment(1); return 0; }]]

local function attached(text)
  local b <const> = bpf.BPF{text = text, auto_attach = false}
  b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "on_answer"}
  return b
end

describe("a public table", function()
  it("is one map for all objects, and outlives the one that declares it", function()
    local before <const> = leftovers.now()
    local owner, other = attached(counter), attached(user)
    target.run(count)
    assert.equal(2 * count, owner.shared_counts[1])
    assert.equal(2 * count, other.shared_counts[1])
    assert.equal(1, other.shared_counts.ttype)
    assert.equal(100, other.shared_counts.max_entries)
    assert.equal("shared_counts", other.shared_counts.name)
    owner:close()
    target.run(1)
    assert.equal(2 * count + 1, other.shared_counts[1])
    local third <const> = attached(user) -- still known, as long as someone has it
    target.run(1)
    assert.equal(2 * count + 3, third.shared_counts[1])
    third:close()
    other:close()
    assert.same(before, leftovers.now())
    refusal.of(function() attached(user) end)
  end)

  it("stays when a user of it closes first", function()
    local owner <close> = attached(counter)
    local other <const> = attached(user)
    other:close()
    target.run(count)
    assert.equal(count, owner.shared_counts[1])
    local again <close> = attached(user)
    again.shared_counts[1] = 5
    assert.equal(5, owner.shared_counts[1])
  end)

  it("is the newest of its name", function()
    local old <close>, new <const> = attached(counter), attached(counter)
    local other <close> = attached(user)
    new.shared_counts[9] = 9
    assert.equal(9, other.shared_counts[9])
    assert.is_nil(old.shared_counts[9])
    new:close()
    assert.equal(9, other.shared_counts[9])
  end)

  it("may be of any kind, as BPF_TABLE_SHARED and queues too", function()
    local owner <close> = bpf.BPF{text = [[
BPF_TABLE_SHARED("percpu_array", int, u64, shared_slots, 4);
BPF_TABLE_PUBLIC("prog", u32, u32, shared_steps, 4);
BPF_TABLE_PUBLIC("stacktrace", u32, struct bpf_stacktrace, shared_stacks, 64);
BPF_QUEUESTACK_SHARED("stack", shared_stack, u64, 4, 0);
int last(struct pt_regs *ctx) { shared_slots.increment(2); return 0; }]]}
    owner.shared_steps[3] = owner:load_func("last", bpf.BPF.KPROBE)
    local other <close> = attached[[
BPF_TABLE("extern", int, u64, shared_slots, 0);
BPF_TABLE("extern", u32, u32, shared_steps, 0);
BPF_TABLE("extern", u32, struct bpf_stacktrace, shared_stacks, 0);
BPF_QUEUESTACK("extern", shared_stack, u64, 0, 0);
BPF_ARRAY(ids, s64, 1);
int on_answer(struct pt_regs *ctx, unsigned long question) {
  s64 id = shared_stacks.get_stackid(ctx, BPF_F_USER_STACK);
  u64 value = question;
  int zero = 0;
  ids.update(&zero, &id);
  shared_slots.increment(1);
  shared_stack.push(&value, BPF_EXIST);
  shared_steps.call(ctx, 3);
  return 0;
}]]
    target.run(count)
    assert.equal(count, owner.shared_slots:sum(1))
    assert.equal(count, other.shared_slots:sum(2))
    assert.equal(count - 1, owner.shared_stack:pop())
    assert.is_true(#owner.shared_stacks:get_stack(other.ids[0]) > 0)
  end)

  it("may carry events", function()
    local owner <close> = bpf.BPF{text = [[
BPF_TABLE_PUBLIC("perf_output", int, u32, shared_events, 0);]]}
    local other <close> = attached[[
struct event { u64 number; };
BPF_TABLE("extern", int, u32, shared_events, 0);
int on_answer(struct pt_regs *ctx, unsigned long question) {
  struct event event = {question};
  shared_events.perf_submit(ctx, &event, sizeof(event));
  return 0;
}]]
    local sum = 0
    other.shared_events:open_perf_buffer(function(_, event) sum = sum + event.number end)
    target.run(count)
    other:perf_buffer_consume()
    assert.equal(count * (count - 1) // 2, sum)
    assert.equal(4, owner.shared_events.ttype)
  end)

  it("that no object declares is named", function()
    local e <const> = refusal.of(function()
      bpf.BPF{text = 'BPF_TABLE("extern", u32, u64, nowhere, 0);'}
    end)
    assert.equal(2, e.errno)
    assert.truthy(e.message:find("reference to undefined table: nowhere", 1, true))
    assert.truthy(e.hint:find("BPF_TABLE_PUBLIC", 1, true))
  end)

  it("has to be declared alike", function()
    local owner <close> = attached(counter)
    local e <const> = refusal.of(function()
      bpf.BPF{text = 'BPF_TABLE("extern", u64, u64, shared_counts, 0);'}
    end)
    assert.truthy(e.message:find("it has key size 4 there, and 8 in this program", 1, true))
    assert.is_not_nil(owner.shared_counts)
  end)
end)

describe("a pinned table", function()
  -- Runs a script where /sys/fs/bpf is a fresh BPF file system.
  local function run(text)
    local head <const> = 'local bpf = require "bpf"\n' ..
      'local function open(text) return bpf.BPF{text = text} end\n'
    local status, out, errors = script.run(head .. text,
      [[unshare -m sh -c 'mount -t bpf bpf /sys/fs/bpf && exec "$@"' sh]])
    if errors:find("unshare", 1, true) or errors:find("mount: ", 1, true) then
      pending("needs a mount name space and a BPF file system")
      return nil
    end
    return status, out, errors
  end

  it("is made and pinned, then opened by who declares it alike", function()
    local status, out, errors = run[==[
local text = [[
BPF_TABLE_PINNED("hash", u32, u64, counts, 10, "/sys/fs/bpf/folder/x");
BPF_QUEUESTACK_PINNED("queue", queue, u32, 4, 0, "/sys/fs/bpf/q");
BPF_XSKMAP(sockets, 4, "/sys/fs/bpf/xsk");
int f(struct pt_regs *ctx) { counts.increment(1); return 0; }]]
local first = open(text)
first.counts[7] = 77
first.queue:push(5)
first:close()
local second = open(text)
print(second.counts[7], second.queue:pop())
local renamed = open[[
BPF_TABLE_PINNED("hash", u32, u64, another_name, 10, "/sys/fs/bpf/folder/x", 0);
int f(struct pt_regs *ctx) { another_name.increment(1); return 0; }]]
renamed.another_name[8] = 88
print(second.counts[8], renamed.another_name.name, renamed:load_func("f", bpf.BPF.KPROBE).fd > 0)
os.execute("ls /sys/fs/bpf/folder /sys/fs/bpf/xsk; stat -c %a /sys/fs/bpf/folder")]==]
    if not status then return end
    local expected <const> = "77\t5\n88\tanother_name\ttrue\n/sys/fs/bpf/xsk\n\n" ..
      "/sys/fs/bpf/folder:\nx\n700\n"
    assert.same({0, expected, ""}, {status, out, errors})
  end)

  it("is refused when another shape is pinned there, and nothing else stays pinned", function()
    local status, out, errors = run[==[
local first = open'BPF_TABLE_PINNED("hash", u32, u64, counts, 10, "/sys/fs/bpf/x");'
for _, text in ipairs{
  'BPF_TABLE_PINNED("array", u32, u64, counts, 10, "/sys/fs/bpf/x");',
  'BPF_TABLE_PINNED("hash", u64, u64, counts, 10, "/sys/fs/bpf/x");',
  'BPF_TABLE_PINNED("hash", u32, u32, counts, 10, "/sys/fs/bpf/x");',
  'BPF_TABLE_PINNED("hash", u32, u64, counts, 11, "/sys/fs/bpf/x");',
  'BPF_TABLE_PINNED("hash", u32, u64, counts, 10, "/sys/fs/bpf/x", BPF_F_NO_PREALLOC);',
  'BPF_TABLE_PINNED("hash", u32, u64, a, 9, "/sys/fs/bpf/a");' ..
    'BPF_TABLE_PINNED("hash", u32, u64, b, 9, "/sys/fs/bpf/a");',
} do
  local good, e = pcall(open, text)
  print(good, e.errno, e.message:match(": ([^/]*)$") or e.message)
end
os.execute("ls /sys/fs/bpf | grep -v debug")]==]
    if not status then return end
    assert.same({0, [[
false	17	that is a hash, here it is declared as array
false	17	it has key size 4 there, and 8 in this program
false	17	it has leaf size 8 there, and 4 in this program
false	17	it has number of entries 10 there, and 11 in this program
false	17	it has flags 0 there, and 1 in this program
false	17	Could not pin table b: another map was pinned at /sys/fs/bpf/a just now
x
]], ""}, {status, out, errors})
  end)

  it("needs a path on a BPF file system", function()
    for _, path in ipairs{"/tmp/pinned", "/no/such/folder/pinned", "pinned"} do
      local e <const> = refusal.of(function()
        bpf.BPF{text = ('BPF_TABLE_PINNED("hash", u32, u64, counts, 10, "%s");'):format(path)}
      end)
      assert.truthy(e.message:find("is not on a BPF file system", 1, true), e.message)
      assert.truthy(e.hint:find("mount -t bpf", 1, true))
    end
  end)
end)
