local build = require("spec.support.build")
local tool = require("spec.support.tool")

describe("tcpaccept", function()
  it("shows each accepted connection with its addresses", function()
    for family, address in pairs{ [4] = "127.0.0.1", [6] = "::1" } do
      local pid, go = tool.prepare(("%s %d 5 10 10"):format(build.program("tcp_peers"), family))
      local connections = tool.records("tcpaccept --pid " .. pid, go)
      assert.equal(5, #connections)
      for _, connection in ipairs(connections) do
        assert.equal("tcp_peers", connection.comm)
        assert.equal(family, connection.ip)
        assert.equal(address, connection.remote)
        assert.equal(address, connection["local"])
        assert.equal(connections[1].local_port, connection.local_port)
        assert.not_equal(connection.local_port, connection.remote_port)
      end
    end
  end)
end)
