-- luabpf inside other programs: the examples in docs/examples do what they say, and the process
-- around a Lua state stays as it was.

local features = require "bpf".features()
local process = require "spec.support.process"

local traced_file = [[
local bpf = require "bpf"
local b = bpf.BPF { text = [=[
BPF_PERF_OUTPUT(calls);
BPF_HASH(count, u32, u64);
TRACEPOINT_PROBE(syscalls, sys_enter_getpgid)
{
    u32 one = 1;
    count.atomic_increment(one);
    calls.perf_submit(args, &one, sizeof(one));
    return 0;
}
]=], cache = false }
local seen = 0
b.calls:open_perf_buffer(function() seen = seen + 1 end)
local child = bpf.spawn("true"):start()
child:wait()
bpf.until_interrupted(function() b:perf_buffer_poll(1) end)
b:sym(1, child:pid())
b:ksym(0xffffffff81000000)
assert(not pcall(bpf.BPF, { text = "not C" }))
assert(not pcall(b.attach_tracepoint, b, { tp = "no:such", fn_name = "x" }))
for _ in pairs(b.count) do end
]]

local function paths()
  return ("LUA_PATH='%s' LUA_CPATH='%s'"):format(package.path, package.cpath)
end

-- A module that was built with sanitizers takes a program with them.
local function sanitizers()
  local module <close> = assert(io.open(package.searchpath("bpf.core", package.cpath), "rb"))
  return module:read("a"):find("libasan", 1, true) and "-fsanitize=address,undefined" or ""
end

local function build(source)
  local path = os.tmpname()
  assert(os.execute(("gcc -std=gnu11 -O1 -Wall -Wextra -Werror %s -o %s %s "
    .. "$(pkg-config --cflags --libs lua5.4)"):format(sanitizers(), path, source)))
  return path
end

local function needs_tracepoints()
  local feature = features.tracepoint
  if not feature.available then
    pending("needs tracepoints: " .. feature.reason)
  end
  return feature.available
end

describe("luabpf inside a program #any_kernel", function()
  it("works in two states with the program's own loop", function()
    if not needs_tracepoints() then return end
    local program = build("docs/examples/embed.c")
    local running = process.start(("env %s %s 3"):format(paths(), program))
    running:wait_for("^tracing$")
    for _ = 1, 3 do
      os.execute("exec true")
    end
    local status, out = running:finish()
    os.remove(program)
    assert.equal(0, status)
    assert.is_true(select(2, out:gsub("start\ttrue\n", "")) >= 3)
    assert.is_true(tonumber(out:match("exits\t(%d+)\n")) >= 3)
  end)

  it("works in a Lua program with its own loop", function()
    if not needs_tracepoints() then return end
    local status, out = process.run(("env %s lua5.4 docs/examples/embed.lua cat /etc/hostname")
      :format(paths()))
    assert.equal(0, status)
    assert.truthy(out:find("open\t/etc/hostname\n", 1, true))
    assert.truthy(out:find("end\texit\t0\n$"))
  end)

  it("follows a command and what it starts", function()
    if not needs_tracepoints() then return end
    local status, out = process.run(("env %s lua5.4 docs/examples/build_files.lua --top 1000 -- "
      .. "sh -c 'cat LICENSE LICENSE > /dev/null; exec cat README.md > /dev/null'"):format(paths()))
    assert.equal(0, status)
    local bytes, times = out:match("(%d+) +(%d+) [^\n]*/LICENSE\n")
    assert.same({ "11358", "2" }, { bytes, times })
    assert.equal("1", out:match("%d +(%d+) [^\n]*/README.md\n"))
    local last = math.maxinteger
    for size in out:gmatch("\n +(%d+)") do
      assert.is_true(tonumber(size) <= last)
      last = tonumber(size)
    end
  end)

  it("leaves the process as it was", function()
    if not needs_tracepoints() then return end
    local program, file = build("spec/support/side_effects.c"), os.tmpname()
    local script = assert(io.open(file, "w"))
    script:write(traced_file)
    script:close()
    local status, out, errors = process.run(("env %s %s %s"):format(paths(), program, file))
    os.remove(program)
    os.remove(file)
    assert.equal("", errors)
    assert.equal(0, status)
    assert.truthy(out:find("^%d%d%d facts, 0 differences\n$"), out)
  end)
end)
