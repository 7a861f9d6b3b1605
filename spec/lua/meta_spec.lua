-- The annotations in lua/meta/bpf.lua are complete, and say nothing of what is not there.

local bpf = require "bpf"

-- "BPF:close", "bpf.sleep": the functions that the file declares.
local function declared()
  local names = {}
  for line in io.lines("lua/meta/bpf.lua") do
    local name = line:match("^function ([%w_]+[.:][%w_]+)%(")
    if name then
      names[name] = true
    end
  end
  return names
end

local function add(names, prefix, container)
  for name, value in pairs(container) do
    if type(value) == "function" then
      names[prefix .. name] = true
    end
  end
end

local function registered()
  local names = {}
  add(names, "bpf.", bpf)
  add(names, "static.", bpf.BPF)
  add(names, "BPF:", bpf.methods.BPF)
  add(names, "Table:", bpf.methods.Table)
  add(names, "Link:", bpf.methods.Link)
  add(names, "Iterator:", bpf.methods.Iterator)
  add(names, "Value:", bpf.methods.Value)
  add(names, "SymbolCache:", bpf.methods.SymbolCache)
  add(names, "USDT:", bpf.methods.USDT)
  add(names, "Heatmap:", require "bpf.heatmap".methods)
  add(names, "Child:", bpf.methods.Child)
  add(names, "flamegraph.", require "bpf.flamegraph")
  return names
end

local function missing(from, names)
  local list = {}
  for name in pairs(names) do
    if not from[name] then
      list[#list + 1] = name
    end
  end
  table.sort(list)
  return list
end

describe("lua/meta/bpf.lua", function()
  it("declares every function that is registered", function()
    assert.same({}, missing(declared(), registered()))
  end)

  it("declares no function that is not", function()
    assert.same({}, missing(registered(), declared()))
  end)

  it("is what docs/reference.md was made of", function()
    local pipe = assert(io.popen("lua5.4 docs/reference.lua"))
    local made = pipe:read("a")
    pipe:close()
    local written = assert(io.open("docs/reference.md")):read("a")
    assert.is_true(made == written, "run lua5.4 docs/reference.lua > docs/reference.md")
  end)

  it("declares the debug flags", function()
    local text = assert(io.open("lua/meta/bpf.lua")):read("a")
    for name, value in pairs(bpf) do
      if math.type(value) == "integer" then
        assert.truthy(text:find("---@field " .. name .. " integer", 1, true), name)
      end
    end
  end)
end)
