local build = require("spec.support.build")
local tool = require("spec.support.tool")

describe("tcpretrans", function()
  it("shows each segment that is sent again", function()
    local _, go = tool.prepare(build.program("tcp_peers") .. " 4 5")
    local probes = tool.no_kprobes() and "" or " --lossprobe"
    local again = tool.records("tcpretrans" .. probes, go)
    local by_port = {}
    for _, segment in ipairs(again) do
      assert.equal("127.0.0.1", segment.remote)
      local list = by_port[segment.remote_port] or {}
      list[#list + 1] = segment
      by_port[segment.remote_port] = list
    end
    local _, ours = next(by_port)
    assert.equal(5, #ours)
    for _, segment in ipairs(ours) do
      assert.equal("SYN_SENT", segment.state)
      assert.equal(4, segment.ip)
      assert.equal("R", segment.kind)
      assert.is_true(segment.sequence > 0)
    end
  end)
end)
