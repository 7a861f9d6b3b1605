-- What the tools share.

local tool = require "bpf.tool"

describe("addresses of tools #any_kernel", function()
  local function v6(...)
    return tool.address(10, (">I2"):rep(8):pack(...))
  end

  it("are written as people write them", function()
    assert.equal("127.0.0.1", tool.address(2, "\127\0\0\1" .. ("\0"):rep(12)))
    assert.equal("::1", v6(0, 0, 0, 0, 0, 0, 0, 1))
    assert.equal("::", v6(0, 0, 0, 0, 0, 0, 0, 0))
    assert.equal("fe80::", v6(0xfe80, 0, 0, 0, 0, 0, 0, 0))
    assert.equal("2001:db8::1:0:0:1", v6(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1))
    assert.equal("2001:db8:0:1:1:1:1:1", v6(0x2001, 0xdb8, 0, 1, 1, 1, 1, 1))
    assert.equal("1:2:3:4:5:6:7:8", v6(1, 2, 3, 4, 5, 6, 7, 8))
    assert.equal("::ffff:10.0.0.1", v6(0, 0, 0, 0, 0, 0xffff, 0x0a00, 1))
  end)
end)

describe("definitions of tools #any_kernel", function()
  it("come in one order, without what is not wanted", function()
    assert.same({ "-DA=1", "-DB=7", "-DC=x" },
      tool.define{ C = "x", A = true, B = 7, D = false, E = nil })
  end)
end)

describe("options of tools #any_kernel", function()
  it("have an interval of one second where a tool reports each", function()
    local parser = tool.parser("each", "Report.", "every")
    assert.same({ interval = 1 }, parser:parse{})
    assert.same({ interval = 5, count = 3 }, parser:parse{ "5", "3" })
    parser = tool.parser("once", "Report.", "interval")
    assert.same({}, parser:parse{})
    assert.same({ interval = 0.5 }, parser:parse{ "0.5" })
  end)
end)

describe("the lines of tools #any_kernel", function()
  local columns = {
    { "COMM", "%-6s", "comm" }, "code", { "LAT(ms)", "%8.2f", "latency_ns", 1e-6 },
    { "PATH", "%s", "path" },
  }

  local function printed(options, records)
    local parts, write = {}, io.write
    io.write = function(...) -- luacheck: ignore 122
      parts[#parts + 1] = table.concat{ ... }
      return io.stdout
    end
    local fine, problem = pcall(function()
      local show = tool.printer(options, columns)
      for _, record in ipairs(records) do show(record) end
    end)
    io.write = write -- luacheck: ignore 122
    assert(fine, problem)
    return table.concat(parts)
  end

  local records = {
    { comm = "cat", latency_ns = 1234567, path = "a\nb", time_ns = 1000 },
    { comm = "lua", path = "\xff", time_ns = 500001000 },
  }

  it("are columns below their headings, one line for each", function()
    assert.equal("COMM    LAT(ms) PATH\ncat        1.23 a\\012b\nlua           - \xff\n",
      printed({}, records))
    assert.equal("TIME(s)    COMM    LAT(ms) PATH\n0.000000   cat        1.23 a\\012b\n"
      .. "0.500000   lua           - \xff\n", printed({ timestamp = true }, records))
  end)

  it("are JSON with exact integers", function()
    assert.equal('{"comm":"cat","latency_ns":1234567,"path":"a\\nb"}\n{"comm":"lua","path":"ÿ"}\n',
      printed({ json = true }, records))
    assert.equal('{"comm":"x","code":7,"latency_ns":9007199254740993}\n',
      printed({ json = true }, { { comm = "x", code = 7, latency_ns = (1 << 53) + 1 } }))
  end)
end)
