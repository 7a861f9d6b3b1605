-- The cache of compiled programs: seen, cleared, switched off, shared by many processes at once.
local script <const> = require "spec.support.script"

local function new_folder()
  local path <const> = os.tmpname()
  os.remove(path)
  return path
end

local text <const> = [==[
local bpf = require "bpf"
-- not found in this file, so its place is no part of the key
local program = ("int probe(void *ctx) { return @; }"):gsub("@", "%d")
local b <close> = bpf.BPF{cache = %s, text = program}
local cache = bpf.cache()
print(cache.entries, cache.bytes > 0, cache.folder)]==]

local function run(folder, option, number)
  local status <const>, out <const>, errors <const> =
    script.run(text:format(number or 0, option), "env LUABPF_CACHE=" .. folder)
  assert.equal("", errors)
  assert.equal(0, status)
  return out
end

local function command(folder, arguments)
  local pipe <const> = io.popen(("LUABPF_CACHE=%s LUABPF_BUILD=%s ./luabpf cache %s 2>&1"):format(
    folder, os.getenv("LUABPF_BUILD") or "build/release", arguments))
  local out <const> = pipe:read("a")
  local _, _, status <const> = pipe:close()
  return out, status
end

describe("the cache #any_kernel", function()
  it("holds each program once", function()
    local folder <const> = new_folder()
    assert.equal("1\ttrue\t" .. folder .. "\n", run(folder, "true"))
    assert.equal("1\ttrue\t" .. folder .. "\n", run(folder, "nil"))
    assert.equal("2\ttrue\t" .. folder .. "\n", run(folder, "nil", 1))
    os.execute("rm -r " .. folder)
  end)

  it("is left alone when the script wants none", function()
    local folder <const> = new_folder()
    assert.equal("0\tfalse\t" .. folder .. "\n", run(folder, "false"))
    run(folder, "true")
    -- not read, either: an entry that cannot be used would be replaced
    os.execute(("truncate -s 5 %s/*.o"):format(folder))
    assert.equal("1\ttrue\t" .. folder .. "\n", run(folder, "false"))
    os.execute("rm -r " .. folder)
  end)

  it("is shown and cleared by a command, which touches nothing else", function()
    local folder <const> = new_folder()
    assert.equal(("folder   %s\nprograms 0\nsize     0.0 of 64 MB\n"):format(folder),
      (command(folder, "")))
    run(folder, "true")
    run(folder, "true", 1)
    os.execute("touch " .. folder .. "/mine.o")
    assert.truthy(command(folder, ""):find("\nprograms 2\nsize     0%.%d of 64 MB\n"))
    assert.equal("removed 2 programs\n", (command(folder, "--clear")))
    assert.equal("removed 0 programs\n", (command(folder, "--clear")))
    assert.truthy(os.remove(folder .. "/mine.o"))
    assert.truthy(os.remove(folder))
    assert.equal("the cache is off\n", (command("''", "")))
  end)

  it("forgets programs when a header of the prelude is changed, or one is added", function()
    local folder <const> = new_folder()
    local build <const> = os.getenv("LUABPF_BUILD") or "build/release"
    assert(os.execute(("mkdir %s && cp -pr %s/lib/bpf %s"):format(folder, build, folder)))
    local place <const> = ("%s/cache LUA_CPATH_5_4='%s/?.so'"):format(folder, folder)
    local function entries() return tonumber(run(place, "true"):match("^%d+")) end
    assert.equal(1, entries())
    assert.equal(1, entries())
    os.execute("echo >> " .. folder .. "/bpf/include/lbpf/maps/keyed.h")
    assert.equal(2, entries())
    os.execute("touch " .. folder .. "/bpf/include/lbpf/kernel/new.h")
    assert.equal(3, entries())
    assert.equal(3, entries())
    os.execute("rm -r " .. folder)
  end)

  it("gives up what was not used for longest, so that it stays within 64 MB", function()
    local folder <const> = new_folder()
    run(folder, "true")
    os.execute(("touch -d '9 days ago' %s/*.o"):format(folder))
    run(folder, "true") -- used, and so new again
    local function add(name, days, size)
      os.execute(("truncate -s %s %s/%s && touch -d '%d days ago' %s/%s"):format(size, folder, name,
        days, folder, name))
    end
    for days = 1, 4 do add(("%032x.o"):format(days), days, "16M") end
    add(("0"):rep(32) .. "~half-written", 1, 1)
    add(("0"):rep(32) .. "~being-written", 0, 1)
    assert.equal("5\ttrue\t" .. folder .. "\n", run(folder, "true", 1))
    local pipe <const> = io.popen(("cd %s && LC_ALL=C ls 00000000*"):format(folder))
    assert.equal(("0"):rep(32) .. "~being-written\n" .. ("%032d.o\n"):rep(3):format(1, 2, 3),
      pipe:read("a"))
    pipe:close()
    os.execute("rm -r " .. folder)
  end)

  it("command refuses what it does not know", function()
    local out <const>, status <const> = command("''", "--cler")
    assert.equal("usage: luabpf cache [--clear]\n", out)
    assert.equal(2, status)
  end)

  it("is safe under many processes", function()
    local folder <const> = new_folder()
    local running <const> = {}
    for i = 1, 6 do
      running[i] = script.start([==[
for i = 1, 4 do
  local b <close> = require "bpf".BPF{text = "int probe(void *ctx) { return " .. i .. "; }"}
  assert(#b:dump_func("probe") == 16)
end]==], "env LUABPF_CACHE=" .. folder)
    end
    for _, process in ipairs(running) do assert.same({0, "", ""}, {process:finish()}) end
    local pipe <const> = io.popen("ls -A " .. folder)
    local names <const> = pipe:read("a")
    pipe:close()
    os.execute("rm -r " .. folder)
    assert.equal(4, select(2, names:gsub("%.o\n", "")))
    assert.falsy(names:find("~", 1, true), names)
  end)
end)
