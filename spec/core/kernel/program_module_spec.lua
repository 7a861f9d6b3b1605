-- The module that MODULE_KFUNC_PROBE names is the one whose function is traced.
local bpf <const> = require "bpf"

local function is_there(path)
  local file <close> = io.open(path)
  return file ~= nil
end

-- A module with type information, and its functions.
local function modules()
  local list <const>, by_name <const> = {}, {}
  for line in io.lines("/proc/kallsyms") do
    local name <const>, module <const> = line:match("^%x+ [tT] ([%w_]+)\t%[([%w_]+)%]$")
    if name and (by_name[module] or is_there("/sys/kernel/btf/" .. module)) then
      if not by_name[module] then
        by_name[module] = {}
        list[#list + 1] = module
      end
      table.insert(by_name[module], name)
    end
  end
  return list, by_name
end

local function load(module, name)
  local b <close> = bpf.BPF{auto_attach = false,
    text = ("MODULE_KFUNC_PROBE(%s, %s) { return 0; }"):format(module, name)}
  return pcall(b.load_func, b, ("kfunc__%s__%s"):format(module, name))
end

describe("a module's function", function()
  local good <const>, refusal <const> = load("vmlinux", "vfs_read")
  local list <const>, functions <const> = modules()

  it("is not the kernel's", function()
    if not good then
      pending("needs fentry: " .. refusal.message)
      return
    end
    local loaded <const>, e <const> = load("no_such_module", "vfs_read")
    assert.is_false(loaded)
    assert.equal("load", e.op)
    assert.equal(2, e.errno)
    assert.equal("Failed to load BPF program kfunc__no_such_module__vfs_read: vfs_read is a " ..
      "function of the kernel proper, not of module no_such_module", e.message)
    assert.truthy(e.hint:find("trace it with KFUNC_PROBE(", 1, true), e.hint)
  end)

  it("is that of its own module only", function()
    if not good or not list[1] then
      pending("needs fentry and a module with type information")
      return
    end
    for _, name in ipairs(functions[list[1]]) do
      if load(list[1], name) then
        local loaded <const>, e <const> = load("other", name)
        assert.is_false(loaded)
        assert.truthy(e.message:find(("%s is a function of module %s, not of module other"):format(
          name, list[1]), 1, true), e.message)
        assert.is_true((load("vmlinux", name)))
        return
      end
    end
    error("no function of module " .. list[1] .. " can be traced")
  end)
end)
