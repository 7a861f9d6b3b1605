-- What a script asks about the machine and its processes before it traces them; BCC has these in
-- bcc.utils.

local machine = {}

-- "0-2,5" as {0, 1, 2, 5}.
local function read_list(path)
  local file <close> = assert(io.open(path))
  local list = {}
  for first, last in file:read("a"):gmatch("(%d+)%-?(%d*)") do
    for number = math.tointeger(first), math.tointeger(last) or math.tointeger(first) do
      list[#list + 1] = number
    end
  end
  return list
end

function machine.get_online_cpus()
  return read_list("/sys/devices/system/cpu/online")
end

function machine.get_possible_cpus()
  return read_list("/sys/devices/system/cpu/possible")
end

-- What the mapped files of each language's interpreter are called.
local languages <const> = {
  { "java", "^java$", "^libjvm%.so" },
  { "node", "^node$", "^libnode%.so" },
  { "perl", "^perl[%d.]*$", "^libperl%.so" },
  { "php", "^php[%d.]*$", "^libphp" },
  { "python", "^python[%d.]*$", "^libpython" },
  { "ruby", "^ruby[%d.]*$", "^libruby" },
}

-- The first language of the candidates whose interpreter a process has mapped.
local function interpreter_in(files, candidates)
  for _, row in ipairs(languages) do
    for file in pairs(candidates[row[1]] and files or {}) do
      if file:find(row[2]) or file:find(row[3]) then
        return row[1]
      end
    end
  end
end

--- The language that a process is written in, as far as its mapped files tell; nil when it is none
-- of the candidates.
function machine.detect_language(candidates, pid)
  local files, wanted = {}, {}
  for _, language in ipairs(candidates) do
    wanted[language] = true
  end
  local maps <close> = io.open(("/proc/%d/maps"):format(pid))
  if not maps then
    return nil
  end
  for line in maps:lines() do
    files[line:match("/([^/]+)$") or ""] = true
  end
  local language = interpreter_in(files, wanted)
  if not language and wanted.c and next(files) then
    language = "c"
  end
  return language
end

return machine
