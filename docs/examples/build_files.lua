-- Which files a build opens, by size: runs a command and follows it and all that it starts.
--
--   luabpf build_files.lua --top 5 -- g++ -c shop.cc      # as root

local argparse = require "argparse"
local bpf = require "bpf"

local parser = argparse("build_files", "Which files a command opens, by size.")
parser:option("--top", "Show so many files."):convert(math.tointeger):default("15")
parser:argument("command", "What to run; write -- before it when it has options."):args("+")
local options = parser:parse()

local program <const> = [[
struct place { u64 inode; u32 device; };
struct file_seen { u64 bytes, times; char folder[32], name[64]; };
BPF_HASH(family, u32, u8);  // threads: the command's, and what they started
BPF_HASH(files, struct place, struct file_seen, 65536);

TRACEPOINT_PROBE(sched, sched_process_fork)
{
    u32 parent = args->parent_pid, child = args->child_pid;
    u8 one = 1;
    if (family.lookup(&parent))
        family.update(&child, &one);
    return 0;
}

TRACEPOINT_PROBE(sched, sched_process_exit)
{
    u32 thread = bpf_get_current_pid_tgid();
    family.delete(&thread);
    return 0;
}

TRACEPOINT_PROBE(syscalls, sys_exit_openat)
{
    u32 thread = bpf_get_current_pid_tgid();
    if (args->ret < 0 || !family.lookup(&thread))
        return 0;
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct file *file = task->files->fdt->fd[args->ret];
    struct dentry *name = file->f_path.dentry;
    struct place place = {.inode = file->f_inode->i_ino, .device = file->f_inode->i_sb->s_dev};
    struct file_seen fresh = {};
    struct file_seen *seen = files.lookup_or_try_init(&place, &fresh);
    if (!seen)
        return 0;
    if (__sync_fetch_and_add(&seen->times, 1) == 0) {
        bpf_probe_read_kernel_str(seen->folder, sizeof(seen->folder), name->d_parent->d_name.name);
        bpf_probe_read_kernel_str(seen->name, sizeof(seen->name), name->d_name.name);
    }
    seen->bytes = file->f_inode->i_size;
    return 0;
}
]]

local child <close> = bpf.spawn(options.command) -- it waits until child:start()
local b <close> = bpf.BPF{ text = program }
b.family[child:pid()] = 1
bpf.until_interrupted(function()
  child:start()
  child:wait()
end)

local files = b.files:values()
table.sort(files, function(one, other) return one.bytes > other.bytes end)
io.write(("%12s %6s FILE (%d files in all)\n"):format("BYTES", "TIMES", #files))
for i = 1, math.min(options.top, #files) do
  local file = files[i]
  io.write(("%12d %6d %s/%s\n"):format(file.bytes, file.times, file.folder, file.name))
end
