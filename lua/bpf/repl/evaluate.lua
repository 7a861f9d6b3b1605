-- Text that a person typed, to a function.

local evaluate = {}

--- Globals for typed text: Lua's own, and bpf, BPF and USDT. What the text defines stays in here.
function evaluate.environment()
  local bpf = require "bpf"
  return setmetatable({ bpf = bpf, BPF = bpf.BPF, USDT = bpf.USDT }, { __index = _G })
end

--- Compiles an expression or statements. Gives the function; or nil, why not, and whether more
-- text could make it right.
function evaluate.compile(text, name, environment)
  local fn = load("return " .. text, name, "t", environment)
  if fn then
    return fn
  end
  local problem
  fn, problem = load(text, name, "t", environment)
  if fn then
    return fn
  end
  return nil, problem, problem:find("<eof>'?$") ~= nil or problem:find("unfinished long") ~= nil
end

return evaluate
