-- The command `luabpf -e CODE [ARG…]`: runs CODE with bpf, BPF and USDT in scope. The value of an
-- expression, or what CODE returns, is shown as `luabpf -i` shows it.

local evaluate = require "bpf.repl.evaluate"
local show = require "bpf.repl.show"

local function fail(message)
  io.stderr:write("luabpf: ", tostring(message), "\n")
  os.exit(1)
end

local code, arguments = arg[1], table.move(arg, 2, #arg, 1, { [0] = "-e" })
if not code then
  io.stderr:write("usage: luabpf -e CODE [ARG…]\n")
  os.exit(2)
end

local environment = evaluate.environment()
environment.arg = arguments
local fn, problem = evaluate.compile(code, "=(command line)", environment)
if not fn then
  fail(problem)
end
local results = table.pack(pcall(fn, table.unpack(arguments)))
if not results[1] then
  fail(results[2])
end
for i = 2, results.n do
  if results[i] ~= nil or results.n > 2 then
    print(show(results[i]))
  end
end
