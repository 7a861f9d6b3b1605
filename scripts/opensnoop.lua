-- opensnoop: show each file that is opened, by whom and with what result
--
-- The system calls' tracepoints where the kernel has them, else the function that all of them end
-- in. The name is read when the call returns: by then the kernel has read it, so it is in memory.

local bpf = require("bpf")
local tool = require("bpf.tool")

-- The values of x86-64 and arm64 alike, as far as both have them.
local open_flags = {
  O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0x40, O_EXCL = 0x80, O_NOCTTY = 0x100, O_TRUNC = 0x200,
  O_APPEND = 0x400, O_NONBLOCK = 0x800, O_DSYNC = 0x1000, O_CLOEXEC = 0x80000, O_PATH = 0x200000,
}

local function open_flag(name)
  return open_flags[name], "no flag " .. name .. "; known are O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, …"
end

local parser = tool.parser("opensnoop",
  "Show each file that is opened, by whom and with what result.", "process")
parser:flag("-T --timestamp", "Show the seconds since the first line.")
parser:flag("-U --print-uid", "Show the user id.")
parser:flag("-x --failed", "Show only calls that failed.")
parser:flag("-e --extended-fields", "Show the flags of the call, too.")
parser:option("-t --tid", "Only this thread."):convert(tool.whole)
parser:option("-u --uid", "Only this user, by number or name."):convert(tool.user)
parser:option("-f --flag-filter", "Only calls with this flag, as O_WRONLY; repeated: any of them.")
  :count("*"):convert(open_flag)
parser:flag("-F --full-path", "Show where files with relative names are.")
parser:option("-b --buffer-pages", "Pages of the buffer of events on each CPU."):convert(tool.pages)
  :default("64")
local options = parser:parse()

local common = [[
struct call_t {
    const char *name;
    u32 flags;
    int folder;
};

#define DEPTH 16 // folders that are shown, a power of two

struct event_t {
    u64 time_ns;
    u32 pid, tid, uid, flags;
    int ret;
    char comm[TASK_COMM_LEN];
    char name[256];
#ifdef FULL_PATH
    u32 depth;
    char folders[DEPTH][64]; // of a relative name, the innermost first
#endif
};

BPF_HASH(calls, u32, struct call_t); // by thread
BPF_PERF_OUTPUT(events);

// The folders from where a relative name starts up to the process's root, over places of mounts.
static inline void find_folders(struct event_t *event, int folder)
{
#ifdef FULL_PATH
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct dentry *entry;
    struct vfsmount *mounted;
    if (folder == -100 /* AT_FDCWD */) {
        entry = task->fs->pwd.dentry;
        mounted = task->fs->pwd.mnt;
    } else {
        struct file *file = task->files->fdt->fd[folder];
        entry = file->f_path.dentry;
        mounted = file->f_path.mnt;
    }
    struct dentry *root = task->fs->root.dentry;
    struct vfsmount *root_mount = task->fs->root.mnt;
    for (int i = 0; i < DEPTH + 8 && event->depth < DEPTH; i++) {
        if (entry == root && mounted == root_mount)
            return;
        if (entry == mounted->mnt_root) {
            struct mount *mount =
                (struct mount *)((char *)mounted - __builtin_offsetof(struct mount, mnt));
            struct mount *parent = mount->mnt_parent;
            if (parent == mount)
                return;
            entry = mount->mnt_mountpoint;
            mounted = &parent->mnt;
        } else {
            u32 at = event->depth & (DEPTH - 1);
            bpf_probe_read_kernel_str(event->folders[at], sizeof(event->folders[at]),
                                      entry->d_name.name);
            event->depth++;
            entry = entry->d_parent;
        }
    }
#endif
}

static inline int enter(int folder, const char *name, u32 flags)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;
    if (!wanted() || !(FLAGS == 0 || flags & FLAGS))
        return 0;
    struct call_t call = {.name = name, .flags = flags, .folder = folder};
    calls.update(&tid, &call);
    return 0;
}

static inline int leave(void *ctx, int ret)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;
    struct call_t *call = calls.lookup(&tid);
    if (!call)
        return 0;
    if (ret < 0 || !ONLY_FAILED) {
        struct event_t event = {.time_ns = bpf_ktime_get_ns(), .pid = id >> 32, .tid = tid,
                                .uid = bpf_get_current_uid_gid(), .flags = call->flags, .ret = ret};
        bpf_get_current_comm(&event.comm, sizeof(event.comm));
        bpf_probe_read_user_str(event.name, sizeof(event.name), call->name);
        if (event.name[0] != '/')
            find_folders(&event, call->folder);
        events.perf_submit(ctx, &event, sizeof(event));
    }
    calls.delete(&tid);
    return 0;
}
]]

