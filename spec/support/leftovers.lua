-- What a failure or an end may leave behind: open files of this process, children, BPF programs in
-- the kernel, probes in tracefs.
local process <const> = require "spec.support.process"

local leftovers = {}

-- Through a file, because a pipe to the shell would be an open file of this process.
local function lines(command)
  local path <const> = os.tmpname()
  os.execute(("{ %s; } > %s 2> /dev/null"):format(command, path))
  local list <const> = {}
  for line in io.lines(path) do list[#list + 1] = line end
  os.remove(path)
  return list
end

-- What this process has open, as sorted names.
local function open_files(pid)
  local list <const> = lines(("ls -l /proc/%d/fd | sed -n 's/.* [0-9]* -> //p'"):format(pid))
  for i, name in ipairs(list) do list[i] = name:gsub("%[%d+%]", "") end
  table.sort(list)
  return table.concat(list, "\n")
end

-- The names of its children, but for the shell that looks.
local function children(pid)
  local list <const> = lines(("grep -H ' %d ' /proc/[0-9]*/stat | cut -d: -f2-"):format(pid))
  local names <const> = {}
  for _, line in ipairs(list) do
    local name <const>, parent <const> = line:match("^%d+ %((.*)%) %a (%d+)")
    if tonumber(parent) == pid and name ~= "sh" then names[#names + 1] = name end
  end
  return table.concat(names, "\n")
end

-- All of it about this process, to compare before with after.
function leftovers.now()
  collectgarbage()
  collectgarbage()
  local pid <const> = process.own_pid()
  return { files = open_files(pid), children = children(pid), probes = process.defined_probes() }
end

-- Whether the BPF programs in the kernel can be listed, of whatever process.
function leftovers.can_list_programs()
  return (os.execute("bpftool prog show > /dev/null 2>&1"))
end

-- The names of those that begin with the prefix.
function leftovers.programs(prefix)
  local names <const> = {}
  for _, line in ipairs(lines("bpftool prog show")) do
    local name <const> = line:match("^%d+: .-name (%S+)")
    if name and name:sub(1, #prefix) == prefix then names[#names + 1] = name end
  end
  return names
end

-- Whether they are gone. The kernel frees a program a little after its last user has ended.
function leftovers.no_program(prefix)
  return process.wait_until(function() return #leftovers.programs(prefix) == 0 end)
end

return leftovers
