-- P10: user symbols. symbols.lua FOLDER COUNT ROUNDS, where FOLDER has the built symbols.c. Prints
-- row, subject, figure and unit of each.

local bpf <const> = require "bpf"

local BPF <const> = bpf.BPF
local scratch <const>, count <const> = arg[1], tonumber(arg[2]) * 10

local function line(...)
  print(table.concat({ ... }, "\t"))
end

local function output_of(command)
  local pipe <const> = io.popen(command .. " 2>/dev/null")
  local text <const> = pipe:read("a")
  pipe:close()
  return text
end

local function rate(action)
  local start <const> = os.clock()
  action()
  return count / (os.clock() - start) / 1e6
end

-- KiB that /proc tells of this process: "VmHWM" is the most that it ever had.
local function memory(what)
  for text in io.lines("/proc/self/status") do
    local kib <const> = text:match("^" .. what .. ":%s*(%d+)")
    if kib then return tonumber(kib) end
  end
end

-- The first look-up in a large file: memory and time.
local function first_look(path)
  local sections <const> = output_of("readelf -nSW " .. path)
  local id <const>, offset <const> = sections:match("Build ID: (%x+)"),
    sections:match("%.text +PROGBITS +%x+ (%x+)")
  if not id or not offset then
    return line("P10", "one name in " .. path:match("[^/]+$"), "-", "it is not there")
  end
  local peak <const> = io.open("/proc/self/clear_refs", "w")
  peak:write("5") -- the peak starts anew
  peak:close()
  local before <const>, start <const> = memory("VmHWM"), os.clock()
  BPF.add_module(path)
  BPF.sym({ status = 1, build_id = id, offset = tonumber(offset, 16) + 0x5000 }, 0)
  local ms <const> = (os.clock() - start) * 1000
  line("P10m", "one name in " .. path:match("[^/]+$"), (memory("VmHWM") - before) / 1024, "MiB")
  line("P10t", "one name in " .. path:match("[^/]+$"), ms, "ms")
  BPF.free_bcc_memory()
end

first_look("/usr/bin/node")
first_look(output_of("readlink -f /usr/lib/*-linux-gnu/libLLVM.so.19.1"):match("%S+") or "/libLLVM")

local core <const> = output_of(scratch .. "/symbols " .. count):match("%S+")
line("P10", "the C core, warm", core or "-", core and "M/s" or "it does not run")
local stat <const> = io.open("/proc/self/stat")
local pid <const> = stat:read("n")
stat:close()
local cache <close> = BPF.SymbolCache(pid)
local qsort <const> = cache:resolve_name("libc.so.6", "qsort")
line("P10", "BPF.sym from Lua", rate(function()
  for i = 1, count do BPF.sym(qsort + (i & 1023) * 510, pid) end
end), "M/s")
local addresses <const> = {}
for i = 1, 1000 do addresses[i] = qsort + i * 510 end
line("P10", "BPF.symbolize from Lua", rate(function()
  for _ = 1, count // 1000 do BPF.symbolize(addresses, pid) end
end), "M/s")
