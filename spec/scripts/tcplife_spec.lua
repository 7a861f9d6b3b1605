local bpf = require("bpf")
local build = require("spec.support.build")
local tool = require("spec.support.tool")

-- The records of what --csv prints.
local function parse(text)
  local keys, records = nil, {}
  for line in text:gmatch("[^\n]+") do
    local values = {}
    for value in (line .. ","):gmatch("([^,]*),") do values[#values + 1] = value end
    if keys then
      local record = {}
      for i, key in ipairs(keys) do record[key] = tonumber(values[i]) or values[i] end
      records[#records + 1] = record
    end
    keys = keys or values
  end
  return records
end

describe("tcplife", function()
  it("shows both ends of each connection, with exact bytes", function()
    for family, address in pairs{ [4] = "127.0.0.1", [6] = "::1" } do
      local start = bpf.monotonic_time()
      local pid, go = tool.prepare(("%s %d 5 3001 17"):format(build.program("tcp_peers"), family))
      local ended = family == 4 and tool.records("tcplife --pid " .. pid, go)
        or parse(tool.run("tcplife -6 --csv --pid " .. pid, go))
      local took = bpf.monotonic_time() - start
      local clients = tool.select(ended, function(record) return record.sent_bytes == 3001 end)
      local servers = tool.select(ended, function(record) return record.sent_bytes == 17 end)
      assert.equal(5, #clients)
      assert.equal(5, #servers)
      for i, client in ipairs(clients) do
        assert.equal(17, client.received_bytes)
        assert.equal(3001, servers[i].received_bytes)
        assert.equal(client.local_port, servers[i].remote_port)
        assert.equal(address, client.remote)
        assert.equal("tcp_peers", client.comm)
        assert.is_true(client.duration_ns > 0 and client.duration_ns < took)
      end
      assert.equal(11, #ended) -- and the one that was refused
    end
  end)
end)
