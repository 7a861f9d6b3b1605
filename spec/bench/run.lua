-- The figures that this project is judged by, each beside the peers that are installed, from one
-- run: ./luabpf bench [--quick]. One line per row and subject: figure, unit, ratio to luabpf's own.
-- --quick runs everything once, to see that it works; its figures mean nothing. The start of each
-- tool is measured by ./luabpf bench tools.

local quick <const> = arg[1] == "--quick"
local rounds <const> = quick and 1 or 5
local here <const> = arg[0]:match("^(.*)/") or "."
if arg[1] == "tools" then return dofile(here .. "/tools.lua") end
local traced <const> = require "bpf".BPF.get_syscall_fnname("getpgid")
package.path = here .. "/../../?.lua;" .. package.path
local caller <const> = require "spec.support.caller"
local process <const> = require "spec.support.process"
local measure <const> = require "spec.bench.measure"
local scratch <const> = os.tmpname() -- becomes a folder
os.remove(scratch)

local function shell(command)
  local pipe <const> = assert(io.popen(command .. "; echo \"status $?\""))
  local text <const> = pipe:read("a")
  pipe:close()
  local output, status = text:match("^(.-)status (%d+)%s*$")
  return tonumber(status) == 0, output
end

local function first_error()
  local file <const> = io.open(scratch .. "/errors")
  return file and file:read("l")
end

local function build()
  local commands <const> = {
    "mkdir -p " .. scratch,
    ("cc -O2 -o %s/until_line %s/until_line.c"):format(scratch, here),
    ("cc -O2 -o %s/hits %s/hits.c"):format(scratch, here),
    ("cc -O2 -o %s/start %s/start.c -lbpf"):format(scratch, here),
    ("cc -O2 -o %s/attach %s/attach.c -lbpf"):format(scratch, here),
    ("cc -O2 -o %s/many %s/many.c -lbpf"):format(scratch, here),
    ("cc -O2 -o %s/uprobes %s/uprobes.c -lbpf"):format(scratch, here),
    ("clang-19 -target bpf -O2 -g -c -o %s/start.o %s/start.bpf.c"):format(scratch, here),
    ([[clang-19 -target bpf -O2 -g -DFUNCTION='"%s"' -c -o %s/hits.o %s/hits.bpf.c]]):format(
      traced, scratch, here),
    ("cc -O2 -o %s/output %s/output.c -lbpf"):format(scratch, here),
    ("cc -O2 -I%s/../../core -o %s/symbols %s/symbols.c %s/libluabpf_core.a %s"):format(
      here, scratch, here, os.getenv("LUABPF_BUILD") or "build/release",
      "-lelf -lz -l:libiberty.a"),
    ("clang-19 -target bpf -O2 -g -I/usr/include/$(uname -m)-linux-gnu -c -o %s/output.o " ..
      "%s/output.bpf.c"):format(scratch, here),
  }
  for _, command in ipairs(commands) do
    local ok, output = shell(command .. " 2>&1")
    if not ok then error("bench: " .. command .. "\n" .. output, 0) end
  end
end

-- BCC needs kernel headers. Where the running kernel has none, Debian's of another kernel serve to
-- measure it; they are two trees, and BCC takes one. nil when there are none.
local function bcc_environment()
  if shell("test -d /lib/modules/$(uname -r)/build") then return "" end
  local _, output <const> = shell("ls -d /usr/src/linux-headers-*-amd64 2>/dev/null | tail -n 1")
  local folder <const> = output:match("%S+")
  if not folder then return nil end
  local common <const> = folder:gsub("%-amd64$", "-common")
  local merged <const> = scratch .. "/headers"
  shell(("test -d %s || { mkdir %s && cp -rs %s/. %s/. %s; } 2>/dev/null"):format(
    merged, merged, common, folder, merged))
  return "BCC_KERNEL_SOURCE=" .. merged .. " "
end

local own <const> = {} -- row -> luabpf's figure

local function report(row, subject, figure, unit)
  own[row] = own[row] or figure
  print(("%-3s %-34s %10.1f %-4s %8.2f x"):format(row, subject, figure, unit, figure / own[row]))
