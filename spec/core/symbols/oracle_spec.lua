-- Random addresses of installed files, named by us, out of readelf's list of symbols, and by
-- eu-addr2line; addresses where a program was sampled, named by us and by perf script.
-- LUABPF_ORACLE gives other files and how many addresses of each, and prints figures:
-- "1000 /usr/bin/node /lib/x.so".
local bpf <const> = require "bpf"
local process <const> = require "spec.support.process"

local given <const> = os.getenv("LUABPF_ORACLE")

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

-- `count` random places in the code of a file: {address, entry} as BPF.sym takes them.
local function choose_places(path, count)
  local functions <const>, code <const>, id <const> = describe_file(path)
  local places <const> = {}
  if not id or #code == 0 then return places, functions end
  bpf.BPF.add_module(path)
  for i = 1, count do
    local section <const> = code[math.random(#code)]
    local place <const> = math.random(0, section.size - 1)
    places[i] = { address = section.address + place,
      entry = { status = 1, build_id = id, offset = section.offset + place } }
  end
  return places, functions
end

-- What came of a comparison: how often each outcome, and what differs.
local function new_result() return { other = {} } end

local function count_as(result, outcome)
  result[outcome] = (result[outcome] or 0) + 1
end

local function judge(result, what)
  local figures <const> = {}
  for outcome, count in pairs(result) do
    if outcome ~= "other" then figures[#figures + 1] = count .. " " .. outcome end
  end
  table.sort(figures)
  if given then
    print(("%s: %s, %d differ"):format(what, table.concat(figures, ", "), #result.other))
  end
  bpf.BPF.free_bcc_memory()
  assert.same({}, table.move(result.other, 1, math.min(#result.other, 5), 1, {}))
  assert.is_true((result.agree or 0) > 0)
end

local function compare_with_readelf(path, count, result)
  local places <const>, functions <const> = choose_places(path, count)
  for _, place in ipairs(places) do
    local name <const> = bpf.BPF.sym(place.entry, 0, { demangle = false })
    local around <const>, before <const> = expected(functions, place.address)
    if around and around.names[name] or not around and name == "[unknown]" then
      count_as(result, "agree")
    elseif not around and name:find("@plt$") then
      count_as(result, "only we name (stubs)")
    elseif not around and before and before.stop == before.start and before.names[name] then
      count_as(result, "only we name (behind symbols without size)")
    else
      result.other[#result.other + 1] = ("%s 0x%x: %s"):format(path, place.address, name)
    end
  end
end

-- "name+0x1f" as the name, without a symbol's version, and the distance.
local function split(text)
  local name <const>, distance <const> = text:match("^(.-)%+0x(%x+)$")
  return (name or text):match("^[^@]*"), tonumber(distance or "0", 16)
end

-- How two answers compare. A function may have several names, of which anyone may take any; others
-- take data that lies among code for functions, and do not know stubs.
local function outcome_of(ours, theirs, is_function)
  local name <const>, distance <const> = split(ours)
  local other_name <const>, other_distance <const> = split(theirs)
  local unknown <const> = other_name:find("^%(") or other_name == "??" or other_name == "[unknown]"
  if name == "[unknown]" and unknown then return "agree" end
  if name == "[unknown]" then return not is_function(other_name) and "are data for us" end
  if unknown then return ours:find("@plt", 1, true) and "only we name (stubs)" end
  if distance ~= other_distance then return false end
  return name == other_name and "agree" or "agree under another name of the function"
end

local function compare_with_addr2line(path, count, result)
  local places <const>, functions <const> = choose_places(path, count)
  local addresses <const>, known = os.tmpname(), nil
  local file <const> = assert(io.open(addresses, "w"))
  for _, place in ipairs(places) do file:write(("0x%x\n"):format(place.address)) end
  file:close()
  local function is_function(name)
    if not known then
      known = {}
      for _, item in ipairs(functions) do
        for each in pairs(item.names) do known[each] = true end
      end
    end
    return known[name]
  end
  local i = 0
  for line in lines_of(("eu-addr2line -S -e %s < %s"):format(path, addresses)) do
    if not line:find(":%d+") then -- the line of the source
      i = i + 1
      local ours <const> = bpf.BPF.sym(places[i].entry, 0, { demangle = false, show_offset = true })
      local outcome <const> = outcome_of(ours, line, is_function)
      if outcome then
        count_as(result, outcome)
      else
        result.other[#result.other + 1] = ("%s 0x%x: %s, %s"):format(path, places[i].address, ours,
          line)
      end
    end
  end
  os.remove(addresses)
  assert.equal(#places, i)
end

local function has(command)
  return (os.execute(("command -v %s >/dev/null 2>&1"):format(command)))
end

describe("names of random addresses #any_kernel", function()
  local installed <const> = "300 $(which lua5.4) $(ls /lib/*-linux-gnu/libc.so.6 "
    .. "/lib/*-linux-gnu/libstdc++.so.6 /lib/*-linux-gnu/libelf.so.1 2>/dev/null)"

  local function compare_all(compare, what)
    math.randomseed(20261)
    local words <const> = {}
    local list <const> = "set -- %s; echo $1; shift; readlink -f $*"
    for line in lines_of(list:format(given or installed)) do
      words[#words + 1] = line
    end
    local count <const> = tonumber(words[1])
    local result <const> = new_result()
    for i = 2, #words do compare(words[i], count, result) end
    judge(result, what)
  end

  it("are those of readelf", function() compare_all(compare_with_readelf, "readelf") end)

  it("are those of eu-addr2line", function()
    if not has("eu-addr2line") then return pending("needs eu-addr2line (package elfutils)") end
    compare_all(compare_with_addr2line, "eu-addr2line")
  end)
end)

describe("names of sampled addresses #any_kernel", function()
  -- Where each sample of a process was, and what perf script calls that: {address, text, module}.
  local function sample(pid, seconds)
    local data <const> = os.tmpname()
    local good <const> = os.execute(("perf record -o %s -e cpu-clock:u -F 4000 -p %d -- sleep %s "
      .. ">/dev/null 2>&1"):format(data, pid, seconds))
    local list <const> = {}
    local script <const> = "perf script --no-demangle -i %s -F ip,sym,symoff,dso 2>/dev/null"
    for line in lines_of(script:format(data)) do
      local address <const>, text <const>, module <const> = line:match("^%s*(%x+) (%S+) %((.*)%)$")
      if address then
        list[#list + 1] = { address = math.tointeger(tonumber(address, 16)), text = text,
          module = module }
      end
    end
    os.remove(data)
    return good and list or {}
  end

  it("are those of perf script", function()
    local perl <const> = process.start([[perl -e '$| = 1; print "ready\n"; my %h;
      while (1) { $h{$_ % 97} .= sprintf("%d", $_) =~ s/1/2/r for 1 .. 1000;
      %h = map { $_ => join ",", sort split //, $h{$_} } keys %h if length($h{1}) > 50 }']])
    perl:wait_for("ready")
    local samples <const> = has("perf") and sample(perl.pid, given and 5 or 0.5) or {}
    local result <const> = new_result()
    for _, each in ipairs(samples) do
      local ours <const> = bpf.BPF.sym(each.address, perl.pid,
        { demangle = false, show_offset = true })
      local outcome <const> = outcome_of(ours, each.text, function() return true end)
      if outcome then
        count_as(result, outcome)
      else
        result.other[#result.other + 1] = ("0x%x of %s: %s, %s"):format(each.address, each.module,
          ours, each.text)
      end
    end
    perl:signal("KILL")
    perl:finish()
    if #samples == 0 then return pending("needs perf (package linux-perf) that may sample") end
    judge(result, "perf script")
  end)
end)
