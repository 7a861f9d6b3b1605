local tool = require("spec.support.tool")

describe("cachestat", function()
  it("counts hits of what was read before", function()
    if tool.no_kprobes() then return pending(tool.no_kprobes()) end
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    assert(os.execute(("dd if=/dev/zero of=%s bs=4096 count=503 status=none"):format(path)))
    local _, go = tool.prepare(("dd if=%s of=/dev/null bs=4096 status=none"):format(path))
    local hits, misses = 0, 0
    for _, record in ipairs(tool.records("cachestat 100", go)) do
      hits, misses = hits + record.hits, misses + record.misses
      assert.is_true(record.cached_bytes > 503 * 4096)
    end
    assert.is_true(hits >= 503)
    assert.is_true(misses < hits)
  end)
end)
