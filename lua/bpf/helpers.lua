-- Small things that tracing scripts need beside their probes: commands to trace, names of numbers,
-- containers.

local start_command <const> = require "bpf.core".replaced.spawn

local helpers = {}

--- A command that is ready to begin; see meta/bpf.lua. A text with nothing of the shell's in it is
-- split at its blanks, so that the process is the command itself.
function helpers.spawn(command)
  if type(command) == "string" then
    local text = command
    command = {}
    if text:find("[;&|<>()$`\\\"'*?%[%]#~=%%!{}\n]") then
      command = { "/bin/sh", "-c", text }
    else
      for word in text:gmatch("%S+") do
        command[#command + 1] = word
      end
    end
  end
  return start_command(command)
end

local tcp_states = {
  "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
  "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV",
}
local tcp_flags = { "FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR" }

function helpers.tcp_state(number)
  return tcp_states[number] or ("[unknown: %d]"):format(number)
end

function helpers.tcp_flags(bits)
  local names = {}
  for i, name in ipairs(tcp_flags) do
    if bits >> (i - 1) & 1 == 1 then
      names[#names + 1] = name
    end
  end
  return table.concat(names, "|")
end

function helpers.syscall_name(number)
  return require "bpf.syscalls"[number] or ("[unknown: %d]"):format(number)
end

function helpers.syscall_number(name)
  for number, this in pairs(require "bpf.syscalls") do
    if this == name then
      return number
    end
  end
end

local function pinned(name, leaf, path)
  if path:find('["\\\n]') then
    error(("container_filter: '%s' is no path of a map"):format(path), 3)
  end
  return ('BPF_TABLE_PINNED("hash", u64, %s, %s, 1024, "%s");'):format(leaf, name, path)
end

--- C with a function that tells whether a process is in none of the containers; see meta/bpf.lua.
function helpers.container_filter(given)
  local wanted = require "bpf.options".collect("container_filter", { "cgroupmap", "mntnsmap" },
    given or {})
  local declarations, tests = {}, {}
  if wanted.cgroupmap then
    declarations[#declarations + 1] = pinned("lbpf_cgroups", "u64", wanted.cgroupmap)
    tests[#tests + 1] = [[
    u64 cgroup = bpf_get_current_cgroup_id();
    if (!lbpf_cgroups.lookup(&cgroup))
        return 1;]]
  end
  if wanted.mntnsmap then
    declarations[#declarations + 1] = pinned("lbpf_mount_namespaces", "u32", wanted.mntnsmap)
    tests[#tests + 1] = [[
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    u64 mount_namespace = task->nsproxy->mnt_ns->ns.inum;
    if (!lbpf_mount_namespaces.lookup(&mount_namespace))
        return 1;]]
  end
  return table.concat(declarations, "\n")
    .. "\nstatic inline int container_should_be_filtered(void)\n{\n"
    .. table.concat(tests, "\n") .. "\n    return 0;\n}\n"
end

return helpers
