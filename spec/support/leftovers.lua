-- What a failure or an end may leave behind: open files of this process, children, BPF programs, maps
-- and links in the kernel, probes in tracefs.
local process <const> = require "spec.support.process"

local leftovers = {}

local function lines(command)
  local pipe <const> = io.popen(command)
  local list <const> = {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

-- What this process has open, as sorted names. The shell that looks has a file of its own; its pipe
-- is there both times.
local function open_files(pid)
  local list <const> = lines(("ls -l /proc/%d/fd 2>/dev/null | sed -n 's/.* [0-9]* -> //p'"):format(pid))
  for i, name in ipairs(list) do list[i] = name:gsub("%[%d+%]", "") end
  table.sort(list)
  return table.concat(list, "\n")
end

local function children(pid)
  return table.concat(lines(("ps -o comm= --ppid %d | grep -vxE 'sh|ps|sed|ls|grep'"):format(pid)), "\n")
end

-- All of it about this process, to compare before with after.
function leftovers.now()
  collectgarbage()
  collectgarbage()
  local pid <const> = process.own_pid()
  return { files = open_files(pid), children = children(pid), probes = process.defined_probes() }
end

-- Names of the BPF programs in the kernel, of all processes, whose name has the prefix; nil where
-- nothing can list them.
function leftovers.programs(prefix)
  if not os.execute("command -v bpftool > /dev/null") then return nil end
  local names <const> = {}
  for _, line in ipairs(lines("bpftool prog show 2>/dev/null")) do
    local name <const> = line:match("^%d+: .-name (%S+)")
    if name and name:sub(1, #prefix) == prefix then names[#names + 1] = name end
  end
  return names
end

-- Whether they are gone. The kernel frees a program a little after its last user has ended.
function leftovers.no_program(prefix)
  return process.wait_until(function()
    local names <const> = leftovers.programs(prefix)
    return not names or #names == 0
  end, 5)
end

return leftovers
