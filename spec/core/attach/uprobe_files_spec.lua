-- User probes in files that a path alone does not lead to, each counted exactly: other roots and
-- mount namespaces, removed and replaced files, files in memory, members of archives, variants of a
-- library for newer processors.
local bpf <const> = require "bpf"
local dweller <const> = require "spec.support.dweller"
local zip <const> = require "spec.support.zip"

local count <const> = 61
local missing <const> = not bpf.features().uprobe.available and bpf.features().uprobe.reason
local shell <const> = dweller.shell

local function it_with_uprobes(name, test)
  it(name, missing and function() pending("needs uprobes: " .. missing) end or test)
end

local library <const> = [[long resident(long n) { __asm__ volatile("" : "+r"(n)); return n + 1; }]]

local function write(path, bytes)
  local file <const> = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

local function read(path)
  local file <const> = assert(io.open(path, "rb"))
  local bytes <const> = file:read("a")
  file:close()
  return bytes
end

for _, mechanism in ipairs{ "uprobe_multi", "uprobe" } do
  local feature <const> = bpf.features()[mechanism == "uprobe" and "uprobe" or "uprobe_multi_pid"]

  local function it_attaches(name, test)
    it(name, feature.available and test
      or function() pending(("needs %s: %s"):format(mechanism, feature.reason)) end)
  end

  describe("a uprobe by " .. mechanism, function()
    local b, folder, program

    setup(function()
      if not feature.available then return end
      b = bpf.BPF{text = "BPF_HASH(seen, u32, u64);"
        .. "int on_call(struct pt_regs *ctx) { seen.increment(1); return 0; }"}
      program = dweller.path()
    end)
    before_each(function()
      folder = dweller.folder()
      if b then b.seen:clear() end
    end)
    after_each(function() shell("rm -r %s", folder) end)
    teardown(function() if b then b:close() end end)

    -- Attaches, lets the process make its calls, and expects to see them all.
    local function expect_calls(process, name, symbol)
      local link <close> = b:attach_uprobe{name = name, sym = symbol or "answer",
        fn_name = "on_call", pid = process.pid, mechanism = mechanism}
      dweller.go(process)
      assert.equal(count, (b.seen[1]))
      return tostring(link)
    end

    it_attaches("finds the file of a path in another mount namespace", function()
      shell("mkdir %s/empty %s/full && cp %s %s/full/", folder, folder, program, folder)
      local process <const> = dweller.start(
        [[unshare -m sh -c "mount --bind %s/full %s/empty && exec %s/empty/dweller %d"]],
        folder, folder, folder, count)
      local name <const> = folder .. "/empty/dweller"
      assert.is_nil(io.open(name))
      assert.error_matches(function()
        b:attach_uprobe{name = name, sym = "answer", fn_name = "on_call",
        mechanism = mechanism}
      end, "could not determine address of symbol answer")
      expect_calls(process, name)
    end)

    it_attaches("runs in a removed file, and in the one that was there before", function()
      local path <const> = folder .. "/dweller"
      shell("cp %s %s", program, path)
      local process <const> = dweller.start("%s %d", path, count)
      shell("rm %s", path)
      assert.truthy(expect_calls(process, path):find("(deleted)", 1, true))
      b.seen:clear()

      shell("cp %s %s", program, path)
      local old <const> = dweller.start("%s %d", path, count)
      shell("rm %s", path)
      dweller.build(path, "-O0") -- the same name, other offsets
      local new <const> = dweller.start("%s %d", path, count)
      expect_calls(old, path)
      b.seen:clear()
      assert.falsy(expect_calls(new, path):find("(deleted)", 1, true))
    end)

    it_attaches("goes on when its file is removed or replaced, and can be detached", function()
      local path <const> = folder .. "/dweller"
      shell("cp %s %s", program, path)
      local process <const> = dweller.start("%s %d", path, count)
      local link <const> = b:attach_uprobe{name = path, sym = "answer", fn_name = "on_call",
        mechanism = mechanism}
      shell("rm %s && cp %s %s", path, program, path)
      dweller.go(process)
      assert.equal(count, (b.seen[1]))
      -- The new file is another one: not probed yet, and no duplicate.
      dweller.go(dweller.start("%s %d", path, count))
      assert.equal(count, (b.seen[1]))
      local second <close> = b:attach_uprobe{name = path, sym = "answer", fn_name = "on_call",
        mechanism = mechanism}
      dweller.go(dweller.start("%s %d", path, count))
      assert.equal(2 * count, (b.seen[1]))
      second:detach()
      link:detach()
      b:attach_uprobe{name = path, sym = "answer", fn_name = "on_call",
        mechanism = mechanism}
      shell("rm %s", path)
      b:detach_uprobe{name = path, sym = "answer"}
      assert.equal(0, b:num_open_uprobes())
    end)

    it_attaches("runs in a file that is only in memory", function()
      local process <const> = dweller.start("%s %d memory", program, count)
      expect_calls(process, ("/proc/%d/exe"):format(process.pid))
    end)

    it_attaches("takes addresses of programs with and without fixed addresses", function()
      for _, options in ipairs{ "-no-pie", "-pie", "-Wl,-z,noseparate-code" } do
        local path <const> = dweller.build(folder .. "/built", options)
        local pipe <const> = io.popen("nm " .. path)
        local address <const> = tonumber(pipe:read("a"):match("(%x+) T answer\n"), 16)
        pipe:close()
        b.seen:clear()
        local link <close> = b:attach_uprobe{name = path, addr = address, fn_name = "on_call",
          mechanism = mechanism}
        dweller.go(dweller.start("%s %d", path, count))
        assert.equal(count, (b.seen[1]), options)
        assert.equal(1, link:count())
      end
    end)

    it_attaches("finds a stored member of an archive", function()
      write(folder .. "/library.c", library)
      shell("cd %s && cc -O1 -shared -fPIC -Wl,-z,noseparate-code -o library.so library.c", folder)
      local pipe <const> = io.popen("nm " .. folder .. "/library.so")
      local place <const> = tonumber(pipe:read("a"):match("(%x+) T resident\n"), 16)
      pipe:close()
      local bytes <const>, starts <const> = zip.pack({{name = "README", data = "read me"},
        {name = "lib/library.so", data = read(folder .. "/library.so")}}, "a comment")
      write(folder .. "/app.apk", bytes)
      local process <const> = dweller.start("%s %d map %s/app.apk %d %d", program, count, folder,
        starts["lib/library.so"] + place // 4096 * 4096, place % 4096)
      local name <const> = folder .. "/app.apk!/lib/library.so"
      local link <const> = expect_calls(process, name, "resident")
      assert.truthy(link:find("app.apk!/lib/library.so:resident", 1, true))
    end)

    it_attaches("finds the library that the process in another root will load", function()
      local root <const> = folder .. "/root"
      local plain <const>, variant <const> = root .. "/usr/lib",
        root .. "/usr/lib/glibc-hwcaps/x86-64-v2"
      write(folder .. "/library.c", library)
      shell("mkdir -p %s %s %s/etc", plain, variant, root)
      shell("ln -s usr/lib %s/lib && ln -s usr/lib %s/lib64", root, root)
      shell("for file in $(ldd %s | grep -o '/[^ ]*'); do cp -L --parents $file %s; done", program,
        root)
      shell("cp %s %s/", program, root)
      shell("cc -O1 -shared -fPIC -Wl,-soname,libdwelling.so.1 -o %s/libdwelling.so.1 %s/library.c",
        plain, folder)
      shell("cp %s/libdwelling.so.1 %s/", plain, variant)
      shell("/sbin/ldconfig -r %s 2> /dev/null", root)
      for _, name in ipairs{ "dwelling", "dwelling.so.1", "libdwelling.so.1" } do
        b.seen:clear()
        local process <const> = dweller.start("chroot %s /dweller %d library libdwelling.so.1",
          root, count)
        expect_calls(process, name, "resident")
      end

      -- Links mean that root, whatever they look like.
      shell("ln -s /usr/lib/libdwelling.so.1 %s/absolute.so", plain)
      b.seen:clear()
      expect_calls(dweller.start("chroot %s /dweller %d library absolute.so", root, count),
        "/lib/absolute.so", "resident")
      shell("ln -s ../../../../../../../../../../../..%s %s/outside.so", program, plain)
      shell("ln -s %s %s/absent.so", program, plain)
      local process <const> = dweller.start("chroot %s /dweller %d", root, count)
      for _, name in ipairs{ "/lib/outside.so", "/lib/absent.so" } do
        assert.error_matches(function()
          b:attach_uprobe{name = name, sym = "answer", fn_name = "on_call", pid = process.pid,
            mechanism = mechanism}
        end, "could not determine address of symbol answer")
      end
      dweller.go(process)
    end)
  end)
end

describe("an archive", function()
  local b, folder

  setup(function()
    if not missing then
      b = bpf.BPF{text = "int on_call(struct pt_regs *ctx) { return 0; }"}
      folder = dweller.folder()
    end
  end)
  teardown(function()
    if b then
      b:close()
      shell("rm -r %s", folder)
    end
  end)

  local function refusal(bytes, member)
    write(folder .. "/a.zip", bytes)
    local good, e = pcall(b.attach_uprobe, b, {name = folder .. "/a.zip!/" .. (member or "x.so"),
      sym = "answer", fn_name = "on_call"})
    assert.is_false(good)
    assert.truthy(e.message:find("could not determine address of symbol answer", 1, true))
    return e.hint
  end

  local function refusal_of(member)
    member.name = "x.so"
    local bytes <const> = zip.pack{member}
    return refusal(bytes)
  end

  it_with_uprobes("that is broken in any way is refused with the reason #any_kernel", function()
    local bytes <const> = zip.pack{{name = "x.so", data = "no ELF file at all"}}
    assert.truthy(refusal(bytes):find("not an ELF file", 1, true))
    assert.truthy(refusal(bytes, "y.so"):find("no member y.so", 1, true))
    assert.truthy(refusal_of{data = "packed", method = 8}:find("zip -0", 1, true))
    assert.truthy(refusal_of{data = "secret", flags = 1}:find("zip -0", 1, true))
    assert.truthy(refusal_of{data = "short", size = 4000000000}:find("broken", 1, true))
    for size = 0, #bytes - 1, 97 do refusal(bytes:sub(1, size)) end
    for at = 4000, #bytes do refusal(bytes:sub(1, at - 1) .. "\xff" .. bytes:sub(at + 1)) end
  end)
end)
