-- Symbols that a stripped program keeps in a separate debug file: found by checksum and by build
-- id, and not taken from a file that belongs to another build.
local bpf <const> = require "bpf"
local script <const> = require "spec.support.script"

local count <const> = 13
local missing <const> = not bpf.features().uprobe.available and bpf.features().uprobe.reason

local function it_with_uprobes(name, test)
  it(name, missing and function() pending("needs uprobes: " .. missing) end or test)
end

local source <const> = [[
static __attribute__((noinline, noclone)) int hidden(int number) {
  __asm__ volatile("" : "+r"(number)); return number * VALUE;
}
int main(void) {
  int sum = 0;
  for (int i = 0; i < %d; i++) sum += hidden(i);
  return sum < 0;
}
]]

-- Attaches in a process of its own, because of the environment, and prints the count.
local attach <const> = [[
local bpf = require "bpf"
local b <close> = bpf.BPF{text = "BPF_HASH(seen, u32, u64);"
  .. "int on_hidden(void *ctx) { seen.increment(1); return 0; }"}
local good, e = pcall(b.attach_uprobe, b, {name = %q, sym = "hidden", fn_name = "on_hidden"})
if not good then print(e.message) return end
os.execute(%q)
print(b.seen[1])
]]

describe("a separate debug file", function()
  local folder, program

  local function run(command, ...)
    assert(os.execute(command:format(...)), command:format(...))
  end

  local function build(options)
    local file <const> = assert(io.open(folder .. "/program.c", "w"))
    file:write(source:format(count))
    file:close()
    run("gcc -O1 %s -o %s %s.c", options, program, program)
    run("objcopy --only-keep-debug %s %s.debug", program, program)
    run("strip %s", program)
  end

  local function outcome(before)
    local _, out <const> = script.run(attach:format(program, program), before)
    return (out:gsub("%s+$", ""))
  end

  local function build_id()
    local pipe <const> = io.popen("readelf -n " .. program)
    local id <const> = pipe:read("a"):match("Build ID: (%x+)")
    pipe:close()
    return id:sub(1, 2), id:sub(3)
  end

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    run("mkdir %s", folder)
    program = folder .. "/program"
  end)
  after_each(function() run("rm -r %s", folder) end)

  it_with_uprobes("is found by the name in the program, beside it and in .debug/", function()
    build("-DVALUE=3 -Wl,--build-id=none")
    assert.truthy(outcome():find("could not determine address of symbol hidden", 1, true))
    run("cd %s && objcopy --add-gnu-debuglink=program.debug program", folder)
    assert.equal(tostring(count), outcome())
    run("mkdir %s/.debug && mv %s.debug %s/.debug/", folder, program, folder)
    assert.equal(tostring(count), outcome())
    run("mkdir -p %s/root%s && mv %s/.debug/* %s/root%s/", folder, folder, folder, folder, folder)
    assert.equal(tostring(count), outcome("env BCC_DEBUGINFO_ROOT=" .. folder .. "/root"))
  end)

  it_with_uprobes("is not taken when its checksum is wrong", function()
    build("-DVALUE=3 -Wl,--build-id=none")
    run("cd %s && objcopy --add-gnu-debuglink=program.debug program", folder)
    run("printf x >> %s.debug", program)
    assert.truthy(outcome():find("could not determine address of symbol hidden", 1, true))
  end)

  it_with_uprobes("is found by build id, unless it has another one", function()
    build("-DVALUE=3 -Wl,--build-id")
    local first <const>, rest <const> = build_id()
    local root <const> = folder .. "/root/.build-id/" .. first
    run("mkdir -p %s && mv %s.debug %s/%s.debug", root, program, root, rest)
    local environment <const> = "env BCC_DEBUGINFO_ROOT=" .. folder .. "/root"
    assert.equal(tostring(count), outcome(environment))
    run("mv %s %s.old", program, program)
    build("-DVALUE=5 -Wl,--build-id")
    run("mv %s.debug %s/%s.debug && mv %s.old %s", program, root, rest, program, program)
    assert.truthy(outcome(environment):find("could not determine", 1, true))
  end)

  it_with_uprobes("is found among what debuginfod's client fetched #any_kernel", function()
    build("-DVALUE=3 -Wl,--build-id")
    local first <const>, rest <const> = build_id()
    local fetched <const> = folder .. "/debuginfod_client/" .. first .. rest
    run("mkdir -p %s && mv %s.debug %s/debuginfo", fetched, program, fetched)
    assert.equal(tostring(count), outcome("env XDG_CACHE_HOME=" .. folder))
    assert.equal(tostring(count),
      outcome(("env DEBUGINFOD_CACHE_PATH=%s/debuginfod_client"):format(folder)))
    assert.truthy(outcome("env DEBUGINFOD_CACHE_PATH=" .. folder):find("could not determine", 1,
      true))
  end)

  it_with_uprobes("is the same build under $BCC_SYMFS #any_kernel", function()
    build("-DVALUE=3 -Wl,--build-id")
    local environment <const> = ("env BCC_SYMFS=%s/symfs"):format(folder)
    run("mkdir -p %s/symfs%s && mv %s.debug %s/symfs%s", folder, folder, program, folder, program)
    assert.equal(tostring(count), outcome(environment))
    build("-DVALUE=5 -Wl,--build-id")
    assert.truthy(outcome(environment):find("could not determine", 1, true))
  end)

  it_with_uprobes("is never waited for", function()
    build("-DVALUE=3 -Wl,--build-id=none")
    run("cd %s && objcopy --add-gnu-debuglink=program.debug program", folder)
    run("rm %s.debug && mkfifo %s.debug", program, program)
    assert.truthy(outcome("timeout 100"):find("could not determine", 1, true))
  end)
end)
