-- BPF instructions for the same C text beside BCC's own output, program by program.
--   lua5.4 instructions.lua FOLDER [NAME…]
-- FOLDER holds what spec/compat/capture.py wrote. BCC needs kernel headers: BCC_KERNEL_SOURCE says
-- where, if the running kernel has none. Its figures are kept in FOLDER/bcc_instructions.txt, as
-- they take minutes; remove the file to measure again.
local here <const> = arg[0]:match("^(.*)/") or "."
package.path = here .. "/../../?.lua;" .. package.path
local json <const> = require "dkjson"
local object <const> = require "spec.support.object"

local folder <const> = assert(arg[1], "instructions.lua FOLDER [NAME…]")

-- program -> function -> instructions
local function peer()
  local path <const> = folder .. "/bcc_instructions.txt"
  local file = io.open(path)
  if not file then
    os.execute(("/usr/bin/python3 %s/instructions.py %s > %s 2>/dev/null"):format(
      here, folder, path))
    file = assert(io.open(path))
  end
  local counts = {}
  for line in file:lines() do
    local program, name, count = line:match("^(%S+) (%S+) (%d+)$")
    if program and count ~= "0" then
      counts[program] = counts[program] or {}
      counts[program][name] = tonumber(count)
    end
  end
  file:close()
  return counts
end

-- What the kernel gets of a function: it, and once each function that it calls.
local function loaded_size(functions, name, seen)
  seen = seen or {}
  if seen[name] or not functions[name] then return 0 end
  seen[name] = true
  local size = functions[name].count
  for callee in pairs(functions[name].functions) do
    size = size + loaded_size(functions, callee, seen)
  end
  return size
end

local names = {}
for i = 2, #arg do names[#names + 1] = arg[i] end
if not names[1] then
  for path in io.popen("ls " .. folder .. "/*.json"):lines() do
    names[#names + 1] = path:match("([^/]+)%.json$")
  end
end

local counts <const> = peer()
local total, total_peer, worse, compared = 0, 0, 0, 0
print(("%-28s %8s %8s %7s"):format("program", "luabpf", "BCC", "ratio"))
for _, name in ipairs(names) do
  local file <const> = assert(io.open(("%s/%s.json"):format(folder, name)))
  local record <const> = json.decode(file:read("a"))
  file:close()
  local functions <const> = counts[name]
  if functions then
    local bytes <const> = object.compile(record.text, {cflags = record.cflags})
    local own <const> = bytes and object.functions(bytes) or {}
    local sum, sum_peer = 0, 0
    for fn, count in pairs(functions) do
      if own[fn] then
        local size <const> = loaded_size(own, fn)
        sum, sum_peer = sum + size, sum_peer + count
        if arg[2] then print(("  %-34s %6d %6d"):format(fn, size, count)) end
      end
    end
    if bytes and sum_peer > 0 then
      total, total_peer, compared = total + sum, total_peer + sum_peer, compared + 1
      if sum > sum_peer then worse = worse + 1 end
      print(("%-28s %8d %8d %7.2f"):format(name, sum, sum_peer, sum / sum_peer))
    end
  end
end
print(("%-28s %8d %8d %7.2f  of %d programs %d are larger"):format("all", total, total_peer,
  total_peer > 0 and total / total_peer or 0, compared, worse))
