local process = require "spec.support.process"
local tool = require "spec.support.tool"

local marker = "luabpf-marker-" .. process.own_pid()
local no_openssl = not os.execute("openssl version > /dev/null 2>&1")
  and "needs the program openssl (apt-get install openssl)" or nil

-- A server that sends each line back reversed, and one client that sends it the marker and waits
-- for the answer.
local function talk(key)
  local server = process.start(("openssl s_server -accept 127.0.0.1:0 -key %s -cert %s.crt -rev"
    .. " -naccept 1"):format(key, key))
  local port = tonumber(server:wait_for("^ACCEPT"):match("%d+$"))
  os.execute(([[{ echo %s; for i in $(seq 999); do grep -qs %s %s.out && break; sleep .05; done; } \
    | timeout 60 openssl s_client -connect 127.0.0.1:%d > %s.out 2>&1]]):format(marker,
    marker:reverse(), key, port, key))
  server:finish()
end

describe("sslsniff", function()
  local key
  setup(function()
    key = os.tmpname()
    os.execute(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
      .. "-keyout %s -out %s.crt -days 2 -subj /CN=luabpf 2> /dev/null"):format(key, key))
  end)
  teardown(function()
    os.remove(key)
    os.remove(key .. ".crt")
    os.remove(key .. ".out")
  end)

  it("#any_kernel shows what a program writes and reads, once", no_openssl and function()
    pending(no_openssl)
  end or function()
    local records = tool.records("sslsniff --handshake --comm openssl", function()
      talk(key)
    end)
    local seen, handshakes = {}, 0
    for _, record in ipairs(records) do
      local text = record.data
      if record.func == "HANDSHAKE" then
        assert.is_true(record.latency_ns > 1000)
        handshakes = handshakes + 1
      end
      assert.equal(record.size, #text)
      if text:find(marker, 1, true) or text:find(marker:reverse(), 1, true) then
        seen[#seen + 1] = record.func .. " " .. text:match("%S+")
        assert.is_true(record.latency_ns > 0)
      end
    end
    table.sort(seen)
    -- The client's; the server does it inside of the library.
    assert.same({ "READ/RECV " .. marker:reverse(), "WRITE/SEND " .. marker }, seen)
    assert.is_true(handshakes > 0)
  end)

  it("#any_kernel cuts data where it is told to, and shows bytes", no_openssl and function()
    pending(no_openssl)
  end or function()
    local out = tool.run("sslsniff -n openssl -x -l --hexdump --max-buffer-size 4", function()
      talk(key)
    end)
    assert.truthy(out:find("^FUNC +COMM +PID +UID +TID +LEN +LAT%(ms%)\n"))
    assert.truthy(out:find("\n6c 75 61 62\n... (", 1, true), out) -- "luab"
  end)

  it("#any_kernel says what is wrong with a library", function()
    local status, _, errors = process.run("./luabpf sslsniff --extra-lib openssl:/missing.so")
    assert.equal(1, status)
    assert.truthy(errors:find("/missing.so", 1, true), errors)
  end)
end)
