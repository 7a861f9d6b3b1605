-- The tools in scripts/, run while a workload goes on.

local assert = require "luassert"
local json = require "dkjson"
local process = require "spec.support.process"

local tool = {}

-- Starts a tool, runs workload(tool) when it is ready, ends it with Ctrl-C, and returns what it has
-- printed. It must end well and leave nothing behind.
function tool.run(command, workload)
  local before = process.defined_probes()
  local running = process.start("./luabpf " .. command)
  local ready, is_ready = pcall(running.wait_for_rest, running)
  if ready and is_ready then
    workload(running)
    running:signal("INT")
  end
  local status, out, errors = running:finish()
  assert.equal("", errors)
  assert.equal(0, status)
  assert.equal(before, process.defined_probes())
  assert.is_true(ready and is_ready)
  return out
end

-- The same with --json: the objects.
function tool.records(command, workload)
  local records = {}
  for line in tool.run(command .. " --json", workload):gmatch("[^\n]+") do
    records[#records + 1] = assert(json.decode(line))
  end
  return records
end

-- Those of a list that test() holds for.
function tool.select(list, test)
  local selected = {}
  for _, item in ipairs(list) do
    if test(item) then selected[#selected + 1] = item end
  end
  return selected
end

-- Starts a shell command that first waits to be told: its id, and a function that tells it and
-- waits for its end.
function tool.prepare(command)
  local path = os.tmpname()
  os.remove(path)
  local input = assert(io.popen(("echo $$ > %s; read line; exec %s"):format(path, command), "w"))
  local pid
  process.wait_until(function()
    local file = io.open(path)
    pid = file and file:read("n")
    if file then file:close() end
    return pid
  end)
  os.remove(path)
  return pid, function()
    input:write("\n")
    return input:close()
  end
end

-- Why functions of the kernel can't be traced here; nil when they can.
function tool.no_kprobes()
  local feature = require "bpf".features().kprobe
  return not feature.available and "needs kprobes: " .. feature.reason or nil
end

return tool
