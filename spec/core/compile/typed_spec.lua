-- Pointers whose type the verifier knows are followed directly, others by the helper; both give the
-- same.
local bpf <const> = require "bpf"
local object <const> = require "spec.support.object"
local target <const> = require "spec.support.target"

local BPF <const> = bpf.BPF

-- How many calls of probe_read each function of the program makes.
local function reads(text)
  local counts <const> = {}
  for name, fn in pairs(object.functions(assert(object.compile(text)))) do
    counts[name] = 0
    for _, call in ipairs(fn.calls) do
      if call.helper == 4 then counts[name] = counts[name] + 1 end
    end
  end
  return counts
end

local function reads_of(text)
  local _, count <const> = next(reads(text))
  return count
end

local head <const> = [[
#include <linux/fs.h>
BPF_HASH(out, u32, u64);
#define KEEP(x) u32 key = 0; u64 value = x; out.update(&key, &value); return 0
]]

local direct <const> = {
  {"an argument of KFUNC_PROBE",
    "KFUNC_PROBE(vfs_read, struct file *file) { KEEP(file->f_inode->i_ino); }"},
  {"an argument of KRETFUNC_PROBE", [[
KRETFUNC_PROBE(vfs_read, struct file *file, char *buf, size_t n, loff_t *pos, ssize_t ret) {
  KEEP(ret + file->f_flags + file->f_path.dentry->d_parent->d_name.len); }]]},
  {"a result",
    "KRETFUNC_PROBE(dget_parent, void *d, struct dentry *ret) { KEEP(ret->d_inode->i_ino); }"},
  {"an argument in a section of libbpf's", [[
SEC("fentry/vfs_read") int BPF_PROG(reader, struct file *file) { KEEP(file->f_inode->i_mode); }]]},
  {"a word of the context", [[
SEC("fexit/vfs_read") int reader(u64 *ctx) {
  struct file *file = (void *)ctx[0];
  KEEP(file->f_inode->i_sb->s_dev); }]]},
  {"an argument of an LSM hook",
    "LSM_PROBE(file_open, struct file *file) { KEEP(file->f_inode->i_sb->s_dev == 1); }"},
  {"an iterator's object", [[
BPF_ITER(task) {
  struct task_struct *task = ctx->task;
  KEEP(task && task->real_parent->tgid == task->mm->map_count); }]]},
  {"the current task", [[
int program(struct pt_regs *ctx) {
  struct task_struct *task = bpf_get_current_task_btf();
  KEEP(task->real_parent->mm->map_count); }]]},
  {"a member of an element", [[
int program(struct pt_regs *ctx) {
  struct task_struct *task = bpf_get_current_task_btf();
  KEEP(task->thread_pid->tasks[1].first->next == 0); }]]},
  {"a bit field and an element",
    [[
KFUNC_PROBE(wake_up_new_task, struct task_struct *p) {
  KEEP(p->in_execve + p->comm[3] + p->rt.time_slice + p->thread_info.flags); }]]},
}

local tracepoint <const> = {"a typed tracepoint's argument", [[
SEC("tp_btf/sched_process_exec") int on_exec(u64 *ctx) {
  struct task_struct *task = (void *)ctx[0];
  KEEP(task->mm->map_count); }]]}

-- how many reads each makes by the helper
local helped <const> = {
  {"what the kernel passes as another type", 1,
    "KFUNC_PROBE(vfs_read, void *no, struct inode *inode) { return inode->i_ino; }"},
  {"a structure of the program's own", 1, [[
struct file { u64 a, b; };
KFUNC_PROBE(vfs_read, struct file *file) { return file->b; }]]},
  {"pointers chosen by the way", 2, [[
KFUNC_PROBE(vfs_rename, struct renamedata *rd) {
  struct dentry *d = ctx[0] > 7 ? rd->old_dentry : rd->new_dentry;
  return d->d_name.len; }]]},
  {"a moving element", 1,
    "KFUNC_PROBE(wake_up_new_task, struct task_struct *p) { return p->comm[ctx[0] & 15]; }"},
  {"more than one member", 1, [[
KFUNC_PROBE(vfs_read, struct file *file) { return *(u64 *)((char *)&file->f_inode + 4); }]]},
  {"a program under another licence", 1, [[
#define BPF_LICENSE Proprietary
KFUNC_PROBE(vfs_read, struct file *file) { return file->f_flags; }]]},
  {"a kprobe's arguments", 1,
    "int kprobe__vfs_read(struct pt_regs *ctx, struct file *file) { return file->f_flags; }"},
  {"a function of a module", 1, [[
MODULE_KFUNC_PROBE(ext4, ext4_sync_file, struct file *file) { return file->f_flags; }]]},
}

describe("reads without a helper #any_kernel", function()
  for _, case in ipairs(direct) do
    it("are those through " .. case[1], function()
      assert.equal(0, reads_of(head .. case[2]))
    end)
  end

  it("are those through a typed tracepoint's argument, where none may be NULL", function()
    local version <const> = assert(io.open("/proc/sys/kernel/osrelease")):read("l")
    local major <const>, minor <const> = version:match("^(%d+)%.(%d+)")
    local expected <const> = tonumber(major) * 100 + tonumber(minor) < 614 and 0 or 2
    assert.equal(expected, reads_of(head .. tracepoint[2]))
  end)

  for _, case in ipairs(helped) do
    it("are not those of " .. case[1], function()
      assert.equal(case[2], reads_of("#include <linux/fs.h>\n" .. case[3]))
    end)
  end
end)

describe("typed programs", function()
  it("read what the helper reads", function()
    local b <close> = BPF{auto_attach = false, text = [[
BPF_ARRAY(out, u64, 4);
int on_answer(struct pt_regs *ctx) {
  struct task_struct *task = bpf_get_current_task_btf(), *parent = NULL, *idle;
  u32 tgid = 0, map_count = 0;
  struct mm_struct *mm = NULL;
  bpf_probe_read_kernel(&parent, sizeof(parent), &task->real_parent);
  bpf_probe_read_kernel(&tgid, sizeof(tgid), &parent->tgid);
  bpf_probe_read_kernel(&mm, sizeof(mm), &task->mm);
  bpf_probe_read_kernel(&map_count, sizeof(map_count), &mm->map_count);
  out.increment(0, tgid && tgid == task->real_parent->tgid);
  out.increment(1, map_count && map_count == task->mm->map_count);
  /* The parent of all is the idle task, which has no memory. */
  idle = task->real_parent->real_parent->real_parent->real_parent->real_parent->real_parent
    ->real_parent->real_parent->real_parent->real_parent->real_parent->real_parent;
  out.increment(2, idle->mm == NULL);
  out.increment(3, idle->mm->map_count == 0 && idle->mm->exe_file->f_inode->i_ino == 0);
  return 0;
}]]}
    local good <const>, e <const> = pcall(b.attach_uprobe, b,
      {name = target.path(), sym = "answer", fn_name = "on_answer"})
    assert.is_true(good, tostring(e))
    target.run(17)
    for i = 0, 3 do assert.equal(17, b.out[i]) end
  end)

  it("are taken by the verifier", function()
    local failed <const> = {}
    for _, case in ipairs{tracepoint, table.unpack(direct)} do
      local b <close> = BPF{text = head .. case[2], auto_attach = false}
      local name <const> = b:functions()[1]
      local kind <const> = name == "program" and BPF.KPROBE or nil
      local good <const>, e <const> = pcall(b.load_func, b, name, kind)
      if not good and e.errno ~= 1 then failed[#failed + 1] = case[1] .. ": " .. tostring(e) end
    end
    assert.same({}, failed)
  end)
end)
