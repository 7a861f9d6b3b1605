local process = require "spec.support.process"
local tool = require "spec.support.tool"

-- The folder of the server's programs, or nil.
local function find_server()
  local list <close> = io.popen("ls -dv /usr/lib/postgresql/*/bin 2> /dev/null")
  local newest
  for path in list:lines() do newest = path end
  return newest
end

local server = find_server()
local queries = 5

describe("postgres_queries", function()
  it("#any_kernel shows each query once, with its text and time", not server and function()
    pending("needs PostgreSQL (apt-get install postgresql)")
  end or function()
    -- A database of our own, which one process serves from its standard input.
    local folder = os.tmpname()
    os.remove(folder)
    local as_owner = "su -s /bin/sh postgres -c "
    assert(os.execute(("%s '%s/initdb -N -A trust -D %s' > /dev/null 2>&1"):format(as_owner, server,
      folder)))
    local text = {}
    for i = 1, queries do text[i] = ("select %d;\\n"):format(7000 + i) end
    local records = tool.records("postgres_queries", function()
      local serve = "%s 'printf \"%s\" | %s/postgres --single -D %s postgres'"
      local status = process.run(serve:format(as_owner, table.concat(text), server, folder))
      assert.equal(0, status)
    end)
    os.execute("rm -rf " .. folder)
    records = tool.select(records, function(record) return record.query:find("^select 7") end)
    assert.equal(queries, #records)
    for i, record in ipairs(records) do
      assert.equal(("select %d;"):format(7000 + i), record.query:match("%S.*%S"))
      assert.is_true(record.duration_ns > 0)
    end
  end)
end)
