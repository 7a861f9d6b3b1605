-- A Lua program with luabpf inside: one loop of its own over several things. It runs a command,
-- shows each file that the command opens, and ends with it.
--
--   luabpf embed.lua COMMAND [ARG…]        # as root

local bpf = require "bpf"

local program <const> = [[
struct open_t { char path[128]; };
BPF_PERF_OUTPUT(opens);

TRACEPOINT_PROBE(syscalls, sys_enter_openat)
{
    if (bpf_get_current_pid_tgid() >> 32 != WANTED)
        return 0;
    struct open_t open = {};
    bpf_probe_read_user_str(open.path, sizeof(open.path), args->filename);
    opens.perf_submit(args, &open, sizeof(open));
    return 0;
}
]]

local child <close> = bpf.spawn(arg)
local b <close> = bpf.BPF { text = program, cflags = { "-DWANTED=" .. child:pid() } }
b.opens:open_perf_buffer(function(_, open) print("open", open.path) end)

-- Sources with what to do when they are readable; any object with pollfd() can stand here, and any
-- loop that takes file descriptors does as well as bpf.wait.
local is_over = false
local actions = {
  [b] = function() b:perf_buffer_poll(0) end,
  [child] = function() is_over = true end,
}
child:start()
while not is_over do
  for _, source in ipairs(bpf.wait { b, child }) do
    actions[source]()
  end
end
b:perf_buffer_consume() -- what arrived just before the end
print("end", child:wait())
