-- execsnoop: show each program that is executed, with its arguments
--
-- The arguments are read when the call is made. A page of them may not be in memory at that moment;
-- then they are read after the call where the kernel has just put them, on the new program's stack.
--
--     sys_enter_execve ──► execs[process] ──► sys_exit_execve ──► events ──► one line

local tool = require("bpf.tool")

local parser = tool.parser("execsnoop", "Show each program that is executed, with its arguments.",
  "process_by_regex time")
parser:flag("-x --fails", "Show calls that failed, too.")
parser:flag("-U --print-uid", "Show the user id.")
parser:flag("-q --quote", "Put quotation marks around each argument.")
parser:option("-l --line", "Only commands whose arguments this regular expression matches.")
  :argname("<regex>"):convert(tool.regex)
parser:option("-u --uid", "Only this user, by number or name."):convert(tool.user)
parser:option("-P --ppid", "Only children of this process."):convert(tool.whole)
parser:option("--max-args", "Show at most so many arguments.")
  :convert(tool.range(1, 128)):default("20")
local options = parser:parse()

local program = [[
#define ARGUMENT 256   // longest argument that is shown whole
#define TEXT 2048      // room for all of them, a power of two
#define SEPARATOR 0x1f // ends each argument in the text

struct exec_t {
    u64 time_ns;
    u32 pid, ppid, uid;
    int ret;
    u32 used;    // bytes of args
    u8 more;     // there were more arguments, or longer ones
    u8 unread;   // memory of an argument was not there
    char comm[TASK_COMM_LEN];
    char args[2 * TEXT];
};

BPF_F_TABLE("hash", u32, struct exec_t, execs, 8192, BPF_F_NO_PREALLOC);
BPF_PERF_OUTPUT(events);
static const struct exec_t empty;

// Appends one argument, or a question mark. Tells whether it is there, and whole.
static inline bool append(struct exec_t *exec, const char *argument)
{
    u32 used = exec->used;
    if (used >= TEXT) {
        exec->more = 1;
        return false;
    }
    long size = bpf_probe_read_user_str(&exec->args[used], ARGUMENT, argument);
    if (size <= 0) {
        exec->unread = 1;
        exec->args[used] = '?';
        exec->args[used + 1] = SEPARATOR;
        exec->used = used + 2;
        return false;
    }
    used += size;
    exec->used = used;
    exec->args[(used - 1) & (2 * TEXT - 1)] = SEPARATOR; // the mask is for the verifier
    if (size < ARGUMENT)
        return true;
    exec->more = 1;
    return false;
}

static inline int enter(const char *filename, const char *const *argv)
{
    u32 pid = bpf_get_current_pid_tgid() >> 32;
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    if (!wanted())
        return 0;
    execs.update(&pid, (struct exec_t *)&empty);
    struct exec_t *exec = execs.lookup(&pid);
    if (!exec)
        return 0;
    exec->pid = pid;
    exec->ppid = task->real_parent->tgid;
    exec->uid = bpf_get_current_uid_gid();

    // The file's name stands in for argument 0, unless the call names an open file.
    if (filename)
        append(exec, filename);
    for (int i = filename ? 1 : 0; i <= MAX_ARGS; i++) {
        const char *argument = NULL;
        if (bpf_probe_read_user(&argument, sizeof(argument), &argv[i]))
            exec->unread = 1;
        if (!argument)
            break;
        if (i == MAX_ARGS)
            exec->more = 1;
        else
            append(exec, argument);
    }
    return 0;
}

static inline int leave(void *ctx, int ret)
{
    u32 pid = bpf_get_current_pid_tgid() >> 32;
    struct exec_t *exec = execs.lookup(&pid);
    if (!exec)
        return 0;
#ifndef FAILS
    if (ret < 0) {
        execs.delete(&pid);
        return 0;
    }
#endif
    if (exec->unread && ret == 0) {
        struct task_struct *task = (struct task_struct *)bpf_get_current_task();
        const char *start = (const char *)task->mm->arg_start;
        u64 size = task->mm->arg_end - task->mm->arg_start;
        exec->used = exec->more = exec->unread = 0;
        // Each argument lies as far from the first as the text has grown.
        for (int i = 0; i < MAX_ARGS && exec->used < size; i++)
            if (!append(exec, start + exec->used))
                break;
        if (exec->used < size)
            exec->more = 1;
    }
    exec->time_ns = bpf_ktime_get_ns();
    exec->ret = ret;
    bpf_get_current_comm(exec->comm, sizeof(exec->comm));
    events.perf_submit(ctx, exec, sizeof(*exec));
    execs.delete(&pid);
    return 0;
}

TRACEPOINT_PROBE(syscalls, sys_enter_execve)
{
    return enter(args->filename, args->argv);
}

TRACEPOINT_PROBE(syscalls, sys_exit_execve)
{
    return leave(args, args->ret);
}

TRACEPOINT_PROBE(syscalls, sys_enter_execveat)
{
    return enter(args->flags & 0x1000 /* AT_EMPTY_PATH */ ? NULL : args->filename, args->argv);
}

TRACEPOINT_PROBE(syscalls, sys_exit_execveat)
{
    return leave(args, args->ret);
}
]]

-- The name is another one after the call, and that is what counts.
local name = options.name
options.name = nil
local b <close> = tool.load(options, program, {
  MAX_ARGS = options.max_args, FAILS = options.fails,
})

-- The arguments as one line that shows them all.
local function arguments(text, event)
  local list = {}
  for argument in text:gmatch("([^\x1f]*)\x1f") do
    if options.quote then argument = '"' .. argument:gsub('"', '\\"') .. '"' end
    list[#list + 1] = argument
  end
  if event.more ~= 0 then list[#list + 1] = "..." end
  return (table.concat(list, " "):gsub("\n", "\\n"))
end

local columns = {
  "time_ns",
  { "PCOMM", "%-16s", "comm" },
  { "PID", "%-7d", "pid" },
  { "PPID", "%-7d", "ppid" },
  { "RET", "%3d", "ret" },
  { "ARGS", "%s", "args" },
}
if options.print_uid or options.json then table.insert(columns, 2, { "UID", "%-5d", "uid" }) end
local function record_of(event)
  local record = event:totable()
  record.args = arguments(event.args, event)
  if name and not name(record.comm) then return end
  return (not options.line or options.line(record.args)) and record
end

tool.show(b.events, options, columns, record_of, 128)
tool.poll(b, options)
