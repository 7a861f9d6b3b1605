-- fileslower: show reads and writes of files that take long
--
-- The time is that of vfs_read() and vfs_write(), what the process waits for: with caches, locks
-- and queues. Vectored and asynchronous input and output goes another way.

local tool = require("bpf.tool")

local parser = tool.parser("fileslower", "Show reads and writes of files that take long.",
  "process time")
parser:argument("min_ms", "Show what takes at least so many milliseconds.")
  :convert(tool.number):default("10")
parser:flag("-a --all-files", "Pipes, sockets and devices, too.")
local options = parser:parse()

local program = [[
struct call_t {
    u64 start_ns;
    struct file *file;
    u64 asked_bytes;
    u32 is_write;
};
struct event_t {
    u64 time_ns, latency_ns, asked_bytes;
    long result;
    u32 pid, tid, is_write;
    char comm[TASK_COMM_LEN];
    char file[64];
};

BPF_HASH(calls, u32, struct call_t, 65536); // by thread
BPF_PERF_OUTPUT(events);

static inline int enter(struct file *file, size_t count, u32 is_write)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;
    if (!wanted())
        return 0;
#ifndef ALL_FILES
    if ((file->f_inode->i_mode & 0170000) != 0100000) // S_IFMT, S_IFREG
        return 0;
#endif
    struct call_t call = {.start_ns = bpf_ktime_get_ns(), .file = file, .asked_bytes = count,
                          .is_write = is_write};
    calls.update(&tid, &call);
    return 0;
}

int on_read(struct pt_regs *ctx, struct file *file, char *data, size_t count)
{
    return enter(file, count, 0);
}

int on_write(struct pt_regs *ctx, struct file *file, const char *data, size_t count)
{
    return enter(file, count, 1);
}

int on_return(struct pt_regs *ctx)
{
    u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
    u32 tid = id;
    struct call_t *call = calls.lookup(&tid);
    if (!call)
        return 0;
    if (now - call->start_ns >= MIN_NS) {
        struct event_t event = {.time_ns = now, .latency_ns = now - call->start_ns,
                                .asked_bytes = call->asked_bytes, .result = PT_REGS_RC(ctx),
                                .pid = id >> 32, .tid = tid, .is_write = call->is_write};
        bpf_get_current_comm(&event.comm, sizeof(event.comm));
        bpf_probe_read_kernel_str(event.file, sizeof(event.file),
                                  call->file->f_path.dentry->d_name.name);
        events.perf_submit(ctx, &event, sizeof(event));
    }
    calls.delete(&tid);
    return 0;
}
]]

local b <close> = tool.load(options, program, {
  ALL_FILES = options.all_files, MIN_NS = math.floor(options.min_ms * 1e6),
})
for _, name in ipairs{ "read", "write" } do
  b:attach_kretprobe{ event = "vfs_" .. name, fn_name = "on_return" }
  b:attach_kprobe{ event = "vfs_" .. name, fn_name = "on_" .. name }
end

local function record_of(event)
  local record = event:totable()
  record.direction = event.is_write == 0 and "R" or "W"
  return record
end

tool.show(b.events, options, {
  "time_ns",
  { "COMM", "%-16s", "comm" },
  { "TID", "%-7d", "tid" },
  { "D", "%s", "direction" },
  { "BYTES", "%-9d", "result" },
  { "LAT(ms)", "%8.3f", "latency_ns", 1e-6 },
  { "FILE", "%s", "file" },
  "pid", "asked_bytes",
}, record_of)
tool.poll(b, options)
