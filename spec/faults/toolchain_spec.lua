-- What the machine may lack: the compiler, rights, room for the cache. Each in a process
-- of its own.
local process <const> = require "spec.support.process"
local script <const> = require "spec.support.script"

-- Prints what came of opening and of attaching, then what is still open.
local text <const> = [==[
local bpf = require "bpf"
local function describe(name, good, e)
  if good then print(name, "good") return end
  print(name, e.op, e.errno, (tostring(e):gsub("\n", " ")))
end
local program = ([[
BPF_HASH(@, u32, u64);
int probe(void *ctx) {
  @.increment(1);
  return 0;
}]]):gsub("@", "seen") -- not found in this file, so its place is no part of the cache's key
local good, b = pcall(bpf.BPF, {text = program})
describe("open", good, b)
if good then
  describe("attach", pcall(b.attach_uprobe, b, {name = "c", sym = "strlen", fn_name = "probe"}))
  b:close()
end
b = nil
collectgarbage()
collectgarbage()
local pid = io.open("/proc/self/stat"):read("n")
collectgarbage()
os.execute("ls -l /proc/" .. pid .. "/fd | grep -c 'anon_inode\\|memfd' || true")
]==]

-- The lines that a run of it prints, by their first word; and the number of files left open.
local function outcome(before)
  local status <const>, out <const>, errors <const> = script.run(text, before)
  assert.equal("", errors)
  assert.equal(0, status)
  local found <const> = {}
  for line in out:gmatch("[^\n]+") do
    local name <const>, rest <const> = line:match("^(%a+)\t(.*)$")
    if name then found[name] = rest else found.files = line end
  end
  assert.equal("0", found.files)
  return found
end

-- All of a list, or its start where processes take long to start: none of this is the kernel's.
local function some(list)
  return os.getenv("LUABPF_SLOW") and table.move(list, 1, 2, 1, {}) or list
end

local function new_folder()
  local path <const> = os.tmpname()
  os.remove(path)
  assert(os.execute("mkdir -m 700 " .. path))
  return path
end

