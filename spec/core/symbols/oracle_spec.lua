-- Random addresses of installed files, named by us and by readelf's list of symbols. LUABPF_ORACLE
-- gives other files and how many addresses of each: "1000 /usr/bin/node /lib/x.so".
local bpf <const> = require "bpf"

local function lines_of(command)
  local pipe <const> = assert(io.popen(command))
  return function()
    local line <const> = pipe:read("l")
    if not line then pipe:close() end
    return line
  end
end

-- Adds the functions that readelf lists: {start, stop, names}.
local function read_functions(path, functions, by_start)
  for line in lines_of(("readelf -sW %s 2>/dev/null"):format(path)) do
    local value, size, kind, index, name = line:match(
      "^%s*%d+: (%x+)%s+(%w+) (%u+)%s+%u+%s+%u+%s+(%w+) ([^ @]+)")
    if (kind == "FUNC" or kind == "IFUNC") and index ~= "UND" and tonumber(value, 16) ~= 0 then
      local start <const> = tonumber(value, 16)
      local known = by_start[start]
      if not known then
        known = { start = start, stop = start, names = {} }
        by_start[start] = known
        functions[#functions + 1] = known
      end
      known.stop = math.max(known.stop, start + math.tointeger(tonumber(size)))
      known.names[name] = true
    end
  end
end

-- What readelf tells of a file, and of its debug file: functions by start; sections of code; the
-- build id.
local function describe_file(path)
  local functions, code, id = {}, {}, nil
  local by_start <const> = {}
  for line in lines_of(("readelf -SnW %s 2>/dev/null"):format(path)) do
    local address, offset, bytes = line:match(
      "^ +%[ *%d+%] %S+ +PROGBITS +(%x+) (%x+) (%x+) %x+ +AX ")
    if address then
      code[#code + 1] = { address = tonumber(address, 16), offset = tonumber(offset, 16),
        size = tonumber(bytes, 16) }
    end
    id = id or line:match("Build ID: (%x+)")
  end
  read_functions(path, functions, by_start)
  if id then
    read_functions(("/usr/lib/debug/.build-id/%s/%s.debug"):format(id:sub(1, 2), id:sub(3)),
      functions, by_start)
  end
  table.sort(functions, function(a, b) return a.start < b.start end)
  return functions, code, id
end

-- The function with the highest start that contains the address, or nil.
local function expected(functions, address)
  local low, high = 1, #functions + 1
  while low < high do
    local middle <const> = (low + high) // 2
    if functions[middle].start <= address then low = middle + 1 else high = middle end
  end
  for i = low - 1, math.max(1, low - 1000), -1 do
    if address < functions[i].stop then return functions[i] end
  end
  return nil, low > 1 and functions[low - 1] or nil
end

-- Names `count` addresses both ways: how many agree, how many only we name, those that differ.
local function compare(path, count)
  local functions <const>, code <const>, id <const> = describe_file(path)
  if not id or #code == 0 then return 0, 0, {} end
  bpf.BPF.add_module(path)
  local same, more, other = 0, 0, {}
  for _ = 1, count do
    local section <const> = code[math.random(#code)]
    local place <const> = math.random(0, section.size - 1)
    local address <const> = section.address + place
    local entry <const> = { status = 1, build_id = id, offset = section.offset + place }
    local name <const> = bpf.BPF.sym(entry, 0, { demangle = false })
    local around <const>, before <const> = expected(functions, address)
    if around and around.names[name] or not around and name == "[unknown]" then
      same = same + 1
    elseif not around and (name:find("@plt$") or before and before.stop == before.start
      and before.names[name]) then
      more = more + 1 -- a stub, or behind a symbol without size
    else
      other[#other + 1] = ("%s 0x%x: %s"):format(path, address, name)
    end
  end
  return same, more, other
end

describe("names of random addresses #any_kernel", function()
  local installed <const> = "300 $(which lua5.4) $(ls /lib/*-linux-gnu/libc.so.6 "
    .. "/lib/*-linux-gnu/libstdc++.so.6 /lib/*-linux-gnu/libelf.so.1 2>/dev/null)"

  it("are those of readelf", function()
    math.randomseed(20261)
    local words <const> = {}
    for line in lines_of("printf '%s\\n' " .. (os.getenv("LUABPF_ORACLE") or installed)) do
      words[#words + 1] = line
    end
    local same, more, other = 0, 0, {}
    for i = 2, #words do
      local s <const>, m <const>, o <const> = compare(words[i], tonumber(words[1]))
      same, more = same + s, more + m
      table.move(o, 1, #o, #other + 1, other)
    end
    if os.getenv("LUABPF_ORACLE") then
      print(("%d agree, %d only we name (stubs, symbols without size), %d differ"):format(same,
        more, #other))
    end
    bpf.BPF.free_bcc_memory()
    assert.same({}, table.move(other, 1, math.min(#other, 5), 1, {}))
    assert.is_true(same > 0)
  end)
end)
