-- C text that tells whether a process is one that a tool's user asked for, for tool.lua.
--
-- Only what was asked for is in the text: without options it is `return true`, which costs nothing.

local bpf = require "bpf"

local tool_filter = {}

-- The same facts about the process that runs, and about any.
local current = {
  pid = "bpf_get_current_pid_tgid() >> 32",
  tid = "(u32)bpf_get_current_pid_tgid()",
  uid = "(u32)bpf_get_current_uid_gid()",
  ppid = "((struct task_struct *)bpf_get_current_task())->real_parent->tgid",
  comm = "bpf_get_current_comm(comm, sizeof(comm))",
  cgroup = "bpf_get_current_ancestor_cgroup_id(%d)",
}
local any = {
  pid = "task->tgid", tid = "task->pid", uid = "task->cred->uid.val",
  ppid = "task->real_parent->tgid",
  comm = "bpf_probe_read_kernel(comm, sizeof(comm), task->comm)",
  cgroup = "task->cgroups->dfl_cgrp->ancestors[%d]->kn->id",
}

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- The number of a cgroup, and how many are above it.
local function find_cgroup(path)
  local pipe <close> = io.popen(("p=$(readlink -e -- %s) && echo \"$p\" && "
    .. "stat -c '%%i %%m' -- \"$p\" && stat -f -c %%T -- \"$p\""):format(quote(path)))
  local real, id, root, kind = pipe:read("l", "n", "l", "l")
  if kind ~= "cgroup2fs" then
    error({ message = path .. " is no cgroup (v2)" }, 0)
  end
  local _, level = real:sub(#root:match("%S+") + 1):gsub("[^/]+", "")
  return id, level
end

-- Whether text is anywhere in comm, as C.
local function contains(text)
  local places = {}
  for first = 0, 15 - #text do
    local same = {}
    for i = 1, #text do
      same[i] = ("(u8)comm[%d] == %d"):format(first + i - 1, text:byte(i))
    end
    places[#places + 1] = table.concat(same, " && ")
  end
  return "(" .. table.concat(places, ") || (") .. ")"
end

local function tests_of(options, facts)
  local tests = {}
  local function refuse_if(format, ...)
    tests[#tests + 1] = ("    if (" .. format .. ")\n        return false;\n"):format(...)
  end
  for _, key in ipairs{ "pid", "tid", "uid", "ppid" } do
    if options[key] then refuse_if("%s != %d", facts[key], options[key]) end
  end
  if options.cgroup then
    local id, level = find_cgroup(options.cgroup)
    refuse_if("%s != %dULL", facts.cgroup:format(level), id)
  end
  if options.name then
    tests[#tests + 1] = ("    char comm[TASK_COMM_LEN] = {};\n    %s;\n"):format(facts.comm)
    refuse_if("!(%s)", contains(options.name))
  end
  return tests
end

--- C text with wanted(), about the process that runs.
---@param options table what the parser gave; of it pid, tid, uid, ppid, name, cgroup, …
---@return string
function tool_filter.of_current(options)
  local tests, containers = tests_of(options, current), ""
  if options.cgroupmap or options.mntnsmap then
    containers = bpf.container_filter{ cgroupmap = options.cgroupmap, mntnsmap = options.mntnsmap }
    tests[#tests + 1] = "    if (container_should_be_filtered())\n        return false;\n"
  end
  return ("%sstatic __always_inline bool wanted(void)\n{\n%s    return true;\n}\n"):format(
    containers, table.concat(tests))
end

--- C text with wanted_task(task), about any process.
---@param options table
---@return string
function tool_filter.of_task(options)
  local tests, containers = tests_of(options, any), ""
  if options.cgroupmap or options.mntnsmap then
    containers = bpf.container_filter{ cgroupmap = options.cgroupmap, mntnsmap = options.mntnsmap }
  end
  if options.cgroupmap then
    tests[#tests + 1] = "    u64 cgroup = task->cgroups->dfl_cgrp->kn->id;\n"
      .. "    if (!lbpf_cgroups.lookup(&cgroup))\n        return false;\n"
  end
  if options.mntnsmap then
    tests[#tests + 1] = "    u64 space = task->nsproxy->mnt_ns->ns.inum;\n"
      .. "    if (!lbpf_mount_namespaces.lookup(&space))\n        return false;\n"
  end
  return ("%sstatic __always_inline bool wanted_task(struct task_struct *task)\n"
    .. "{\n%s    return true;\n}\n"):format(containers, table.concat(tests))
end

return tool_filter
