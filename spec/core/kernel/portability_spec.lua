-- What a portable object takes for granted, checked where it is loaded. "Another kernel" is this
-- one, with other types on /sys/kernel/btf.
local bpf <const> = require "bpf"
local refusal <const> = require "spec.support.refusal"
local script <const> = require "spec.support.script"

-- Each way has a type of its own, and a line.
local PROGRAM <const> = [[
#define SIZE sizeof(struct rb_root)
#define TASK (struct task_struct *)bpf_get_current_task()
#define SKIP(p) ((p) + 1)
struct mine { int a; struct plist_head head; };
BPF_HASH(known, u32);
BPF_HASH(all, u32, struct mine);
BPF_HASH(heads, u32, struct plist_node);
int constants(struct pt_regs *ctx) {
  struct task_struct *task = TASK;
  u8 a[PIDTYPE_PGID];
  switch (task->pid) { case PIDTYPE_TGID: return 1; }
  return PIDTYPE_SID + bpf_core_enum_value(enum pid_type, PIDTYPE_MAX);
}
int sizes(struct pt_regs *ctx) {
  struct task_struct *task = TASK;
  struct hlist_head *p = (void *)task;
  struct hlist_node *q = (void *)task;
  struct rb_node *r = (void *)task;
  u8 a[sizeof(*p)], b[SIZE];
  return sizeof a + sizeof(struct list_head) + (long)q[task->pid].next + (long)SKIP(r)
    + sizeof(b) + ((struct llist_node *)task - (struct llist_node *)task->mm);
}
int members(struct pt_regs *ctx) {
  struct task_struct *task = TASK;
  u8 a[sizeof(task->comm)];
  u64 *value = known.lookup(&task->flags);
  return sizeof a + offsetof(struct callback_head, func)
    + task->exit_code + !value;
}
int copies(struct pt_regs *ctx) {
  struct qstr name = (TASK)->mm->exe_file->f_path.dentry->d_name;
  return name.len;
}
]]

-- What takes nothing for granted, and does the same.
local FINE <const> = [[
#define FLAGS BPF_CORE_READ_BITFIELD_PROBED(task, flags)
struct mine { int size; char name[16]; struct callback_head *next; };
int look(struct pt_regs *ctx) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task();
  struct mine mine = {.size = sizeof(mine) + offsetof(struct mine, next)};
  struct callback_head *head = &task->rcu;
  __builtin_memcpy(mine.name, task->comm, sizeof mine.name);
  mine.next = head->next;
  if (bpf_core_enum_value(enum pid_type, PIDTYPE_SID) == mine.size)
    return bpf_core_field_offset(head->func) + bpf_core_field_size(task->comm);
  return FLAGS + bpf_core_type_size(struct callback_head) + mine.name[3] + !mine.next
    + BPF_CORE_READ_BITFIELD_PROBED(task, exit_code);
}]]

local function save(path, bytes)
  local out <const> = assert(io.open(path, "wb"))
  out:write(bytes)
  out:close()
end

-- Loads both objects on the other kernel.
local LOADER <const> = [==[
local bpf, folder = require "bpf", FOLDER
bpf.BPF{obj = folder .. "/fine.o"}:load_func("look", bpf.BPF.KPROBE)
local _, e = pcall(bpf.BPF, {obj = folder .. "/taken.o"})
print(e.where, e.message)
print(e.hint)
io.write(e.log)
]==]

-- ~ stands for "where the object was compiled, and … on this kernel".
local TOLD <const> = [[
taken.c:10	PIDTYPE_PGID is 2 ~ 12
HINT
taken.c:10: PIDTYPE_PGID is 2 ~ 12
taken.c:12: PIDTYPE_SID is 3 ~ 13
taken.c:11: PIDTYPE_TGID is 1 ~ 11
taken.c:28: struct task_struct.exit_code is 4 bytes, signed ~ 8 bytes, signed
taken.c:26: struct task_struct.flags is 4 bytes ~ a bit field of 5 bits
taken.c:4: the layout of struct plist_head is 16 bytes ~ 24 bytes
taken.c:7: the layout of struct plist_node is 40 bytes ~ 48 bytes
taken.c:31: the layout of struct qstr is 16 bytes ~ 24 bytes
taken.c:27: the offset of struct callback_head.func is 8 bytes ~ 16 bytes
taken.c:16: the size of struct hlist_head is 8 bytes ~ 16 bytes
taken.c:17: the size of struct hlist_node is 16 bytes ~ 24 bytes
taken.c:20: the size of struct list_head is 16 bytes ~ 24 bytes
taken.c:21: the size of struct llist_node is 8 bytes ~ 16 bytes
taken.c:7: the size of struct plist_node is 40 bytes ~ 48 bytes
taken.c:18: the size of struct rb_node is 24 bytes ~ 32 bytes
taken.c:1: the size of struct rb_root is 8 bytes ~ 16 bytes
taken.c:25: the size of struct task_struct.comm is 16 bytes ~ 32 bytes
]]

