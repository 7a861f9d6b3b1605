-- Diagnostics name the user's own file and line, wherever the program's text stands.

local bpf = require "bpf"
local script = require "spec.support.script"

-- The error of a program that must not compile. The line is where the call stands.
local function failure(options)
  local ok, e = pcall(bpf.BPF, options)
  assert.is_false(ok)
  if e.errno == 2 then
    pending("needs the compiler: " .. e.message)
  end
  return e
end

local function this_line()
  return debug.getinfo(2, "l").currentline
end

describe("a compile error", function()
  it("is at the line of the script where the text stands verbatim", function()
    local line = this_line()
    local e = failure { text = [[
      int first(void *ctx) { return 0; }
      int second(void *ctx) { return no_such_name; }
    ]] }
    assert.equal(("%s:%d"):format("spec/lua/source_spec.lua", line + 3), e.where:gsub("^%./", ""))
    assert.truthy(e.message:find("no_such_name", 1, true))
    assert.truthy(e.log:find("no_such_name", 1, true))
    assert.truthy(tostring(e):find(e.where .. ": ", 1, true))
  end)

  it("is at the line of the text when that was put together", function()
    local text = ([[
      int f(void *ctx) { return NAME; }
    ]]):gsub("NAME", "no_such_name")
    assert.equal("text.c:1", failure { text = text }.where)
  end)

  it("is at the line of the text when that stands there twice", function()
    local one = "int g(void *ctx) { return no_such_name_2; }"
    local two = "int g(void *ctx) { return no_such_name_2; }"
    assert.equal(one, two)
    assert.equal("text.c:1", failure { text = one }.where)
  end)

  it("is at the line of a C file", function()
    local name = os.tmpname() .. ".c"
    local file = assert(io.open(name, "w"))
    file:write("\n\nint h(void *ctx) { return no_such_name; }\n")
    file:close()
    local e = failure { src_file = name }
    os.remove(name)
    assert.equal(name .. ":3", e.where)
  end)

  it("is found in a text given alone", function()
    local ok, e = pcall(bpf.BPF, "int k(void *ctx) { return no_such_name_3; }")
    assert.is_false(ok)
    assert.equal("table", type(e))
  end)
end)

describe("a C file", function()
  it("is looked for beside the script, too", function()
    local name = os.tmpname() .. ".c"
    local file = assert(io.open(name, "w"))
    file:write("BPF_ARRAY(beside, u32, 7);\n")
    file:close()
    local short = name:match("[^/]+$")
    local status, out, errors = script.run(([[
      local bpf = require "bpf"
      print(bpf.BPF{ src_file = %q, hdr_file = %q }.beside.max_entries)
      print((pcall(bpf.BPF, { src_file = "x/" .. %q })))]]):format(short, short, short))
    os.remove(name)
    assert.same({ 0, "7\nfalse\n", "" }, { status, out, errors })
  end)
end)
