-- Addresses of other processes turned into names, wherever the names have to be looked for.
local bpf <const> = require "bpf"
local process <const> = require "spec.support.process"
local script <const> = require "spec.support.script"
local zip <const> = require "spec.support.zip"

local BPF <const> = bpf.BPF
local both <const> = { show_module = true, show_offset = true }
local with_module <const> = { show_module = true }

describe("BPF.sym #any_kernel", function()
  local folder, started

  local function run(command, ...)
    local text <const> = command:format(...)
    assert(os.execute(text), text)
  end

  local function build(name, options)
    run("gcc -O1 -w -o %s/%s spec/support/symbols.c %s 2>/dev/null", folder, name, options or "")
    return folder .. "/" .. name
  end

  local function stop(subject)
    if started[subject] then
      started[subject] = nil
      subject:signal("KILL")
      subject:finish()
    end
  end

  -- Reads what a subject says of itself: its addresses by name.
  local function places_of(subject)
    local places <const> = {}
    for line in function() return subject:line() end do
      if line == "ready" then return places end
      local name <const>, address <const> = line:match("^(%S+) (%x+)$")
      places[name] = tonumber(address, 16)
    end
    error("the subject ended")
  end

  -- Starts a subject: the process, and its addresses by name.
  local function start(command, ...)
    local subject <const> = process.start(command:format(...))
    started[subject] = true
    return subject, places_of(subject)
  end

  local function write(path, text, mode)
    local file <const> = assert(io.open(path, mode or "w"))
    file:write(text)
    file:close()
  end

  local function library(name)
    write(folder .. "/late.c", "int late(void) { return 1; }\n")
    run("gcc -shared -fPIC -o %s/%s %s/late.c", folder, name, folder)
    return folder .. "/" .. name
  end

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    run("mkdir %s", folder)
    started = {}
  end)

  after_each(function()
    for subject in pairs(started) do stop(subject) end
    os.execute("rm -rf " .. folder)
    BPF.free_bcc_memory()
  end)

  it("names functions of executables, libraries and the vDSO, static ones too", function()
    for _, option in ipairs{ "-pie -fPIE", "-no-pie -fno-pie", "-static-pie -fPIE",
      "-Wl,-z,noseparate-code" } do
      local subject <const>, at <const> = start("%s", build("subject", option))
      assert.equal("hidden+0x0 [subject]", BPF.sym(at.hidden, subject.pid, both), option)
      assert.equal("visible+0x3 [subject]", BPF.sym(at.visible + 3, subject.pid, both), option)
      stop(subject)
    end
    local subject <const>, at <const> = start("%s", build("subject"))
    assert.equal("qsort+0x2 [libc.so.6]", BPF.sym(at.qsort + 2, subject.pid, both))
    local cache <close> = BPF.SymbolCache(subject.pid)
    local clock <const> = cache:resolve_name("[vdso]", "clock_gettime")
    assert.equal("clock_gettime", (cache:resolve(clock + 1)))
    assert.same({ "hidden", 2, folder .. "/subject" }, { cache:resolve(at.hidden + 2) })
    assert.equal(at.qsort, cache:resolve_name("libc.so.6", "qsort"))
    assert.equal(at.hidden, cache:resolve_name(nil, "hidden"))
    assert.is_nil(cache:resolve_name("libc.so.6", "hidden"))
    assert.same({}, cache:problems())
  end)

  it("names functions of 32-bit processes, their stubs and their vDSO", function()
    if not os.execute(("gcc -m32 -O1 -w -o %s/subject spec/support/symbols.c 2>/dev/null"):format(
      folder)) then
      return pending("needs gcc for 32 bits (package gcc-multilib)")
    end
    for _, option in ipairs{ "-pie -fPIE", "-no-pie -fno-pie" } do
      local subject <const>, at <const> = start("%s", build("subject", "-m32 " .. option))
      assert.equal("hidden+0x1 [subject]", BPF.sym(at.hidden + 1, subject.pid, both), option)
      assert.equal("qsort [libc.so.6]", BPF.sym(at.qsort, subject.pid, with_module))
      assert.equal("getppid@plt", BPF.sym(at.stub + 1, subject.pid), option)
      local cache <close> = BPF.SymbolCache(subject.pid)
      local clock <const> = cache:resolve_name("[vdso]", "__vdso_clock_gettime")
      assert.equal("__vdso_clock_gettime+0x1 [[vdso]]", BPF.sym(clock + 1, subject.pid, both))
      assert.is_true(clock > at.vdso and clock < at.vdso + 65536)
      assert.same({}, cache:problems())
    end
  end)

  it("names linkage stubs after what they call", function()
    for _, option in ipairs{ "-Wl,-z,lazy -fcf-protection=none", "-Wl,-z,now", "-no-pie -fno-pie",
      "-Wl,-z,ibtplt -fcf-protection=full" } do
      local subject <const>, at <const> = start("%s", build("subject", option))
      if at.stub == 0 then return pending("needs x86-64") end
      assert.equal("getppid@plt", BPF.sym(at.stub + 1, subject.pid), option)
    end
  end)

  it("demangles C++ and Rust unless told not to", function()
    local subject <const>, at <const> = start("%s", build("subject"))
    assert.equal("void outer::inner<int>(int const&)", BPF.sym(at.cpp, subject.pid))
    assert.equal("mycrate::foo::bar", BPF.sym(at.rust, subject.pid))
    assert.equal("_RNvXYFFFFFFFFFGFFFFFFYFFFFFFFFFFNvYF_", BPF.sym(at.endless, subject.pid))
    assert.equal("_ZN5outer5innerIiEEvRKi", BPF.sym(at.cpp, subject.pid, { demangle = false }))
    assert.equal("_ZN5outer5innerIiEEvRKi+0x1 [subject]", BPF.sym{ addr = at.cpp + 1,
      pid = subject.pid, show_module = true, show_offset = true, demangle = false })
  end)

  it("knows a stripped file's module, and its functions by debug files and MiniDebugInfo",
    function()
    local function hidden_of(prepare)
      local path <const> = build("subject", "-g -Wl,--build-id=none")
      run("objcopy --only-keep-debug %s %s.debug && strip %s", path, path, path)
      if prepare then prepare(path) end
      local subject <const>, at <const> = start("%s", path)
      return BPF.sym(at.hidden + 1, subject.pid, both)
    end
    assert.equal("[unknown] [subject]", hidden_of(nil))
    assert.equal("hidden+0x1 [subject]", hidden_of(function(path)
      run("cd %s && objcopy --add-gnu-debuglink=subject.debug subject", folder)
      assert(path)
    end))
    run("rm %s/*.debug", folder)
    assert.equal("hidden+0x1 [subject]", hidden_of(function(path)
      run("strip -g -o %s/mini %s.debug && xz -k %s/mini && rm %s.debug", folder, path, folder,
        path)
      run("objcopy --add-section .gnu_debugdata=%s/mini.xz %s", folder, path)
    end))
  end)

  it("says what is unknown as BCC does", function()
    local subject <const>, at <const> = start("%s", build("subject"))
    assert.equal("[unknown]", BPF.sym(1, subject.pid, both))
    assert.equal("[unknown]", BPF.sym(at.jit, subject.pid, both))
    assert.equal("[unknown]", BPF.sym(at.hidden, 0x7ffffff0, both))
    assert.equal(BPF.ksym(BPF.ksymname("schedule") + 1, both),
      BPF.sym(BPF.ksymname("schedule") + 1, -1, both))
    assert.error_matches(function() BPF.sym(1) end, "pid")
    assert.error_matches(function() BPF.sym("x", 1, { show_modul = true }) end, "did you mean")
  end)

  it("follows a process that loads a library, becomes another program, and ends", function()
    local late <const> = library("late.so")
    local subject <const>, at <const> = start("%s %s %s", build("first"), late, build("second"))
    assert.equal("hidden [first]", BPF.sym(at.hidden, subject.pid, with_module))
    subject:signal("USR1")
    local place <const> = tonumber(subject:line():match("^late (%x+)$"), 16)
    assert.equal("late [late.so]", BPF.sym(place, subject.pid, with_module))
    subject:signal("USR2")
    local now <const> = places_of(subject)
    assert.equal("hidden [second]", BPF.sym(now.hidden, subject.pid, with_module))
    stop(subject)
    assert.equal("hidden [second]", BPF.sym(now.hidden, subject.pid, with_module))
    assert.equal("qsort", BPF.sym(now.qsort, subject.pid))
  end)

  it("reads files that have no name any more", function()
    local path <const> = build("subject")
    local subject <const>, at <const> = start("%s", path)
    os.remove(path)
    build("subject", "-DPLACE=") -- another file under the same name
    assert.equal("hidden [subject (deleted)]", BPF.sym(at.hidden, subject.pid, with_module))
    local memory <const>, there <const> = start([[python3 -c '
import os, sys
fd = os.memfd_create("code", 0)
os.write(fd, open("%s", "rb").read())
os.execv("/proc/self/fd/%%d" %% fd, ["code"])']], path)
    assert.equal("hidden [memfd:code (deleted)]", BPF.sym(there.hidden, memory.pid, with_module))
  end)

  it("names functions by a build id alone, of any process and of files in the usual places",
    function()
    local path <const> = build("subject", "-Wl,--build-id")
    local subject <const>, at <const> = start("%s", path)
    local pipe <const> = io.popen("readelf -n " .. path .. "; grep -m 1 subject /proc/"
      .. subject.pid .. "/maps")
    local text <const> = pipe:read("a")
    pipe:close()
    local id <const> = text:match("Build ID: (%x+)")
    local base <const> = tonumber(text:match("(%x+)%-%x+ r"), 16)
    local entry <const> = { status = 1, build_id = id, offset = at.hidden - base }
    assert.equal("hidden [subject]", BPF.sym(entry, -1, with_module))
    assert.equal("[unknown]", BPF.sym({ status = 1, build_id = id:reverse(), offset = 1 }, -1))
    stop(subject)
    assert.equal("hidden", BPF.sym(entry, 0)) -- what was known stays
    -- and afterwards, by scripts that did not know it
    local lua <const> = ([[print(require "bpf".BPF.sym({ status = 1, build_id = "%s", offset = %d },
      -1, { show_module = true }))]]):format(id, entry.offset)
    local function name_with(environment)
      local _, out <const>, errors <const> = script.run(lua, environment)
      return out:gsub("\n$", "") .. errors
    end
    assert.equal("[unknown]", name_with("env HOME=/nowhere"))
    run("mkdir -p %s/debug/.build-id/%s && ln -s %s %s/debug/.build-id/%s/%s", folder, id:sub(1, 2),
      path, folder, id:sub(1, 2), id:sub(3))
    assert.equal("hidden [subject]", name_with(("env BCC_DEBUGINFO_ROOT=%s/debug"):format(folder)))
    local fetched <const> = folder .. "/.cache/debuginfod_client/" .. id
    run("mkdir -p %s && cp %s %s/executable", fetched, path, fetched)
    assert.equal("hidden [executable]", name_with("env -u XDG_CACHE_HOME HOME=" .. folder))
  end)

  it("names functions of members of archives that are mapped where they lie", function()
    local function read(path)
      local file <close> = assert(io.open(path, "rb"))
      return file:read("a")
    end
    local function place_of(path) -- in the file
      local nm <const> = io.popen(("nm %s; readelf -lW %s"):format(path, path))
      local text <const> = nm:read("a")
      nm:close()
      local address <const> = tonumber(text:match("(%x+) T late"), 16)
      for offset, first, size in text:gmatch("LOAD +0x(%x+) 0x(%x+) 0x%x+ 0x(%x+)") do
        local distance <const> = address - tonumber(first, 16)
        if distance >= 0 and distance < tonumber(size, 16) then
          return tonumber(offset, 16) + distance
        end
      end
    end
    local path <const> = library("late.so")
    local place <const> = place_of(path)
    local archive <const> = folder .. "/app.apk"
    local bytes <const>, starts <const> = zip.pack({ { name = "classes", data = ("x"):rep(5000) },
      { name = "lib/packed.so", data = "packed", method = 8 },
      { name = "lib/late.so", data = read(path) }, { name = "end", data = "no ELF file" } }, "apk")
    write(archive, bytes)
    local function map(offset)
      local subject <const> = start("%s %s@%d", build("subject"), archive, offset)
      subject:signal("USR1")
      return subject.pid, tonumber(subject:line():match("^late (%x+)$"), 16)
    end
    local pid, at = map(starts["lib/late.so"])
    assert.equal("late+0x1 [late.so]", BPF.sym(at + place + 1, pid, both))
    assert.equal("[unknown] [late.so]", BPF.sym(at, pid, with_module))
    local cache <const> = BPF.SymbolCache(pid)
    local _, offset <const>, module <const> = cache:resolve(at + 8)
    assert.same({ 8, archive .. "!/lib/late.so" }, { offset, module })
    for _, name in ipairs{ "late.so", archive .. "!/lib/late.so", "app.apk" } do
      assert.equal(at + place, (cache:resolve_name(name, "late")))
    end
    assert.is_nil((cache:resolve_name("lib.so", "late")))
    -- the page of its code alone
    pid, at = map(starts["lib/late.so"] + place // 4096 * 4096)
    assert.equal("late+0x1 [late.so]", BPF.sym(at + place % 4096 + 1, pid, both))
    pid, at = map(starts["end"])
    assert.equal("[unknown] [end]", BPF.sym(at, pid, with_module))
    assert.truthy(BPF.SymbolCache(pid):problems()[1]:find("/end is not an ELF file", 1, true))
    write(archive, bytes:sub(1, -8))
    pid, at = map(starts["lib/late.so"])
    assert.equal("[unknown] [app.apk]", BPF.sym(at, pid, with_module))
    assert.truthy(BPF.SymbolCache(pid):problems()[1]:find("is not a zip archive", 1, true))
  end)

  it("reads perf maps as they grow, and believes the last line", function()
    local subject <const>, at <const> = start("%s", build("subject"))
    local path <const> = ("/tmp/perf-%d.map"):format(subject.pid)
    finally(function() os.remove(path) end)
    assert.equal("[unknown]", BPF.sym(at.jit, subject.pid))
    write(path, ("%x 10 jit one\nnonsense\n0 10 zero\n%x 20 unfinish"):format(at.jit, at.jit + 16))
    assert.is_true(process.wait_until(function() -- the map is not read more often than it pays
      return BPF.sym(at.jit + 4, subject.pid, both) ==
        "jit one+0x4 [perf-" .. subject.pid .. ".map]"
    end))
    assert.equal("[unknown]", BPF.sym(at.jit + 17, subject.pid))
    write(path, ("ed\n%x 10 jit two\n"):format(at.jit), "a")
    assert.is_true(process.wait_until(function()
      return BPF.sym(at.jit + 17, subject.pid) == "unfinished"
    end))
    assert.equal("jit two", BPF.sym(at.jit + 4, subject.pid))
  end)

  it("looks into a container's own files, pids and /tmp", function()
    local path <const> = build("subject", "-static-pie -fPIE")
    local inside <const> = process.start(([[unshare -mpf --kill-child --propagation private sh -c '
      mkdir %s/new && mount -t tmpfs none %s/new && cp %s %s/new/subject &&
      mount --bind %s/new /tmp && echo "1 1 x" > /tmp/perf-1.map && exec /tmp/subject']]):format(
      folder, folder, path, folder, folder))
    started[inside] = true
    local at <const> = places_of(inside)
    local children <const> = io.open(("/proc/%d/task/%d/children"):format(inside.pid, inside.pid))
    local child <const> = children:read("n")
    children:close()
    assert.equal("hidden+0x1 [subject]", BPF.sym(at.hidden + 1, child, both))
    write(("/proc/%d/root/tmp/perf-1.map"):format(child), ("%x 10 contained\n"):format(at.jit), "a")
    assert.is_true(process.wait_until(function() return BPF.sym(at.jit, child) == "contained" end))
  end)

  it("indexes a file once for all its processes, and gives the memory back", function()
    local path <const> = build("subject")
    local one <const>, at_one <const> = start("%s", path)
    assert.equal("hidden", BPF.sym(at_one.hidden, one.pid))
    local before <const> = BPF.symbol_memory()
    for _ = 1, 3 do
      local other <const>, at <const> = start("%s", path)
      assert.equal("hidden", BPF.sym(at.hidden, other.pid))
    end
    local after <const> = BPF.symbol_memory()
    assert.equal(before.files, after.files)
    assert.equal(before.bytes, after.bytes)
    assert.equal(before.processes + 3, after.processes)
    BPF.free_bcc_memory()
    assert.same({ processes = 0, files = 0, bytes = 0, limit = after.limit }, BPF.symbol_memory())
  end)
end)