-- The names in a folder, hidden ones too.
local function names_in(folder)
  local pipe <const> = io.popen("ls -A " .. folder)
  local list <const> = {}
  for name in pipe:lines() do list[#list + 1] = name end
  pipe:close()
  return list
end

describe("without the compiler", function()
  it("says what to install or to set", function()
    local e = outcome("env LUABPF_CACHE= LUABPF_CLANG=/nonexistent").open
    assert.truthy(e:find("^compile\t2\t"), e)
    assert.truthy(e:find("LUABPF_CLANG is /nonexistent", 1, true), e)
    e = outcome("env LUABPF_CACHE= LUABPF_CLANG=/bin/true").open
    assert.truthy(e:find("^compile\t"), e)
    assert.truthy(e:find("LUABPF_CLANG", 1, true), e)
  end)

  it("finds none in an empty PATH, unless it lies where Debian puts it", function()
    if not os.execute("unshare -m true 2> /dev/null") then return pending("needs unshare -m") end
    -- Nor beside the module, where one of our own may lie.
    local own <const> = (os.getenv("LUABPF_BUILD") or "build/release") .. "/lib/bpf/clang"
    local status <const>, out <const> = script.run(
      "print(pcall(require 'bpf'.BPF, {text = 'int probe(void *ctx) { return 0; }'}))",
      "unshare -m sh -c 'for d in /usr/lib/llvm-*; do mount -t tmpfs none $d || exit 1; done; "
      .. ("if [ -e %s ]; then mount --bind /dev/null %s || exit 1; fi; "):format(own, own)
      .. "PATH=/nonexistent LUABPF_CACHE= exec /usr/bin/lua5.4 $2' sh")
    assert.equal(0, status)
    assert.truthy(out:find("install the package clang%-%d+"), out)
  end)
end)

describe("without rights", function()
  it("says which right is missing", function()
    local nobody <const> = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    local build <const> = os.getenv("LUABPF_BUILD") or "build/release"
    if not os.execute(nobody .. " test -r " .. build .. "/lib/bpf/core.so") then
      return pending("needs root, setpriv, and a build folder that other users can read")
    end
    local e = outcome(nobody .. " env LUABPF_CACHE=").open
    assert.truthy(e:find("CAP_BPF and CAP_PERFMON", 1, true), e)
    assert.truthy(e:find("run it as root", 1, true), e)
    e = select(2, script.run([==[
print(pcall(require "bpf".BPF,
  {text = "TRACEPOINT_PROBE(sched, sched_switch) { return args->next_pid; }"}))
]==], nobody .. " env LUABPF_CACHE="))
    assert.truthy(e:find("run it as root", 1, true), e)
  end)
end)

describe("the cache", function()
  it("keeps what it compiled, once, and nothing half written", function()
    local folder <const> = new_folder()
    for _ = 1, 2 do assert.equal("good", outcome("env LUABPF_CACHE=" .. folder).attach) end
    local names <const> = names_in(folder)
    assert.equal(1, #names)
    assert.truthy(names[1]:find("^%x+%.o$"))
    os.execute("rm -r " .. folder)
  end)

  it("is done without where it cannot be written", function()
    for _, path in ipairs(some{ "/proc/nothing", "/dev/null", "/dev/null/below", "/etc/passwd" }) do
      assert.equal("good", outcome("env LUABPF_CACHE=" .. path).attach)
    end
    assert.equal("good", outcome("env -u LUABPF_CACHE HOME=/nonexistent").attach)
    assert.equal("good", outcome("env -u LUABPF_CACHE -u HOME").attach)
  end)

  it("is done without on a full disk", function()
    if not os.execute("unshare -m true 2> /dev/null") then return pending("needs unshare -m") end
    local folder <const> = new_folder()
    local full <const> = ("unshare -m sh -c 'mount -t tmpfs -o size=4k,mode=700 none %s && "
      .. "\"$@\" && ls -A %s > %s.left' sh env LUABPF_CACHE=%s"):format(folder, folder, folder,
        folder)
    local found <const> = outcome(full .. " ")
    assert.equal("good", found.open)
    assert.equal("good", found.attach)
    local left <const> = assert(io.open(folder .. ".left"))
    assert.equal("", left:read("a"))
    left:close()
    os.execute(("rm -rf %s %s.left"):format(folder, folder))
  end)

  it("recovers from damage of any kind", function()
    local folder <const> = new_folder()
    local run <const> = "env LUABPF_CACHE=" .. folder
    assert.equal("good", outcome(run).attach)
    local path <const> = folder .. "/" .. names_in(folder)[1]
    for _, damage in ipairs(some{
      "truncate -s 100 @", "truncate -s -1 @", "truncate -s 0 @", "truncate -s +1 @",
      "head -c 30000 /dev/urandom > @",
      -- bytes of the object itself, which comes last
      "printf '\\377' | dd of=@ bs=1 seek=$(($(stat -c %s @) - 3000)) conv=notrunc status=none",
      "printf 'XXXX' | dd of=@ bs=1 seek=$(($(stat -c %s @) - 500)) conv=notrunc status=none",
      -- an offset in the last section header, which libelf and libbpf follow
      "printf '\\377' | dd of=@ bs=1 seek=$(($(stat -c %s @) - 36)) conv=notrunc status=none",
      "{ rm @; mkdir @; }", "{ rmdir @; ln -s /etc/passwd @; }", "{ rm @; mkfifo -m 600 @; }",
    }) do
      assert(os.execute((damage:gsub("@", path))))
      local found <const> = outcome(run)
      assert.equal("good", found.open, damage)
      assert.equal("good", found.attach, damage)
    end
    os.execute("rm -rf " .. folder)
  end)

  it("takes nothing from others", function()
    local folder <const> = new_folder()
    local run <const> = "env LUABPF_CACHE=" .. folder
    assert.equal("good", outcome(run).attach)
    local path <const> = folder .. "/" .. names_in(folder)[1]
    for _, change in ipairs(some{
      "chown 65534 " .. path, "chmod 777 " .. folder, "chmod 666 " .. path,
      "chown 65534 " .. folder,
    }) do
      assert(os.execute(change))
      assert.equal("good", outcome(run).attach, change)
    end
    os.execute("rm -rf " .. folder)
    assert.equal("", process.defined_probes())
  end)
end)