describe("what a portable object takes for granted #any_kernel", function()
  it("is told where it differs, and what is asked of the loader is not", function()
    if not os.execute("unshare -m true 2> /dev/null") then return pending("needs unshare -m") end
    local folder <const> = os.tmpname()
    os.remove(folder)
    finally(function() os.execute("rm -r " .. folder) end)
    assert(os.execute(([[mkdir -p @/btf && cc -o @/write spec/support/other_kernel.c -lbpf &&
      @/write @/btf/vmlinux]]):gsub("@", folder)))
    for name, text in pairs{taken = PROGRAM, fine = FINE} do
      local source <const> = ("%s/%s.c"):format(folder, name)
      local path <const> = ("%s/%s.o"):format(folder, name)
      save(source, text)
      save(path, (bpf.compile{src_file = source, portable = true}))
      bpf.BPF{obj = path}:close()
    end
    local status <const>, out <const>, errors <const> = script.run(
      LOADER:gsub("FOLDER", ("%q"):format(folder)),
      ("unshare -m sh -c 'mount --bind %s/btf /sys/kernel/btf && exec \"$@\"' sh"):format(folder))
    assert.same({0, ""}, {status, errors})
    local hint <const> = "write bpf_core_enum_value(enum TYPE, NAME), which is set right when "
      .. "loaded; or compile the program for this kernel"
    assert.equal((TOLD:gsub(" ~ ([^\n]*)", " where the object was compiled, and %1 on this kernel")
      :gsub("HINT", hint)), (out:gsub(folder .. "/", "")))
  end)
end)

describe("an object for another machine #any_kernel", function()
  it("is refused", function()
    local path <const> = os.tmpname()
    local machine <const> = io.popen("uname -m"):read "l"
    local other, own = "x86-64", "arm64"
    if machine ~= "aarch64" then other, own = "arm64", "x86-64" end
    save(path, (bpf.compile{text = "int look(struct pt_regs *ctx) { return 0; }", arch = other}))
    local e <const> = refusal.of(function() bpf.BPF{obj = path} end)
    os.remove(path)
    assert.equal(("the object was compiled for %s, and this machine is %s"):format(other, own),
      e.message)
    assert.truthy(e.hint:find("--arch " .. own, 1, true))
  end)
end)

describe("an object for this kernel #any_kernel", function()
  it("is refused by another kernel, and by another build of this one", function()
    if not os.execute("unshare -m setarch --uname-2.6 true 2> /dev/null") then
      return pending("needs unshare -m and setarch")
    end
    local path <const> = os.tmpname()
    finally(function() os.remove(path) end)
    save(path, (bpf.compile{text = "int look(struct pt_regs *ctx) { return 0; }"}))
    local function load(before)
      local status <const>, out <const>, errors <const> = script.run(([==[
local _, e = pcall(require "bpf".BPF, {obj = %q})
print(e.message, e.hint)]==]):format(path), before)
      assert.same({0, ""}, {status, errors})
      return out
    end
    bpf.BPF{obj = path}:close()
    local release <const> = io.open("/proc/sys/kernel/osrelease"):read "l"
    local message <const>, other <const>, hint <const> = load("setarch --uname-2.6")
      :match("^the object was compiled for Linux (%g+), and this is Linux (%g+)\t(.*)\n$")
    assert.equal(release, message)
    assert.equal("2.6.", other:sub(1, 4))
    assert.truthy(hint:find("luabpf compile without --this-kernel", 1, true), hint)
    local without_build_id <const> =
      "unshare -m sh -c 'mount --bind /dev/null /sys/kernel/notes && exec \"$@\"' sh"
    assert.equal(("the object was compiled for another build of Linux %s than this one\t%s\n")
      :format(release, hint), load(without_build_id))
  end)
end)
