local build = require("spec.support.build")
local tool = require("spec.support.tool")

describe("tcpconnect", function()
  it("shows each connection with its addresses, refused ones as well", function()
    for family, address in pairs{ [4] = "127.0.0.1", [6] = "::1" } do
      local pid, go = tool.prepare(("%s %d 5 10 10"):format(build.program("tcp_peers"), family))
      local connections = tool.records("tcpconnect --pid " .. pid, go)
      assert.equal(6, #connections)
      local port = connections[1].port
      for _, connection in ipairs(connections) do
        connection.time_ns = nil
        assert.same({
          pid = pid, uid = 0, comm = "tcp_peers", ip = family, source = address, target = address,
          port = port,
        }, connection)
      end
    end
  end)

  it("#any_kernel shows the local port, when the answer has come", function()
    local pid, go = tool.prepare(build.program("tcp_peers") .. " 4 5 10 10")
    local connections = tool.records("tcpconnect -4 -L -p " .. pid, go)
    for _, connection in ipairs(connections) do
      assert.is_true(connection.local_port > 0 and connection.local_port ~= connection.port)
      assert.equal(pid, connection.pid)
    end
    assert.equal(6, #connections)
  end)

  it("counts them, of one family", function()
    local pid, go = tool.prepare(build.program("tcp_peers") .. " 4 7 1 1")
    local out = tool.run("tcpconnect -4 --count --pid " .. pid, go)
    local line <const> = "\n%d +tcp_peers +4  127.0.0.1 +127.0.0.1 +%%d+ +8\n$"
    assert.truthy(out:find(line:format(pid)), out)
    assert.equal(2, select(2, out:gsub("\n", "")))
  end)
end)
