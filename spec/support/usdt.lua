-- The program with static probe points that specs trace (usdt_target.c), in several builds.
local build <const> = require "spec.support.build"
local process <const> = require "spec.support.process"
local waiting <const> = require "spec.support.waiting"

local usdt = { start = waiting.start }

-- The path of the build called name.
function usdt.build(name, flags) return build.program(name, flags, "usdt_target.c") end

function usdt.target() return usdt.build("usdt_target") end

function usdt.library()
  return build.program("libusdt_library.so", "-shared -fPIC", "usdt_library.c")
end

-- Runs it: count rounds.
function usdt.run(count, path)
  local status <const>, out <const> = process.run(("%s %d"):format(path or usdt.target(), count))
  assert(status == 0 and out:find("^done"), "the traced program failed")
end

-- What readelf makes of the notes: "provider:name address semaphore arguments", sorted.
function usdt.readelf(path)
  local pipe <const> = io.popen("readelf -n " .. path .. " 2>/dev/null")
  local list <const> = {}
  local provider, name, address, semaphore
  for line in pipe:lines() do
    provider = line:match("Provider: (.*)") or provider
    name = line:match("^%s+Name: (.*)") or name
    if line:find("^%s+Location: ") then
      address, semaphore = line:match("Location: (0x%x+), Base: 0x%x+, Semaphore: (0x%x+)")
    end
    local arguments <const> = line:match("^%s+Arguments: (.*)")
    if arguments then
      list[#list + 1] = ("%s:%s %x %x %s"):format(provider, name, tonumber(address),
        tonumber(semaphore), arguments)
    end
  end
  pipe:close()
  table.sort(list)
  return list
end

-- The same out of a USDT object; semaphores are told for the first file of a probe only.
function usdt.list(u)
  local list = {}
  for _, probe in ipairs(u:enumerate_probes()) do
    for _, location in ipairs(probe.locations) do
      list[#list + 1] = ("%s %x %x %s"):format(probe:short_name(), location.address,
        probe.semaphore, location.text)
    end
  end
  table.sort(list)
  return list
end

return usdt
