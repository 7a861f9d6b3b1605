-- C text that tells whether a process is one that a tool's user asked for, for tool.lua.
--
-- Only what was asked for is in the text: without options it is `return true`, which costs nothing.
-- Ids of processes are another each time; so they are in a table, and the next start finds its
-- program in the cache.

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

local id_keys <const> = { "pid", "tid", "ppid" }

local function list_of(ids)
  return type(ids) == "table" and ids or { ids }
end

local ids_format <const> = [[
struct wanted_ids {
%s};
BPF_ARRAY(wanted_ids, struct wanted_ids, 1);
]]

local find_ids <const> = [[
    u32 first = 0;
    struct wanted_ids *ids = wanted_ids.lookup(&first);
    if (!ids)
        return false;
]]

-- The table of ids that were asked for, as C, and what looks for them in it.
local function declare_ids(options, facts)
  local members, tests = {}, { find_ids }
  for _, key in ipairs(id_keys) do
    local differs = {}
    for i in ipairs(list_of(options[key])) do
      differs[i] = ("%s + 1 != ids->%s[%d]"):format(key, key, i - 1)
    end
    if #differs > 0 then
      members[#members + 1] = ("    u32 %s[%d];\n"):format(key, #differs)
      tests[#tests + 1] = ("    u32 %s = %s;\n    if (%s)\n        return false;\n"):format(
        key, facts[key], table.concat(differs, " && "))
    end
  end
  if #members == 0 then return "", {} end
  return ids_format:format(table.concat(members)), tests
end

-- Declarations, and tests that return false.
local function parts_of(options, facts)
  local declarations, tests = declare_ids(options, facts)
  local function refuse_if(format, ...)
    tests[#tests + 1] = ("    if (" .. format .. ")\n        return false;\n"):format(...)
  end
  if options.uid then refuse_if("%s != %d", facts.uid, options.uid) end
  if options.cgroup then
    local id, level = find_cgroup(options.cgroup)
    refuse_if("%s != %dULL", facts.cgroup:format(level), id)
  end
  if options.name then
    tests[#tests + 1] = ("    char comm[TASK_COMM_LEN] = {};\n    %s;\n"):format(facts.comm)
    refuse_if("!(%s)", contains(options.name))
  end
  if options.cgroupmap or options.mntnsmap then
    declarations = declarations
      .. bpf.container_filter{ cgroupmap = options.cgroupmap, mntnsmap = options.mntnsmap }
  end
  return declarations, tests
end

--- C text with wanted(), about the process that runs.
---@param options table what the parser gave; of it pid, tid, uid, ppid, name, cgroup, …
---@return string
function tool_filter.of_current(options)
  local declarations, tests = parts_of(options, current)
  if options.cgroupmap or options.mntnsmap then
    tests[#tests + 1] = "    if (container_should_be_filtered())\n        return false;\n"
  end
  return ("%sstatic __always_inline bool wanted(void)\n{\n%s    return true;\n}\n"):format(
    declarations, table.concat(tests))
end

--- C text with wanted_task(task), about any process.
---@param options table
---@return string
function tool_filter.of_task(options)
  local declarations, tests = parts_of(options, any)
  if options.cgroupmap then
    tests[#tests + 1] = "    u64 cgroup = task->cgroups->dfl_cgrp->kn->id;\n"
      .. "    if (!lbpf_cgroups.lookup(&cgroup))\n        return false;\n"
  end
  if options.mntnsmap then
    tests[#tests + 1] = "    u64 space = task->nsproxy->mnt_ns->ns.inum;\n"
      .. "    if (!lbpf_mount_namespaces.lookup(&space))\n        return false;\n"
  end
  return ("%sstatic __always_inline bool wanted_task(struct task_struct *task)\n"
    .. "{\n%s    return true;\n}\n"):format(declarations, table.concat(tests))
end

--- Puts the ids into the table of a loaded program. They are one more there than they are: until
--- then there are zeros in it, which nothing is equal to.
---@param b bpf.BPF
---@param options table
function tool_filter.set_ids(b, options)
  local value
  for _, key in ipairs(id_keys) do
    for i, id in ipairs(list_of(options[key])) do
      value = value or {}
      value[key] = value[key] or {}
      value[key][i] = math.min(id + 1, 0xffffffff)
    end
  end
  if value then b.wanted_ids[0] = value end
end

return tool_filter