end

local function skip(row, subject, reason)
  print(("%-3s %-34s %10s %-4s  (%s)"):format(row, subject, "-", "", reason))
end

-- Runs a command until it is ready, `rounds` times: milliseconds and MiB, or nil and the reason.
local function start(command, environment)
  local times, memory = {}, {}
  for i = 1, rounds do
    local ok, output = shell(("%s %s/until_line ready %s 2>%s/errors"):format(
      environment or "", scratch, command, scratch))
    local ms, kib <const> = output:match("^(%S+) (%d+)")
    if not ok then return nil, first_error() or "it never was ready" end
    times[i], memory[i] = tonumber(ms), tonumber(kib) / 1024
  end
  return measure.median(times), measure.median(memory)
end

local function starts()
  local lua <const> = ("lua5.4 %s/start.lua"):format(here)
  local headers <const> = bcc_environment()
  local cold <const>, cold_memory <const> = start(lua, "LUABPF_CACHE=")
  assert(cold, cold_memory)
  assert(start(lua))
  local warm <const>, warm_memory <const> = start(lua)
  local floor_program <const> = ("%s/start %s/start.o"):format(scratch, scratch)
  local floor <const>, floor_memory <const> = start(floor_program)
  local peers <const> = {
    {"bpftrace", start("bpftrace " .. here .. "/start.bt")},
    {"BCC Python", nil, "there are no kernel headers"},
  }
  if headers then
    peers[2] = {"BCC Python", start("/usr/bin/python3 " .. here .. "/start.py", headers)}
  end

  report("P1", "luabpf, nothing cached", cold, "ms")
  for _, peer in ipairs(peers) do
    if peer[2] then report("P1", peer[1], peer[2], "ms") else skip("P1", peer[1], peer[3]) end
  end
  report("P2", "luabpf, second start", warm, "ms")
  report("P2", "C on libbpf, ready object", floor, "ms")
  report("P3", "luabpf", warm_memory, "MiB")
  report("P3", "luabpf, after compiling", cold_memory, "MiB")
  report("P3", "C on libbpf", floor_memory, "MiB")
  for _, peer in ipairs(peers) do
    if peer[2] then report("P3", peer[1], peer[3], "MiB") end
  end
end

-- Nanoseconds per event, over `count` events, each of which must arrive.
local function consume(command, count)
  local ok, output = shell(("%s %d 2>%s/errors"):format(command, count, scratch))
  local ns, sent, received = output:match("^(%d+) (%d+) (%d+)")
  if not ok or not ns then return nil, first_error() end
  if sent ~= received then return nil, ("%s of %s events arrived"):format(received, sent) end
  return tonumber(ns)
end

local function events()
  local lua <const> = ("lua5.4 %s/events.lua"):format(here)
  local headers <const> = bcc_environment()
  local compared <const> = quick and 10000 or 100000
  report("P4", "luabpf, one event, 3 fields", assert(consume(lua, compared)), "ns")
  local python, reason = nil, "there are no kernel headers"
  if headers then
    python, reason = consume(("%s/usr/bin/python3 %s/events.py"):format(headers, here), compared)
  end
  if python then report("P4", "BCC Python", python, "ns") else skip("P4", "BCC Python", reason) end
  for _, count in ipairs(quick and {2000} or {2000, 10000, 100000, 1000000}) do
    report("P4", ("luabpf, %d events"):format(count), assert(consume(lua, count)), "ns")
  end
end

-- Milliseconds to read a whole hash of structs, and each entry must be seen.
-- The second result is the part of it that is the kernel's, where that is known.
local function read_table(command, count)
  local ok, output = shell(("%s 2>%s/errors"):format(command, scratch))
  local us, seen, read = output:match("^(%d+) (%d+) ?(%d*)")
  if not ok or not us then return nil, first_error() end
  if tonumber(seen) ~= count then return nil, ("%s of %d entries came"):format(seen, count) end
  return tonumber(us) / 1000, (tonumber(read) or 0) / 1000
end