local by_tracepoint = [[
TRACEPOINT_PROBE(syscalls, sys_enter_@)
{
    return enter(FOLDER, args->filename, GIVEN);
}

TRACEPOINT_PROBE(syscalls, sys_exit_@)
{
    return leave(args, args->ret);
}
]]

local how_flags = [[
static inline u32 how_flags(const void *how)
{
    u64 flags = 0; // the first member
    bpf_probe_read_user(&flags, sizeof(flags), how);
    return flags;
}
]]

local by_kprobe = [[
int enter_open(struct pt_regs *ctx, int folder, const char *name, struct open_how *how)
{
    return enter(folder, name, how->flags);
}

int leave_open(struct pt_regs *ctx)
{
    return leave(ctx, PT_REGS_RC(ctx));
}
]]

-- The C text for the calls that this kernel has; open(2) itself is missing on newer machines.
local program, traced = { common, how_flags }, false
for _, call in ipairs{ "open", "openat", "openat2" } do
  if bpf.BPF.tracepoint_exists("syscalls", "sys_enter_" .. call) then
    local flags = call == "openat2" and "how_flags(args->how)" or "args->flags"
    program[#program + 1] = by_tracepoint:gsub("@", call):gsub("GIVEN", flags)
      :gsub("FOLDER", call == "open" and "-100" or "args->dfd")
    traced = true
  end
end
if not traced then program[#program + 1] = by_kprobe end

local flags = 0
for _, flag in ipairs(options.flag_filter) do flags = flags | flag end

local b <close> = tool.load(options, table.concat(program), {
  FLAGS = flags, ONLY_FAILED = options.failed or 0, FULL_PATH = options.full_path,
})
if not traced then
  b:attach_kprobe{ event = "do_sys_openat2", fn_name = "enter_open" }
  b:attach_kretprobe{ event = "do_sys_openat2", fn_name = "leave_open" }
end

-- The name with the folders that it starts from.
local function full_path(event)
  local depth = event.depth
  if depth == 0 and event.name:sub(1, 1) == "/" then return event.name end
  local parts = { event.name }
  for i = 1, depth do table.insert(parts, 1, event.folders[i]) end
  return (depth == 16 and "…/" or "/") .. table.concat(parts, "/")
end

local function record_of(event)
  local record = event:totable()
  if options.full_path then record.name = full_path(record) end
  record.fd, record.error = math.max(event.ret, -1), math.max(-event.ret, 0)
  return record
end

tool.show(b.events, options, {
  "time_ns",
  options.print_uid and { "UID", "%-5d", "uid" } or "uid",
  options.tid and "pid" or { "PID", "%-6d", "pid" },
  options.tid and { "TID", "%-6d", "tid" } or "tid",
  { "COMM", "%-16s", "comm" },
  { "FD", "%4d", "fd" },
  { "ERR", "%3d", "error" },
  options.extended_fields and { "FLAGS", "%08o", "flags" } or "flags",
  { "PATH", "%s", "name" },
}, record_of, options.buffer_pages)
tool.poll(b, options)
