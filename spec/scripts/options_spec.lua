-- What all tools have in common on their command line.

local process = require "spec.support.process"
local tool = require "spec.support.tool"
local script_help = require "bpf.script_help"

local without_options = {
  bitehist = true, hello_fields = true, hello_perf_output = true, hello_world = true,
  task_switch = true,
}

-- What these trace belongs to no process: the kernel does it at a time of its own.
local of_no_process = { biolatency = true, tcpretrans = true }

local function tools()
  local names = {}
  local pipe <close> = io.popen("ls scripts")
  for file in pipe:lines() do
    local name = file:match("^(.*)%.lua$")
    if not without_options[name] then names[#names + 1] = name end
  end
  return names
end

describe("each tool #any_kernel", function()
  it("says in its help how to choose processes, how long, and how to print", function()
    for _, name in ipairs(tools()) do
      local help = script_help("scripts/" .. name .. ".lua")
      local expected = { "--command", "--duration", "--json", "--debug" }
      if not of_no_process[name] then
        for _, option in ipairs{ "-p", "--pid", "-n", "--name", "--cgroup", "--cgroupmap",
          "--mntnsmap" } do
          expected[#expected + 1] = option
        end
      end
      for _, option in ipairs(expected) do
        assert.truthy(help:find("%f[%-]" .. option:gsub("%-", "%%-") .. "%f[%s,]"),
          name .. " has no " .. option)
      end
    end
  end)

  it("refuses a wrong value with one line and status 2", function()
    for _, name in ipairs(tools()) do
      local status, out, errors = process.run("./luabpf " .. name .. " -d soon")
      assert.same({ 2, "" }, { status, out })
      assert.equal(("%s: 'soon' is no number; luabpf %s --help shows the options\n"):format(
        name, name), errors)
    end
  end)

  it("refuses what it does not know, and what can not be at once", function()
    for given, words in pairs{
      ["opensnoop --durations 1"] = "'--duration'", ["killsnoop -p 1 -c true"] = "can not be used",
      ["tcpconnect -P 80,x"] = "'x' is no port", ["execsnoop -u nobody-like-that"] = "no user",
      ["biolatency -n a"] = "'-n'", ["vfsstat -n 0123456789abcdef"] = "1 to 15 bytes",
      ["trace -b 3 a"] = "no power of two", ["syscount -e ENOTHING"] = "ENOTHING",
      ["profile -F 0"] = "from 1 to", ["offcputime --flamegraph /missing/a"] = "/missing/a",
      ["execsnoop -l ["] = "no regular expression",
      ["execsnoop -n '*a'"] = "no regular expression", ["profile -p 1,-2"] = "'-2' is no id",
    } do
      local status, out, errors = process.run("./luabpf " .. given)
      assert.same({ 2, "" }, { status, out }, given)
      assert.truthy(errors:find(words, 1, true), errors)
      assert.equal(1, select(2, errors:gsub("\n", "")))
    end
  end)

  it("takes underscores in long names, as BCC's do", function()
    local status, out = process.run(
      "./luabpf opensnoop --extended_fields --flag_filter=O_PATH -d 0")
    assert.equal(0, status)
    assert.truthy(out:find(" FLAGS ", 1, true), out)
  end)

  it("is compiled once for all processes", function()
    local cache = os.tmpname()
    os.remove(cache)
    for pid = 101, 103 do
      local status, _, errors = process.run(
        ("env LUABPF_CACHE=%s ./luabpf killsnoop -p %d -d 0"):format(cache, pid))
      assert.same({ 0, "" }, { status, errors })
    end
    local pipe <close> = io.popen(("ls %s/*.o | wc -l; rm -r %s"):format(cache, cache))
    assert.equal(1, pipe:read("n"))
  end)

  it("shows only processes of a cgroup, and those below it", function()
    local mount <close> = io.popen("findmnt -n -t cgroup2 -o TARGET | head -1")
    local folder = (mount:read("l") or "/none") .. "/luabpf-spec"
    if not os.execute(("mkdir -p %s/below 2> /dev/null"):format(folder)) then
      pending("needs a cgroup (v2) that it may make others in")
      return
    end
    local records = tool.records("killsnoop -s 0 --cgroup " .. folder, function()
      for place, count in pairs{ [""] = 3, ["/below"] = 2, ["/.."] = 4 } do
        local text = ("echo $$ > %s%s/cgroup.procs; "):format(folder, place)
        assert(os.execute(text .. ("kill -0 $$; "):rep(count)))
      end
    end)
    os.execute(("rmdir %s/below %s"):format(folder, folder))
    assert.equal(5, #records)
  end)

  it("takes a cgroup whose name has spaces #any_kernel", function()
    local folder = os.tmpname()
    os.remove(folder)
    if not os.execute(("mkdir %s && mount -t cgroup2 none %s 2>/dev/null"):format(folder, folder))
    then
      os.remove(folder)
      return pending("needs a mount of cgroup2")
    end
    local group = folder .. "/luabpf spec  *"
    os.execute(("mkdir '%s'"):format(group))
    local good, text = pcall(require "bpf.tool_filter".of_current, { cgroup = group })
    local pipe = io.popen(("stat -c %%i '%s'"):format(group))
    local number = pipe:read("n")
    pipe:close()
    os.execute(("rmdir '%s'; umount %s; rmdir %s"):format(group, folder, folder))
    assert.is_true(good, text)
    assert.truthy(text:find(("!= %dULL"):format(number), 1, true), text)
  end)

  it("says what is wrong with a cgroup", function()
    local status, out, errors = process.run("./luabpf opensnoop --cgroup /tmp")
    assert.same({ 1, "", "opensnoop: /tmp is no cgroup (v2)\n" }, { status, out, errors })
  end)
end)
