-- What an unprivileged user may put in the way of whoever names the addresses of his processes:
-- nothing outside of his files is opened, nothing waits, and what was refused is told.
local bpf <const> = require "bpf"
local process <const> = require "spec.support.process"
local zip <const> = require "spec.support.zip"

local BPF <const> = bpf.BPF

describe("symbols of a hostile process #any_kernel", function()
  local folder, started, maps

  local function run(command, ...)
    local text <const> = command:format(...)
    assert(os.execute(text), text)
  end

  local function start(command, ...)
    local subject <const> = process.start(command:format(...))
    started[#started + 1] = subject
    local at <const> = {}
    for line in function() return subject:line() end do
      if line == "ready" then break end
      at[line:match("^%S+")] = tonumber(line:match("%x+$"), 16)
    end
    maps[#maps + 1] = ("/tmp/perf-%d.map"):format(subject.pid)
    return subject.pid, at, maps[#maps]
  end

  local function start_as_nobody()
    return start("setpriv --reuid=65534 --regid=65534 --clear-groups %s/subject", folder)
  end

  -- Names an address of code that nobody knows, in little time of a processor; what could not be
  -- read, as a text.
  local function refused(pid, address)
    local before <const> = os.clock()
    local cache <close> = BPF.SymbolCache(pid)
    assert.is_nil((cache:resolve(address)))
    assert.is_true(os.clock() - before < 10)
    return table.concat(cache:problems(), "\n")
  end

  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    run("mkdir -m 755 %s", folder)
    run("gcc -O1 -w -static-pie -fPIE -o %s/subject spec/support/symbols.c 2>/dev/null", folder)
    run("gcc -O1 -w -o %s/mapper spec/support/symbols.c", folder)
  end)

  teardown(function() os.execute("rm -rf " .. folder) end)

  before_each(function() started, maps = {}, {} end)

  after_each(function()
    for i, subject in ipairs(started) do
      subject:signal("KILL")
      subject:finish()
      os.remove(maps[i])
    end
  end)

  it("do not come from behind a symbolic link", function()
    local pid <const>, at <const>, map <const> = start_as_nobody()
    run("echo '%x 100 secret' > %s/secret && setpriv --reuid=65534 ln -s %s/secret %s", at.jit,
      folder, folder, map)
    assert.truthy(refused(pid, at.jit):find(map .. " is a symbolic link", 1, true))
  end)

  it("do not wait for a FIFO", function()
    local pid <const>, at <const>, map <const> = start_as_nobody()
    run("mkfifo %s", map)
    assert.truthy(refused(pid, at.jit):find(map .. " is not a regular file", 1, true))
  end)

  it("do not take 10 GB", function()
    local pid <const>, at <const>, map <const> = start_as_nobody()
    run("truncate -s 10G %s && chown 65534 %s", map, map)
    assert.truthy(refused(pid, at.jit):find(map .. " has 10240 MB", 1, true))
  end)

  it("do not come from another user", function()
    local pid <const>, at <const>, map <const> = start("%s/subject", folder)
    run("echo '%x 100 lie' > %s && chown 65534 %s", at.jit, map, map)
    assert.truthy(refused(pid, at.jit):find(map .. " belongs to user 65534", 1, true))
  end)

  it("are whole while the map is being written", function()
    local pid <const>, at <const>, map <const> = start_as_nobody()
    local writer <const> = process.start(([[lua5.4 -e '
      local file <const> = io.open("%s", "a")
      file:setvbuf("full", 7)
      for i = 0, 4000 do
        file:write(("%%x 8 function_%%05d\n"):format(%d + 8 * i, i))
      end']]):format(map, at.jit))
    local names <const> = {}
    assert.is_true(process.wait_until(function()
      for i = 0, 4000, 97 do names[BPF.sym(at.jit + 8 * i, pid)] = true end
      return BPF.sym(at.jit + 8 * 4000, pid) == "function_04000"
    end))
    writer:finish()
    for name in pairs(names) do
      assert.truthy(name == "[unknown]" or name:find("^function_%d%d%d%d%d$"), name)
    end
  end)

  it("do not come from a file whose section headers lie", function()
    for name, patch in pairs{
      count = { 0x3c, "\xff\xff", "cut short" }, -- e_shnum
      many = { 0x3c, "\0\0", "claims to have" }, -- then section 0 tells, which is patched too
      offset = { 0x28, "\xff\xff\xff\xff\xff\xff\xff\x7f", "broken section headers" },
    } do
      run("cp %s/subject %s/%s", folder, folder, name)
      local file <const> = io.open(folder .. "/" .. name, "r+b")
      file:seek("set", 0x28)
      local headers <const> = ("<I8"):unpack(file:read(8))
      file:seek("set", patch[1])
      file:write(patch[2])
      if name == "many" then
        file:seek("set", headers + 0x20) -- its size
        file:write("\xff\xff\xff\xff\xff\xff\xff\xff")
      end
      file:close()
      local pid <const>, at <const> = start("%s/%s", folder, name)
      assert.equal(("[unknown] [%s]"):format(name), BPF.sym(at.hidden, pid, { show_module = true }))
      assert.truthy(refused(pid, at.hidden):find(patch[3], 1, true), refused(pid, at.hidden))
    end
  end)

  -- Puts a number into a section header of a copy of the subject: that of the first section of a
  -- type, or section 0. The file becomes 10 GB long, most of them holes.
  local function lie(name, wanted, offset, value)
    local path <const> = folder .. "/" .. name
    run("cp %s/mapper %s && truncate -s 10G %s", folder, path, path)
    local file <close> = assert(io.open(path, "r+b"))
    local headers <const> = ("<I8"):unpack(file:seek("set", 0x28) and file:read(8))
    local count <const> = ("<I2"):unpack(file:seek("set", 0x3c) and file:read(2))
    for i = 0, count - 1 do
      file:seek("set", headers + 64 * i + 4)
      if ("<I4"):unpack(file:read(4)) == wanted then
        file:seek("set", headers + 64 * i + offset)
        file:write(("<I8"):pack(value))
        break
      end
    end
    if wanted == 0 then
      file:seek("set", 0x3c) -- the number of sections: section 0 tells
      file:write("\0\0")
    end
    return path
  end

  it("do not take the memory that a sparse file asks for", function()
    local b <close> = bpf.BPF{ text = "int on(void *ctx) { return 0; }" }
    for _, path in ipairs{ lie("symtab", 2, 0x20, 3 << 30), lie("strtab", 3, 0x20, 9 << 30),
      lie("sections", 0, 0x20, 100000000) } do
      local pid <const>, at <const> = start("%s", path)
      local before <const> = process.peak_memory()
      local name <const> = BPF.sym(at.visible, pid)
      assert.truthy(name == "[unknown]" or name == "visible", name)
      local problem <const> = table.concat(BPF.SymbolCache(pid):problems(), "\n")
      assert.equal(name == "[unknown]", problem ~= "", problem)
      local good <const>, e <const> = pcall(b.attach_uprobe, b, { name = path, sym = "nothing",
        fn_name = "on" })
      assert.is_false(good)
      assert.truthy(e.hint:find("has a table of", 1, true) or e.hint:find("claims to have", 1,
        true), e.hint)
      pcall(bpf.USDT, { path = path })
      assert.is_true(process.peak_memory() - before < 64 * 1024, path)
    end
  end)

  it("do not come from an archive that lies", function()
    local path <const> = folder .. "/lies.apk"
    local good <const>, starts <const> = zip.pack{ { name = "x.so", data = ("\127ELF"):rep(100) } }
    local list <const> = good:find("PK\1\2", 1, true) - 1
    for patch, expected in pairs{
      [""] = "is not an ELF file", -- as it is
      [("<I4I4"):pack(list + 20, 0xffffffff)] = "no stored member", -- its size, packed
      [("<I4I4"):pack(list + 42, 0xfffffff0)] = "no stored member", -- where its header is
      [("<I4I4"):pack(list + 28, 0xffffffff)] = "broken", -- how long its name is
      [("<I4I4"):pack(#good - 6, 0xfffffff0)] = "broken", -- where the list is
      [("<I4I4"):pack(#good - 10, 0x0fffffff)] = "too large", -- how long it is
    } do
      local bytes = good
      if #patch > 0 then
        local at <const> = ("<I4"):unpack(patch)
        bytes = good:sub(1, at) .. patch:sub(5) .. good:sub(at + 5)
      end
      local file <close> = assert(io.open(path, "wb"))
      file:write(bytes)
      file:flush()
      local pid <const> = start("%s/mapper %s@%d", folder, path, starts["x.so"])
      started[#started]:signal("USR1")
      local at <const> = tonumber(started[#started]:line():match("%x+$"), 16)
      local problem <const> = refused(pid, at)
      assert.truthy(problem:find(expected, 1, true), problem)
    end
  end)

  it("do not lead out of the process's root", function()
    run("mkdir -p %s/jail %s/outside && cp %s/subject %s/jail/ && ln -s %s/outside %s/jail/tmp",
      folder, folder, folder, folder, folder, folder)
    local pid <const>, at <const> = start("chroot %s/jail /subject", folder)
    run("echo '%x 100 secret' > %s/outside/perf-%d.map", at.jit, folder, pid)
    refused(pid, at.jit)
    assert.equal("hidden [subject]", BPF.sym(at.hidden, pid, { show_module = true }))
    run("rm %s/jail/tmp && mkdir %s/jail/tmp && ln -s ../../outside/perf-%d.map %s/jail/tmp/",
      folder, folder, pid, folder)
    assert.truthy(refused(pid, at.jit):find("symbolic link", 1, true))
  end)

  it("do not come from debug files that links lead to outside of the process's root", function()
    local jail <const>, outside <const> = folder .. "/cell", folder .. "/beyond"
    run("mkdir -p %s/usr/lib %s && gcc -O1 -w -static-pie -fPIE -Wl,--build-id -o %s/whole "
      .. "spec/support/symbols.c 2>/dev/null && strip -o %s/stripped %s/whole", jail, outside,
      outside, jail, outside)
    local pipe <const> = io.popen("readelf -n " .. jail .. "/stripped")
    local id <const> = pipe:read("a"):match("Build ID: (%x+)")
    pipe:close()
    local place <const> = (".build-id/%s/%s.debug"):format(id:sub(1, 2), id:sub(3))
    run("mkdir -p %s/.build-id/%s && mv %s/whole %s/%s", outside, id:sub(1, 2), outside, outside,
      place)
    local pid <const>, at <const> = start("chroot %s /stripped", jail)
    local function name()
      BPF.free_bcc_memory() -- what was found stays otherwise
      return BPF.sym(at.hidden, pid)
    end
    run("ln -s %s %s/usr/lib/debug", outside, jail)
    assert.equal("[unknown]", name())
    run("ln -sfn ../../../../../..%s %s/usr/lib/debug", outside, jail)
    assert.equal("[unknown]", name())
    run("ln -sfn debug %s/usr/lib/debug", jail) -- to itself
    assert.equal("[unknown]", name())
    run("rm %s/usr/lib/debug && cp -r %s %s/usr/lib/debug", jail, outside, jail)
    assert.equal("hidden", name())
    run("rm %s/usr/lib/debug/%s && mkfifo %s/usr/lib/debug/%s", jail, place, jail, place)
    assert.equal("[unknown]", name())
  end)
end)
