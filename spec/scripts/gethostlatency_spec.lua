local process = require("spec.support.process")
local tool = require("spec.support.tool")

describe("gethostlatency", function()
  it("shows each look-up, with its result and time", function()
    local program = process.compile([[
      #include <netdb.h>
      int main(void)
      {
          struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *list;
          for (int i = 0; i < 7; i++)
              if (!getaddrinfo("127.0.0.1", 0, &hints, &list))
                  freeaddrinfo(list);
          for (int i = 0; i < 5; i++)
              getaddrinfo("no number", 0, &hints, &list);
          for (int i = 0; i < 3; i++)
              gethostbyname("127.0.0.2");
          return 0;
      }]])
    finally(function() os.remove(program) end)
    local pid, go = tool.prepare(program)
    local calls = tool.select(tool.records("gethostlatency", go), function(record)
      return record.pid == pid
    end)
    assert.equal(15, #calls)
    for i, call in ipairs(calls) do
      assert.equal(i <= 7 and "127.0.0.1" or i <= 12 and "no number" or "127.0.0.2", call.host)
      assert.equal(i > 7 and i <= 12 and -2 or 0, call.error)
      assert.is_true(call.latency_ns > 0)
    end
  end)
end)