local function tables()
  local lua <const> = ("lua5.4 %s/tables.lua %%d"):format(here)
  local headers <const> = bcc_environment()
  local compared <const> = quick and 1000 or 10000
  local own_ms <const>, floor <const> = read_table(lua:format(compared), compared)
  report("P6", "luabpf, a hash of structs", assert(own_ms, floor), "ms")
  report("P6", "of that to have it read", floor, "ms")
  for _, way in ipairs {{"BCC Python", ""}, {"BCC Python, batch", " batch"}} do
    local ms, reason = nil, "there are no kernel headers"
    if headers then
      ms, reason = read_table(("%s/usr/bin/python3 %s/tables.py %d%s"):format(
        headers, here, compared, way[2]), compared)
    end
    if ms then report("P6", way[1], ms, "ms") else skip("P6", way[1], reason) end
  end
  for _, count in ipairs(quick and {100} or {1000, 10000, 100000, 1000000}) do
    report("P6", ("luabpf, %d entries"):format(count),
      assert(read_table(lua:format(count), count)), "ms")
  end
end

-- Runs a file that prints lines of its own: row, subject, figure, unit.
local function report_of(file)
  local ok <const>, output <const> = shell(("lua5.4 %s/%s %s %d %d 2>%s/errors"):format(
    here, file, scratch, quick and 1000 or 100000, rounds, scratch))
  if not ok then error(("bench: %s: %s"):format(file, first_error() or ""), 0) end
  for line in output:gmatch("[^\n]+") do
    local row, subject, figure, unit = line:match("^(.-)\t(.-)\t(.-)\t(.*)$")
    if figure == "-" then
      skip(row, subject, unit)
    else
      report(row, subject, tonumber(figure), unit)
    end
  end
end

-- Nanoseconds of a call of a traced process while a command takes its events: the least of some
-- rounds, for all that disturbs makes them more. And the share of the events that arrived.
local function cost_while(who, command, environment)
  local calls <const> = quick and 1000 or 50000
  local reader, sent, best = nil, 0, math.huge
  if command then
    reader = process.start(("env %s %s"):format(environment or "", command:format(who.pid)), 120)
    local ok, message = pcall(reader.wait_for, reader, "^ready")
    if not ok then return nil, message:match("[^\n]*") end
  end
  for _ = 1, quick and 1 or 10 do
    best = math.min(best, who:call(calls))
    sent = sent + calls
  end
  if not reader then return best, 1 end
  reader:signal("TERM")
  local _, output <const> = reader:finish()
  return best, (tonumber(output:match("%d+")) or 0) / sent
end

local function outputs()
  local headers <const> = bcc_environment()
  local who <const> = caller.start(quick and 0 or 1)
  local lua <const> = ("lua5.4 %s/output.lua %%d"):format(here)
  local subjects <const> = {
    {"luabpf, one event sent", lua},
    {"C on libbpf, no wake-ups", ("%s/output %s/output.o %%d"):format(scratch, scratch)},
    {"luabpf, mechanism=\"perf\"", lua .. " perf"},
  }
  if headers then
    subjects[4] = {"BCC Python", ("/usr/bin/python3 %s/output.py %%d"):format(here), headers}
  end
  local bare <const> = cost_while(who)
  for _, subject in ipairs(subjects) do
    local ns, share = cost_while(who, subject[2], subject[3])
    if ns then
      report("P5", ("%s (%.0f %%)"):format(subject[1], share * 100), math.max(ns - bare, 1), "ns")
    else
      skip("P5", subject[1], share)
    end
  end
  if not headers then skip("P5", "BCC Python", "there are no kernel headers") end
  who:close()
end

local ok, message = pcall(function()
  build()
  print(("%-3s %-34s %10s %-4s %10s"):format("row", "subject", "figure", "unit", "to luabpf"))
  starts()
  events()
  tables()
  report_of("mechanisms.lua")
  report_of("uprobes.lua")
  report_of("symbols.lua")
  outputs()
end)
shell("rm -rf " .. scratch)
if not ok then
  io.stderr:write(tostring(message), "\n")
  os.exit(1)
end
