-- Kernel symbols against the kernel's own list.
local bpf <const> = require "bpf"

local samples <const> = 1000
local needed <const> = "needs the addresses of /proc/kallsyms (kernel.kptr_restrict)"

-- The text symbols: {address, name, module}, in the list's order.
local function read_list()
  local list <const>, addresses <const>, names <const> = {}, {}, {}
  for line in io.lines("/proc/kallsyms") do
    local address, kind, name, module = line:match("^(%x+) (%a) (%S+)%s*(%S*)$")
    address = tonumber(address, 16)
    if kind:find("[tTwW]") then
      module = module ~= "" and module or "[kernel]"
      list[#list + 1] = { address = address, name = name, module = module }
      addresses[address] = addresses[address] or {}
      addresses[address][name] = true
      names[name] = names[name] or {}
      names[name][address] = true
    end
  end
  return list, addresses, names
end

describe("BPF.ksym and BPF.ksymname", function()
  local list, addresses, names
  setup(function() list, addresses, names = read_list() end)

  local function hidden() return #list == 0 or list[#list // 2].address == 0 end

  it("agree with the kernel on a thousand random symbols", function()
    if hidden() then return pending(needed) end
    math.randomseed(7)
    for _ = 1, samples do
      local symbol <const> = list[math.random(#list)]
      local found <const> = bpf.BPF.ksymname(symbol.name)
      assert.is_true(names[symbol.name][found], symbol.name)
      local name <const> = bpf.BPF.ksym(symbol.address)
      assert.is_true(addresses[symbol.address][name],
        ("%x is %s, not %s"):format(symbol.address, symbol.name, name))
    end
  end)

  it("give namesakes of an address the same name, there and behind it", function()
    if hidden() then return pending(needed) end
    local tried = 0
    for i = 2, #list do
      local address <const> = list[i].address
      if address == list[i - 1].address and not addresses[address + 1] and tried < 50 then
        tried = tried + 1
        assert.equal(bpf.BPF.ksym(address), bpf.BPF.ksym(address + 1))
      end
    end
    assert.is_true(tried > 0)
  end)

  it("know no data", function()
    if hidden() then return pending(needed) end
    local tried <const> = {}
    for line in io.lines("/proc/kallsyms") do
      local kind <const>, name <const> = line:match("^%x+ ([bBdDrR]) (%S+)")
      if kind and not tried[kind] and not names[name] then
        tried[kind] = true
        assert.is_nil(bpf.BPF.ksymname(name), line)
      end
    end
    assert.truthy(next(tried))
  end)

  it("show the module and the offset when asked", function()
    if hidden() then return pending(needed) end
    local address <const> = bpf.BPF.ksymname("vfs_write")
    assert.equal("vfs_write", bpf.BPF.ksym(address + 3))
    assert.equal("vfs_write+0x3", bpf.BPF.ksym(address + 3, {show_offset = true}))
    assert.equal("vfs_write+0x0 [kernel]", bpf.BPF.ksym(address, {show_module = true,
      show_offset = true}))
    assert.equal("vfs_write [kernel]", bpf.BPF.ksym{addr = address, show_module = true})
    for _, symbol in ipairs(list) do
      if symbol.module:sub(1, 1) == "[" and symbol.module ~= "[kernel]"
        and symbol.module ~= "[bpf]" then
        local text <const> = bpf.BPF.ksym(symbol.address, {show_module = true})
        assert.truthy(text:find(symbol.module, 1, true), text)
        break
      end
    end
  end)

  it("have an answer for what is no symbol", function()
    assert.equal("[unknown]", bpf.BPF.ksym(0))
    assert.equal("[unknown]", bpf.BPF.ksym(4096, {show_module = true, show_offset = true}))
    assert.is_nil(bpf.BPF.ksymname("no_function_of_this_name"))
    assert.is_nil(bpf.BPF.ksymname(""))
    assert.error_matches(function() bpf.BPF.ksym("vfs_write") end, "integer")
    assert.error_matches(function() bpf.BPF.ksym(1, {show_ofset = true}) end, "show_offset")
  end)
end)

describe("BPF.get_syscall_fnname", function()
  it("gives a name that the kernel has", function()
    assert.truthy(bpf.BPF.ksymname(bpf.BPF.get_syscall_fnname("openat")))
    assert.truthy(bpf.BPF.get_syscall_fnname("openat"):find("sys_openat$"))
  end)
end)

describe("BPF.get_kprobe_functions", function()
  it("lists what an expression means, each once", function()
    local found <const> = bpf.BPF.get_kprobe_functions("vfs_(read|write)")
    table.sort(found)
    assert.same({"vfs_read", "vfs_write"}, found)
    assert.equal(2, #bpf.BPF.get_kprobe_functions("vfs_read|vfs_write"))
    for _, part in ipairs{"vfs_rea", "fs_read", "no_function_of_this_name"} do
      assert.same({}, bpf.BPF.get_kprobe_functions(part))
    end
    assert.error(function() bpf.BPF.get_kprobe_functions("vfs_(") end)
  end)
end)
