-- The shape of the source tree: what each folder may include, and what the root may hold.

local rooms = { "base", "host", "elf", "symbols", "types", "compile", "kernel", "attach", "stream",
  "session" }
local rank = {}
for i, room in ipairs(rooms) do rank[room] = i end

-- Each line of a shell command's output.
local function lines_of(command)
  local pipe = assert(io.popen(command))
  local list = {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

-- Calls visit(file, line_number, name) for each #include below a folder.
local function each_include(folder, visit)
  for _, file in ipairs(lines_of(("find %s -name '*.[ch]' -o -name '*.cpp'"):format(folder))) do
    local number = 0
    for line in io.lines(file) do
      number = number + 1
      local name = line:match('^%s*#%s*include%s*[<"]([^>"]+)[>"]')
      if name then visit(file, number, name) end
    end
  end
end

-- What an include breaks, as one line of text, or nil.
local function broken_in_core(file, name)
  if name:find("^lua") or name == "lauxlib.h" then return "core knows nothing of Lua" end
  if file:find("^core/compile/prelude/") then return nil end -- the user's side: clang reads it
  local is_plugin = file:find("^core/compile/plugin/") or file:find("^core/compile/clang/")
  if (name:find("^llvm") or name:find("^clang/")) and not is_plugin then
    return "only the plugin and the clang around it see LLVM"
  end

  local own_room = file:match("^core/([^/]+)/")
  local room = name:match("^([^/]+)/.+%.h$")
  if not rank[room] then return nil end -- a system header, or one of the same folder
  if is_plugin then return "the plugin lives in clang and has nothing else of core" end
  if own_room and rank[room] > rank[own_room] then
    return ("%s may not know %s"):format(own_room, room)
  end
end

describe("the layers #any_kernel", function()
  it("of core point one way", function()
    local broken = {}
    each_include("core", function(file, number, name)
      local why = broken_in_core(file, name)
      if why then
        broken[#broken + 1] = ("%s:%d includes %s: %s"):format(file, number, name, why)
      end
    end)
    assert.same({}, broken)
  end)

  it("meet in one header: the binding sees nothing of core but lbpf.h", function()
    local broken = {}
    each_include("lua", function(file, number, name)
      if rank[name:match("^([^/]+)/")] or name:find("^bpf/") or name:find("^llvm") then
        broken[#broken + 1] = ("%s:%d includes %s"):format(file, number, name)
      end
    end)
    assert.same({}, broken)
  end)

  it("leave the root with few entries", function()
    local agreed = {}
    for name in ([[core lua scripts spec docs CMakeLists.txt CMakePresets.json README.md LICENSE
      luabpf luabpf-scm-1.rockspec]]):gmatch("%S+") do
      agreed[name] = true
    end
    local strange = {}
    for _, name in ipairs(lines_of("ls -A")) do
      if not agreed[name] and name ~= "build" and name:sub(1, 1) ~= "." then
        strange[#strange + 1] = name
      end
    end
    assert.same({}, strange)
  end)
end)

describe("the version #any_kernel", function()
  it("is the same wherever it is written", function()
    local function read(path, pattern)
      local file = assert(io.open(path))
      local found = file:read("a"):match(pattern)
      file:close()
      return found
    end
    local version = read("CMakeLists.txt", "project%(luabpf VERSION ([%d.]+)")
    assert.is_string(version)
    assert.equal(version, read("luabpf", "\nversion=(%S+)"))
  end)
end)
